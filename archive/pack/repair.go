package pack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// repair mends a table, beginning with what changes least: keys alone, then rows that
// can be read, then with an index file made anew. Whether rows are lost, the books
// tell.
func (j *job) repair(ctx context.Context, table, damage string) error {
	j.log.Warn("a table is damaged: repairing it", "table", table, "damage", damage)
	w, err := j.a.Lock(ctx, j.opts.Wait)
	if err != nil {
		return err
	}
	defer w.Unlock()
	if j.tools != nil {
		size, err := j.size(ctx, table)
		if err == nil { // a copy of ours, perhaps one of the server's, and the rows that are written anew
			_, err = j.enough(ctx, j.tools.database, 3*size)
		}
		if err != nil {
			return err
		}
	}
	// A repair that is asked to be quick tries again without that when it meets rows
	// that it cannot read, and drops them (seen with 10.11).
	if err := j.keepRows(ctx, table, damage); err != nil {
		return err
	}
	said := ""
	for _, how := range []string{"QUICK", "", "EXTENDED", "USE_FRM"} {
		if err = j.lock.Repair(ctx, table, how); err != nil {
			return err
		}
		j.step("repaired")
		if said, err = j.lock.Check(ctx, table); err != nil {
			return err
		}
		if said == "" {
			return nil
		}
	}
	return fmt.Errorf("%s is damaged (%s) and cannot be repaired (%s): load the day again (nfacct import --day)", table, damage, said)
}

// keepRows copies the damaged table's data file, under a name like those that the
// server gives the ones it keeps when it repairs a table by itself, which it does
// as soon as somebody opens it (myisam_recover_options).
func (j *job) keepRows(ctx context.Context, table, damage string) error {
	if j.tools == nil {
		if j.opts.Accept {
			return nil
		}
		return fmt.Errorf("%s is damaged (%s), a repair drops the rows that cannot be read, and no copy can be kept from here: copy %s.MYD on the server's machine, then run nfacct archive --month %s --accept", table, damage, table, j.month)
	}
	kept := j.tools.database + "/" + table + ".MYD-" + time.Now().UTC().Format("060102150405") + "-nfacct.BAK"
	if _, err := j.tools.run(ctx, "cp", "-p", j.tools.database+"/"+table+".MYD", kept); err != nil {
		return fmt.Errorf("keep a copy of %s: %w", table, err)
	}
	j.kept = append(j.kept, kept)
	j.step("rows kept")
	return j.tools.sync(ctx, kept, j.tools.database)
}

// keptRows are the data files of the month's tables from before repairs: this
// attempt's, and where the folder can be read, also those of earlier ones and of
// the server.
func (j *job) keptRows() (names []string) {
	if j.tools == nil {
		return nil
	}
	if len(j.tools.prefix) == 0 {
		entries, _ := os.ReadDir(j.tools.database) // what cannot be read is not there to be dropped
		for _, e := range entries {
			if name := e.Name(); strings.HasPrefix(name, j.month.Table()) && strings.Contains(name, ".MYD-") && strings.HasSuffix(name, ".BAK") {
				names = append(names, filepath.Join(j.tools.database, name))
			}
		}
	}
	for _, kept := range j.kept {
		if !slices.Contains(names, kept) {
			names = append(names, kept)
		}
	}
	return names
}

// dropKept removes them: all rows that were loaded are there.
func (j *job) dropKept(ctx context.Context) error {
	names := j.keptRows()
	if len(names) == 0 {
		return nil
	}
	_, err := j.tools.run(ctx, "rm", append([]string{"-f"}, names...)...)
	j.kept = nil
	return err
}
