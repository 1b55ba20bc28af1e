package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
)

// repairArchive mends every table of the database, and says which days have to be
// imported again.
func (a *app) repairArchive(ctx context.Context, wait time.Duration) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	db, err := archive.OpenDamaged(ctx, cfg.Database, a.log)
	if err != nil {
		return exit.Database(err)
	}
	defer db.Close()
	m, err := db.Mend(ctx, wait)
	if a.json {
		err = errors.Join(err, a.printJSON(m))
	} else {
		a.printMending(m)
	}
	if err != nil {
		return exit.Database(err)
	}
	var left []string
	for _, t := range m.Mended {
		if !t.Sound {
			left = append(left, fmt.Sprintf("%s is damaged (%s) and is not mended: %s", t.Table, t.Damage, t.Said))
		}
	}
	if left != nil {
		return errors.New(strings.Join(left, "\n"))
	}
	commands := stages.ImportAgain(m.Days)
	for _, name := range m.Files {
		commands = append(commands, "nfacct import "+terminal.Printable(name))
	}
	if commands == nil {
		return nil
	}
	return exit.Partial(fmt.Errorf("rows, books and sums do not agree: import again, before other files: %s", strings.Join(commands, "; ")))
}

func (a *app) printMending(m *archive.Mending) {
	if a.quiet {
		return
	}
	for _, t := range m.Mended {
		if !t.Sound {
			continue // is in the error
		}
		fmt.Fprintf(a.out, "%s was damaged (%s) and is mended", t.Table, t.Damage)
		if t.Said != "" {
			fmt.Fprintf(a.out, ": %s", t.Said)
		}
		if t.Copy != "" {
			fmt.Fprintf(a.out, "; its files as they were are in %s", t.Copy)
		}
		fmt.Fprintln(a.out)
	}
	if !slices.ContainsFunc(m.Mended, func(t archive.Mended) bool { return !t.Sound }) && (a.verbose || terminal.Is(a.out) || len(m.Mended) > 0) {
		fmt.Fprintf(a.out, "%s: all sound now\n", terminal.Plural(m.Tables, "table"))
	}
}
