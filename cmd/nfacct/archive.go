package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/archive/pack"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/importer"
)

// archiveFlags are what the command line of archive says.
type archiveFlags struct {
	month                        string
	unpack, list, dryRun, accept bool
	repair                       bool
	wait                         time.Duration
}

func (a *app) archiveCommand() *cobra.Command {
	var f archiveFlags
	cmd := &cobra.Command{
		Use:   "archive",
		Short: "pack the months that are over, to about two fifths; or unpack one",
		Long: `Packs every month that is over, imported and not packed yet: the tables of its days
are checked and repaired, copied into one that is packed and compared with them and
with the books, and only then replaced by it. Whoever reads goes on meanwhile and
gets the same answers. Interrupted at any point, the next run finishes or goes on.

A month with files still to import is refused, and the files are named. So is one
that holds something else than its books say, unless --accept is given. A packed
month with rows that came late is packed again with them.

With archive.keep_months set, older months are dropped first.

Where flows are, and what each kind of server does:

  flows_2026_11_23  a day
  flows_2026_11     all days of a month that is not packed, to be read
  flows_2026_10c    a packed month; flows_2026_10_23 beside it has late rows, or the
                    whole day when it was loaded again

                    private, or MyISAM   given, MyISAM off
  keys of a day     when it is over      from the start
  flows_2026_11     MERGE table          view (right CREATE VIEW)
  checksum of rows  kept by the server   none
  packed with       myisampack           InnoDB, compressed`,
		Example: `  nfacct archive
  nfacct archive --list
  nfacct archive --month 2026-10 --unpack
  nfacct archive --repair`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if f.repair {
				if f.month != "" || f.unpack || f.list || f.dryRun || f.accept {
					return exit.Usage(errors.New("--repair is for the whole database: leave the other flags out"))
				}
				return a.repairArchive(c.Context(), f.wait)
			}
			return a.archive(c.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.month, "month", "", "only this `MONTH`: 2026-10")
	flags.BoolVar(&f.unpack, "unpack", false, "give the days of the month their tables back")
	flags.BoolVar(&f.list, "list", false, "list months: rows, sizes, when packed and verified")
	flags.BoolVar(&f.repair, "repair", false, "mend every damaged table, and say which days to import again")
	flags.BoolVar(&f.dryRun, "dry-run", false, "change nothing, say what would be done")
	flags.BoolVar(&f.accept, "accept", false, "pack the month although its books say something else; or unpack what can be read of a damaged one, or give up one whose table is gone")
	flags.DurationVar(&f.wait, "wait", 2*time.Minute, "how long to wait for imports and others who pack")
	return cmd
}

// month is the one that the command line names; the zero Month is none.
func (f archiveFlags) parse() (m archive.Month, err error) {
	switch {
	case f.list && (f.unpack || f.dryRun || f.accept):
		return m, errors.New("--list changes nothing: leave the other flags out")
	case f.unpack && f.month == "":
		return m, errors.New("--unpack of which month? Add --month, as in --month 2026-10")
	case f.accept && f.month == "":
		return m, errors.New("--accept is for one month: add --month, as in --month 2026-10")
	case f.month == "":
		return m, nil
	}
	if m, err = archive.ParseMonth(f.month); err != nil {
		return m, fmt.Errorf("--month: %w", err)
	}
	return m, nil
}

func (a *app) archive(ctx context.Context, f archiveFlags) error {
	month, err := f.parse()
	if err != nil {
		return exit.Usage(err)
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	open := a.openDatabase
	if f.list || f.dryRun {
		open = a.openToRead
	}
	db, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	packer := pack.New(cfg.Archive, db, a.log)
	switch {
	case f.list:
		return a.listMonths(ctx, packer, month, cfg.Location())
	case f.unpack:
		return a.unpackMonth(ctx, packer, month, f)
	}
	if !f.dryRun {
		if err := packer.Recover(ctx, f.wait); err != nil {
			return exit.Database(err)
		}
	}
	today := importer.Today(time.Now(), cfg.Location())
	if !f.dryRun && month == (archive.Month{}) {
		if err := packer.CloseDays(ctx, today, f.wait); err != nil {
			return exit.Database(err)
		}
	}
	todo, err := packer.Plan(ctx, today, month, stages.Pending(cfg, db))
	if err != nil {
		return exit.Database(err)
	}
	if f.dryRun {
		ready := packer.Ready(ctx)
		for i := range todo {
			if todo[i].Do == pack.DoPack && ready != nil {
				todo[i].Refuse(ready.Error())
			}
		}
		return a.printPlan(todo, month)
	}
	bar := a.progress()
	results := packer.Do(ctx, todo, pack.Options{Wait: f.wait, Accept: f.accept, Progress: bar.Bytes})
	bar.Clear()
	err = stages.PackError(ctx, results)
	if printing := a.printPacked(results); printing != nil && err == nil {
		err = printing
	}
	return err
}

func (a *app) unpackMonth(ctx context.Context, packer *pack.Packer, month archive.Month, f archiveFlags) error {
	if f.dryRun {
		action, err := packer.UnpackPlan(ctx, month)
		if err != nil {
			return exit.Database(err)
		}
		return a.printPlan([]pack.Action{action}, month)
	}
	problem, err := packer.Unpack(ctx, month, pack.Options{Wait: f.wait, Accept: f.accept})
	result := pack.Result{Month: month.String(), Done: pack.Unpacked, Problem: problem}
	if err != nil {
		result.Done, result.Problem, result.Err = pack.Failed, err.Error(), err
	}
	if printing := a.printPacked([]pack.Result{result}); printing != nil && err == nil {
		err = printing
	}
	return exit.Database(err)
}

// printPlan prints what would be done. That one month which was asked for would be
// refused is an error, as it is without --dry-run.
func (a *app) printPlan(todo []pack.Action, only archive.Month) error {
	var refused error
	if only != (archive.Month{}) && len(todo) == 1 && todo[0].Do == pack.DoRefuse {
		refused = fmt.Errorf("%s would not be %s: %s", todo[0].Name, todo[0].Asked, todo[0].Reason)
	}
	if a.json {
		if todo == nil {
			todo = []pack.Action{}
		}
		return errors.Join(a.printJSON(todo), refused)
	}
	if refused != nil {
		return refused
	}
	if len(todo) == 0 {
		fmt.Fprintln(a.out, "no month is to be packed")
	}
	for _, d := range todo {
		switch {
		case d.Do == pack.DoRefuse:
			fmt.Fprintf(a.out, "%s would not be %s: %s\n", d.Name, d.Asked, d.Reason)
		case d.Reason != "":
			fmt.Fprintf(a.out, "%s: would %s, because %s\n", d.Name, d.Do, d.Reason)
		default:
			fmt.Fprintf(a.out, "%s: would %s\n", d.Name, d.Do)
		}
	}
	return nil
}

// printPacked prints what was done: as JSON when asked, as text on a terminal or
// with -v.
func (a *app) printPacked(results []pack.Result) error {
	if a.json {
		return a.printJSON(results)
	}
	if !a.verbose && !terminal.Is(a.out) || a.quiet {
		return nil
	}
	for _, r := range results {
		if r.Err != nil {
			continue // is in the error
		}
		if r.Done != pack.Packed {
			fmt.Fprintf(a.out, "%s %s", r.Month, r.Done)
			if r.Problem != "" {
				fmt.Fprintf(a.out, ", although %s", r.Problem)
			}
			fmt.Fprintln(a.out)
			continue
		}
		fmt.Fprintf(a.out, "%s packed: %s rows of %s flows, %s to %s, %.1f bytes a flow, in %.1f s\n", r.Month,
			terminal.Number(r.Rows), terminal.Number(r.Flows), terminal.Bytes(r.LiveBytes), terminal.Bytes(r.Bytes), r.BytesPerFlow, r.Seconds)
	}
	return nil
}
