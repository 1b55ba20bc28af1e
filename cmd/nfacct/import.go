package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/importer"
)

// importFlags are what the command line of import says.
type importFlags struct {
	day, from, to string
	dryRun        bool
	wait          time.Duration
}

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import [FILE...]",
		Short: "load spool files into the database, each exactly once",
		Long: `Loads all sealed spool files that are not loaded yet; or the given files and
folders (spool files, pcap, pcapng, flow-tools ft-v05); or, with --day or --from
and --to, days again from the files they were loaded from, by the routers and
rules of now.

With --dry-run nothing is loaded: it prints what would be, and what each rule
would leave out.`,
		Example: `  nfacct import
  nfacct import --day yesterday --dry-run
  nfacct import /var/db/flows/2026-11`,
		RunE: func(c *cobra.Command, files []string) error { return a.importFiles(c.Context(), f, files) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.day, "day", "", "load this `DAY` again: 2026-11-23, today or yesterday")
	flags.StringVar(&f.from, "from", "", "load the days from this `DAY` on again")
	flags.StringVar(&f.to, "to", "", "the last `DAY` of --from")
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
		return usageError(err)
	}
	if len(days) > 0 && len(files) > 0 {
		return usageError(errors.New("days and files: a day is loaded again from the files it came from; leave one of the two out"))
	}
	var db *archive.Archive
	if !f.dryRun {
		if db, err = archive.Open(ctx, cfg.Database, a.log); err != nil {
			return importError(err)
		}
		defer db.Close()
	}
	im, err := newImporter(cfg, db, a)
	if err != nil {
		return usageError(err)
	}
	bar := a.progress()
	opts := importer.Options{Wait: f.wait, Progress: bar.set}
	var summaries []importer.Summary
	for _, day := range days {
		var s importer.Summary
		if f.dryRun {
			s, err = im.Preview(ctx, nil, day, opts)
		} else {
			s, err = im.ImportDay(ctx, day, opts)
		}
		summaries = append(summaries, s)
		if err != nil && !errors.Is(err, importer.ErrPartial) {
			break
		}
	}
	if len(days) == 0 {
		var s importer.Summary
		if f.dryRun {
			s, err = im.Preview(ctx, files, archive.Day{}, opts)
		} else {
			s, err = im.Import(ctx, files, opts)
		}
		summaries = append(summaries, s)
	}
	bar.clear()
	for i := range summaries {
		if printing := a.printImport(&summaries[i], f.dryRun); printing != nil && err == nil {
			err = printing
		}
	}
	return importError(err)
}

// newImporter hands the configuration over.
func newImporter(cfg *config.Config, db *archive.Archive, a *app) (*importer.Importer, error) {
	var routers []importer.Router
	for _, r := range cfg.Routers {
		router := r.Router
		router.Name, router.Export = r.Name, r.Export
		routers = append(routers, router)
	}
	c := cfg.Importer
	c.Spool = cfg.Spool.Folder
	return importer.New(c, routers, cfg.Location(), db, a.log)
}

// days lists the days that the flags ask for.
func (f importFlags) days(now time.Time, loc *time.Location) ([]archive.Day, error) {
	if f.day != "" {
		if f.from != "" || f.to != "" {
			return nil, errors.New("--day and --from or --to: choose one day or a range")
		}
		day, err := archive.ParseDay(f.day, now, loc)
		return []archive.Day{day}, err
	}
	if f.from == "" && f.to == "" {
		return nil, nil
	}
	if f.from == "" {
		return nil, errors.New("--to without --from: say which day the range begins with")
	}
	from, err := archive.ParseDay(f.from, now, loc)
	if err != nil {
		return nil, err
	}
	to := archive.DayOf(now.In(loc))
	if f.to != "" {
		if to, err = archive.ParseDay(f.to, now, loc); err != nil {
			return nil, err
		}
	}
	if to.Before(from) {
		return nil, fmt.Errorf("--to %s is before --from %s", to, from)
	}
	var days []archive.Day
	for day := from; !to.Before(day); day = day.Add(1) {
		days = append(days, day)
	}
	return days, nil
}

// importError gives an import's error its exit code.
func importError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, archive.ErrLocked), errors.Is(err, archive.ErrUnavailable):
		return temporaryError(err)
	case errors.Is(err, importer.ErrPartial):
		return partialError(err)
	}
	return err
}

// printImport prints a summary: as JSON when asked, as text on a terminal, with
// -v, or for a dry run, which is asked for its text.
func (a *app) printImport(s *importer.Summary, dryRun bool) error {
	for _, addr := range s.Strangers() {
		a.log.Warn("datagrams of an unknown exporter were left out; if it is a router of yours, add its address to the export list of a [[router]], then import the files again by naming a day",
			"address", addr, "datagrams", s.Unknown[addr])
	}
	if a.json {
		encoder := json.NewEncoder(a.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(s)
	}
	if !dryRun && !a.verbose && !isTerminal(a.out) || a.quiet {
		return nil
	}
	verb := "loaded"
	if dryRun {
		verb = "read"
	}
	fmt.Fprintf(a.out, "%d files %s, %d loaded before, %d failed; %s records, %s rows\n",
		s.Loaded, verb, s.Known, s.Failed, humanize.Comma(int64(s.Records)), humanize.Comma(int64(s.Rows)))
	if s.Estimated {
		fmt.Fprintln(a.out, "bytes and packets are estimates: the routers sample")
	}
	for i := range s.Books {
		printBook(a.out, &s.Books[i])
	}
	return nil
}

// printBook prints what became of a router's records on a day.
func printBook(w io.Writer, b *archive.Book) {
	fmt.Fprintf(w, "\n%s %s: %s records, %s\n", b.Day, b.Router, humanize.Comma(int64(b.Records)), humanize.IBytes(b.Bytes))
	line := func(kind, name string, c archive.Counts) {
		if c.Records == 0 && c.Bytes == 0 {
			return
		}
		fmt.Fprintf(w, "  %-9s %-20s %14s records %10s %6.2f %%\n", kind, name, humanize.Comma(int64(c.Records)), humanize.IBytes(c.Bytes),
			100*float64(c.Bytes)/float64(max(b.Bytes, 1)))
	}
	c := &b.Classes
	line("class", "up", c.Up)
	line("class", "down", c.Down)
	line("class", "router_local", c.RouterLocal)
	line("class", "internal", c.Internal)
	line("class", "transit", c.Transit)
	line("class", "unattributed", c.Unattributed)
	names := make([]string, 0, len(b.Excluded))
	for name := range b.Excluded {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		line("left out", name, b.Excluded[name])
	}
	line("accounted", "", b.Loaded.Counts)
	if b.LostRecords > 0 || b.KernelDropped > 0 || b.NoTemplate > 0 {
		fmt.Fprintf(w, "  lost %s records, %s datagrams dropped by the kernel, %s data sets without template\n",
			humanize.Comma(int64(b.LostRecords)), humanize.Comma(int64(b.KernelDropped)), humanize.Comma(int64(b.NoTemplate)))
	}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// progressBar is drawn on a terminal for work that takes longer than a second.
type progressBar struct {
	w     io.Writer // nil: not drawn
	start time.Time
	drawn bool
}

func (a *app) progress() *progressBar {
	bar := &progressBar{start: time.Now()}
	if !a.quiet && !a.verbose && isTerminal(a.errOut) {
		bar.w = a.errOut
	}
	return bar
}

func (p *progressBar) set(done, all int64) {
	if p.w == nil || time.Since(p.start) < time.Second || all == 0 {
		return
	}
	const width = 40
	filled := int(done * width / all)
	p.drawn = true
	fmt.Fprintf(p.w, "\r[%-*s] %3d %%  %s of %s", width, "========================================"[:min(filled, width)],
		done*100/all, humanize.IBytes(uint64(done)), humanize.IBytes(uint64(all)))
}

func (p *progressBar) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
