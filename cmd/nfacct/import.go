package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/importer"
)

// importFlags are what the command line of import says.
type importFlags struct {
	dayFlags
	forget []string
	dryRun bool
	wait   time.Duration
}

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import [FILE...]",
		Short: "load spool files into the database, each exactly once",
		Long: `Loads all sealed spool files that are not loaded yet, and what is new in Squid's
log where report.squid.access_log names it; or the given files and
folders (spool files, pcap, pcapng, flow-tools ft-v05); or, with --day or --from
and --to, days again from the files they were loaded from, by the routers and
rules of now. Files of the spool give the same rows whether they are imported
alone or together; a given file that is not of the spool stands for itself, so
a v5 download is charged by uploads of the same file only.

A given file that was imported while it was shorter is replaced. --forget takes a
file out again, which needs the other files of its days; cut short, the next import
finishes it.

With --dry-run nothing is loaded: it prints what would be, and what each rule
would leave out. If a day cannot be loaded again, it stays as it was, and the
error says why.`,
		Example: `  nfacct import
  nfacct import --day yesterday --dry-run
  nfacct import /var/db/flows/2026-11`,
		RunE: func(c *cobra.Command, files []string) error { return a.importFiles(c.Context(), f, files) },
	}
	flags := cmd.Flags()
	f.add(flags, "load this `DAY` again: 2026-11-23, today or yesterday")
	flags.StringArrayVar(&f.forget, "forget", nil, "take this `FILE` out again: its days are loaded again without it")
	flags.BoolVar(&f.dryRun, "dry-run", false, "load nothing, print what rules would leave out")
	flags.DurationVar(&f.wait, "wait", 30*time.Second, "how long to wait for another import")
	return cmd
}

func (a *app) importFiles(ctx context.Context, f importFlags, files []string) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	days, err := f.days(time.Now(), cfg.Location())
	if err != nil {
		return exit.Usage(err)
	}
	if len(days) > 0 && len(files) > 0 {
		return exit.Usage(errors.New("days and files: a day is loaded again from the files it came from; leave one of the two out"))
	}
	if len(f.forget) > 0 && (f.dryRun || len(days)+len(files) > 0) {
		return exit.Usage(errors.New("--forget stands alone: leave days, files and --dry-run out"))
	}
	if err := cfg.NoRouter(); err != nil {
		return exit.Usage(err)
	}
	var db *archive.Archive
	// A dry run of a day asks the ledger which files it came from; and what is
	// inside may be known to the archive alone.
	if !f.dryRun || len(days) > 0 && cfg.Database.Exists() || stages.DependsOnFacts(cfg) {
		if db, err = a.openDatabase(ctx, cfg); err != nil {
			return err
		}
		defer db.Close()
	}
	im, err := stages.Importer(ctx, cfg, db, a.log)
	if err != nil {
		return err
	}
	bar := a.progress()
	opts := importer.Options{Wait: f.wait, Progress: bar.Bytes}
	// one imports, or previews, one of the day or the files.
	one := func(day archive.Day) (importer.Summary, error) {
		switch {
		case len(f.forget) > 0:
			return im.Forget(ctx, f.forget, opts)
		case f.dryRun:
			return im.Preview(ctx, files, day, opts)
		case day.IsZero():
			return im.Import(ctx, files, opts)
		}
		return im.ImportDay(ctx, day, opts)
	}
	if len(days) == 0 {
		days = []archive.Day{{}}
	}
	var summaries []importer.Summary
	var failed, short []error
	for _, day := range days {
		s, err := one(day)
		summaries = append(summaries, s)
		for _, problem := range s.Problems(len(files) > 0 && !f.dryRun, cfg.Spool.Folder) {
			short = append(short, fmt.Errorf("import %s", problem))
		}
		if err != nil {
			failed = append(failed, importError(err))
		}
		if ctx.Err() != nil || errors.Is(err, archive.ErrLocked) || errors.Is(err, archive.ErrUnavailable) {
			break // the other days would fare no better
		}
	}
	err = errors.Join(failed...)
	if 0 < len(failed) && len(failed) < len(summaries) {
		err = exit.Partial(err)
	}
	if err == nil && short != nil {
		err = exit.Partial(errors.Join(short...))
	}
	if !f.dryRun && ctx.Err() == nil && len(files) == 0 && !errors.Is(err, archive.ErrLocked) && !errors.Is(err, archive.ErrUnavailable) {
		if after := stages.AfterImport(ctx, cfg, db, a.log, f.wait); after != nil && err == nil {
			err = exit.Partial(after)
		}
	}
	bar.Clear()
	for i := range summaries {
		if printing := a.printImport(&summaries[i], f.dryRun); printing != nil && err == nil {
			err = printing
		}
	}
	return err
}

// importError gives an import's error its exit code.
func importError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, importer.ErrPartial):
		return exit.Partial(err)
	}
	return exit.Database(err)
}

// printImport prints a summary: as JSON when asked, as text on a terminal, with
// -v, or for a dry run, which is asked for its text.
func (a *app) printImport(s *importer.Summary, dryRun bool) error {
	a.warnOfStrangers(s)
	for _, f := range s.Files {
		for _, u := range f.Unread {
			if f.Records > 0 { // else it is an error
				a.log.Warn(u.Text, "file", f.Name)
			}
		}
	}
	if s.NoTemplate > 0 {
		var names []string
		for _, f := range s.Files {
			if f.NoTemplate > 0 {
				names = append(names, f.Name)
			}
		}
		a.log.Warn("data sets were left out, because no file brought the template that describes them; they are counted in the books, and loaded as soon as a file with the template is imported; a router that sends its templates more often (v9-template-refresh, v9-template-timeout) leaves out less",
			"data_sets", s.NoTemplate, "files", len(names), "first", names[0])
	}
	if a.json {
		return a.printJSON(s)
	}
	if !dryRun && !a.verbose && !terminal.Is(a.out) || a.quiet {
		return nil
	}
	verb := "loaded"
	if dryRun {
		verb = "read"
	}
	fmt.Fprintf(a.out, "%s %s, %d loaded before, %d failed; %s, %s\n",
		terminal.Plural(s.Loaded, "file"), verb, s.Known, s.Failed, terminal.Plural(s.Records, "record"), terminal.Plural(s.Rows, "row"))
	if s.Estimated {
		fmt.Fprintln(a.out, "bytes and packets are estimates: the routers sample")
	}
	for i := range s.Books {
		printBook(a.out, &s.Books[i])
	}
	return nil
}

// namedStrangers is how many unknown exporters get a line each.
const namedStrangers = 3

// warnOfStrangers names the first unknown exporters, and says how many more there are.
func (a *app) warnOfStrangers(s *importer.Summary) {
	var more uint64
	strangers := s.Strangers()
	for i, addr := range strangers {
		if i >= namedStrangers {
			more += s.Unknown[addr]
			continue
		}
		a.log.Warn("datagrams of an unknown exporter were left out; if it is a router of yours, add its address to the export list of a [[router]], then import the files again by naming a day",
			"address", addr, "datagrams", s.Unknown[addr])
	}
	if n := len(strangers) - namedStrangers; n > 0 || s.UnknownOthers > 0 {
		a.log.Warn("datagrams of more unknown exporters were left out; nfacct import --json lists them", "addresses", max(n, 0), "datagrams", more+s.UnknownOthers)
	}
}
