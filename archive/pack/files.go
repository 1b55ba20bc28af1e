package pack

import (
	"context"
	"fmt"
	"nfacct/archive/mariadb"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// sortMemory is what myisamchk may use to sort keys.
const sortMemory = "256M"

// packFiles packs a copy of the staging table's files, which takes its place.
func (j *job) packFiles(ctx context.Context) error {
	t := j.tools
	folder := t.work + "/" + j.lock.Token()
	table := folder + "/" + j.month.StagingTable()
	if _, err := t.run(ctx, "mkdir", "-p", "-m", "0700", folder); err != nil {
		return err
	}
	if err := j.copyFiles(ctx, table); err != nil {
		return err
	}
	// From here on the copy is what there is: its space is needed.
	if err := j.lock.Unstage(ctx, j.month); err != nil {
		return err
	}
	j.step("copied")
	j.progress(stepCopy)
	stop := j.watch(table)
	defer stop()
	const quiet = "--silent"
	// With force tables of a few rows are packed too.
	if _, err := t.run(ctx, "myisampack", "--no-defaults", quiet, "--force", table); err != nil {
		return err
	}
	j.step("packed")
	j.progress(stepPack)
	if _, err := t.run(ctx, "myisamchk", "--no-defaults", quiet, "-rq", "--sort-index", "--analyze",
		"--sort_buffer_size="+sortMemory, "--tmpdir="+folder, table); err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	j.step("keys made")
	j.progress(stepKeys)
	// Every row is read, and the keys are counted. An extended check looks up each key
	// of each row, in an index that was made a moment before, which took hours for a
	// month of 150 million rows; the checksum over all rows is compared anyway.
	if _, err := t.run(ctx, "myisamchk", "--no-defaults", quiet, "--medium-check", table); err != nil {
		return fmt.Errorf("check the packed table: %w", err)
	}
	j.step("packed checked")
	j.progress(stepRead)
	return j.move(ctx, table)
}

// copyFiles takes the staging table's files. A link to the data file would do, as long
// as myisampack renames what it has written; but given --tmpdir it copies that over
// the file it has read (seen with 10.11), and whoever looks at the server's tables may
// have this one open. So no tool gets hold of anything but a copy.
func (j *job) copyFiles(ctx context.Context, copied string) error {
	staged := j.tools.database + "/" + j.month.StagingTable()
	return j.lock.Export(ctx, j.month, func() error {
		j.step("locked for copying")
		for _, ext := range []string{".MYD", ".MYI", ".frm"} {
			if _, err := j.tools.run(ctx, "cp", "-p", staged+ext, copied+ext); err != nil {
				return fmt.Errorf("copy the table: %w", err)
			}
			j.step("copying")
		}
		return nil
	})
}

// move brings the packed files into the database, the definition last: with it
// the table exists.
func (j *job) move(ctx context.Context, table string) error {
	if err := j.tools.sync(ctx, table+".MYD", table+".MYI", table+".frm"); err != nil {
		return err
	}
	for _, ext := range []string{".MYI", ".MYD", ".frm"} {
		if _, err := j.tools.run(ctx, "mv", table+ext, j.tools.database+"/"+j.month.StagingTable()+ext); err != nil {
			return fmt.Errorf("move the packed table: %w", err)
		}
		j.step("moving")
	}
	return j.tools.sync(ctx, j.tools.database)
}

// stagingRoom looks whether all that is made beside the month fits.
func (j *job) stagingRoom(ctx context.Context) error {
	if j.method == MethodInnoDB {
		// Rows and keys take about as much as they did.
		if err := j.a.Room(ctx, j.result.Live); err != nil {
			return fmt.Errorf("%w; the month stays as it is", err)
		}
		return nil
	}
	const keysOfRow = 12 // bytes; days without keys have none to go by
	return j.room(ctx, j.tools.work, j.result.Live, j.result.Rows*keysOfRow)
}

// room looks whether copies and what the tools need fit, for so many bytes of rows and
// keys: rows are staged, copied and written again, at most as big, and what is
// staged is dropped before the last; keys are made, and sorted. What comes out is
// moved into the database, which is another copy if that is on another disk.
func (j *job) room(ctx context.Context, folder string, data, keys uint64) error {
	// The folder may not be there yet.
	if _, err := j.tools.run(ctx, "mkdir", "-p", "-m", "0700", folder); err != nil {
		return err
	}
	disk, err := j.enough(ctx, folder, 2*data+3*keys)
	if err != nil {
		return err
	}
	if other, err := j.tools.disk(ctx, j.tools.database); err != nil || other.name == disk.name {
		return err
	}
	_, err = j.enough(ctx, j.tools.database, data+keys)
	return err
}

// enough looks whether a folder's disk has so many bytes and some to spare.
func (j *job) enough(ctx context.Context, folder string, want uint64) (disk, error) {
	d, err := j.tools.disk(ctx, folder)
	if err != nil {
		return d, err
	}
	if want += mariadb.Reserve; !j.roomFor(want - min(d.free, want)) {
		return d, fmt.Errorf("%w: %d MiB are free for %s, but up to %d MiB are needed; the month stays as it is", unix.ENOSPC, d.free>>20, folder, want>>20)
	}
	return d, nil
}

// watch draws the progress of myisampack from the size of what it writes, where
// that can be seen.
func (j *job) watch(table string) (stop func()) {
	if len(j.tools.prefix) > 0 {
		return func() {}
	}
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(300 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			info, err := os.Stat(filepath.Clean(table + ".TMD"))
			if err != nil || j.result.Live == 0 {
				continue
			}
			// Packed rows take about a third.
			part := min(1, 3*float64(info.Size())/float64(j.result.Live))
			j.progressed(stepCopy + part)
		}
	}()
	return func() { close(done); <-ended }
}
