package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/archive/pack"
	"nfacct/cmd/internal/config"
	"nfacct/collector/spool"
)

// archiveFlags are what the command line of archive says.
type archiveFlags struct {
	month                        string
	unpack, list, dryRun, accept bool
	wait                         time.Duration
}

func (a *app) archiveCommand() *cobra.Command {
	var f archiveFlags
	cmd := &cobra.Command{
		Use:   "archive",
		Short: "pack the months that are over, to about an eighth; or unpack one",
		Long: `Packs every month that is over, imported and not packed yet: its table is checked
and repaired, a copy of it packed, compared with it and with the books, and only
then put in its place. Whoever reads goes on meanwhile and gets the same answers.
Interrupted at any point, the next run finishes or starts over.

A month with files still to import is refused, and the files are named. So is one
that holds something else than its books say, unless --accept is given.

With archive.keep_months set, older months are dropped first.`,
		Example: `  nfacct archive
  nfacct archive --list
  nfacct archive --month 2026-10 --unpack`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.archive(c.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.month, "month", "", "only this `MONTH`: 2026-10")
	flags.BoolVar(&f.unpack, "unpack", false, "give back the month's live table")
	flags.BoolVar(&f.list, "list", false, "list months: rows, sizes, when packed and verified")
	flags.BoolVar(&f.dryRun, "dry-run", false, "change nothing, say what would be done")
	flags.BoolVar(&f.accept, "accept", false, "pack the month although its books say something else; or unpack what can be read of a damaged one")
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
		return usageError(err)
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	db, err := a.openDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	packer := pack.New(cfg.Archive, db, a.log)
	switch {
	case f.list:
		return a.listMonths(ctx, packer, month)
	case f.unpack:
		return a.unpackMonth(ctx, db, packer, month, f)
	}
	if !f.dryRun {
		if err := packer.Recover(ctx, f.wait); err != nil {
			return databaseError(err)
		}
	}
	m := monthEnd{app: a, cfg: cfg, db: db, packer: packer, now: time.Now(), wait: f.wait}
	todo, err := m.plan(ctx, month)
	if err != nil {
		return databaseError(err)
	}
	if f.dryRun {
		return a.printPlan(todo, month)
	}
	results, err := m.carryOut(ctx, todo, f.accept)
	if printing := a.printPacked(results); printing != nil && err == nil {
		err = printing
	}
	return err
}

// monthEnd is what the command and the job have in common.
type monthEnd struct {
	*app
	cfg    *config.Config
	db     *archive.Archive
	packer *pack.Packer
	now    time.Time
	wait   time.Duration
}

// today is the last day that is not over: until the first file after a month is
// sealed, the month is not over either.
func (m *monthEnd) today() archive.Day {
	return archive.DayOf(m.now.Add(-spool.SlotLength - time.Minute).In(m.cfg.Location()))
}

// deed is one month's part of a plan.
type deed struct {
	Month  archive.Month `json:"-"`
	Name   string        `json:"month"`
	Do     string        `json:"do"` // pack, drop or refuse
	Reason string        `json:"reason,omitempty"`
	Files  []string      `json:"files,omitempty"` // still to import
}

// plan says what is to be done: with one month, or with all.
func (m *monthEnd) plan(ctx context.Context, only archive.Month) ([]deed, error) {
	var todo []deed
	months := []archive.Month{only}
	if only == (archive.Month{}) {
		expired, err := m.packer.Expired(ctx, m.today())
		if err != nil {
			return nil, err
		}
		gone := map[archive.Month]bool{}
		for _, month := range expired {
			gone[month] = true
			todo = append(todo, deed{Month: month, Name: month.String(), Do: "drop", Reason: fmt.Sprintf("archive.keep_months is %d", m.cfg.Archive.KeepMonths)})
		}
		if months, err = m.packer.Due(ctx, m.today()); err != nil {
			return nil, err
		}
		for i := 0; i < len(months); i++ {
			if gone[months[i]] {
				months = append(months[:i], months[i+1:]...)
				i--
			}
		}
	}
	for _, month := range months {
		d, err := m.consider(ctx, month)
		if err != nil {
			return nil, err
		}
		todo = append(todo, d)
	}
	return todo, nil
}

// consider says whether a month can be packed.
func (m *monthEnd) consider(ctx context.Context, month archive.Month) (deed, error) {
	d := deed{Month: month, Name: month.String(), Do: "pack"}
	refuse := func(why string) (deed, error) {
		d.Do, d.Reason = "refuse", why
		return d, nil
	}
	if !month.Last().Before(m.today()) {
		return refuse("the month is not over")
	}
	tables, err := m.db.FlowTables(ctx, month.First(), month.Last())
	switch {
	case err != nil:
		return d, err
	case len(tables) == 0:
		return refuse("there is nothing of it")
	case tables[0] == month.PackedTable():
		return refuse("it is packed already")
	}
	if d.Files, err = pendingFiles(ctx, m.db, m.cfg, month.First(), month.Last()); err != nil {
		return d, err
	}
	if n := len(d.Files); n > 0 {
		return refuse(fmt.Sprintf("%d of its files are not imported yet; run nfacct import: %s", n, listed(d.Files)))
	}
	return d, nil
}

// listed names files, so many that a person still reads them.
func listed(files []string) string {
	const most = 20
	text := strings.Join(files[:min(len(files), most)], ", ")
	if more := len(files) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// packed is what became of a month.
type packed struct {
	Month        string  `json:"month"`
	Done         string  `json:"done"` // packed, dropped, unpacked
	Rows         uint64  `json:"rows,omitempty"`
	Flows        uint64  `json:"flows,omitempty"`
	LiveBytes    uint64  `json:"live_bytes,omitempty"`
	Bytes        uint64  `json:"bytes,omitempty"`
	BytesPerFlow float64 `json:"bytes_per_flow,omitempty"`
	Seconds      float64 `json:"seconds,omitempty"`
	Problem      string  `json:"problem,omitempty"`
}

// carryOut does what was planned; a month that fails does not stop the others.
func (m *monthEnd) carryOut(ctx context.Context, todo []deed, accept bool) ([]packed, error) {
	results := []packed{}
	var failed []error
	for _, d := range todo {
		if ctx.Err() != nil {
			break
		}
		switch d.Do {
		case "refuse":
			failed = append(failed, fmt.Errorf("%s is not packed: %s", d.Name, d.Reason))
			continue
		case "drop":
			if err := m.packer.Drop(ctx, d.Month, m.wait); err != nil {
				failed = append(failed, databaseError(err))
				continue
			}
			results = append(results, packed{Month: d.Name, Done: "dropped"})
			continue
		}
		bar := m.progress()
		r, err := m.packer.Pack(ctx, d.Month, pack.Options{Wait: m.wait, Accept: accept, Progress: bar.set})
		bar.clear()
		if err != nil {
			failed = append(failed, packError(err))
			continue
		}
		p := packed{Month: d.Name, Done: "packed", Rows: r.Rows, Flows: r.Flows, LiveBytes: r.Live, Bytes: r.Packed, Seconds: r.Took.Seconds(), Problem: r.Problem}
		if p.Flows > 0 {
			p.BytesPerFlow = float64(p.Bytes) / float64(p.Flows)
		}
		results = append(results, p)
	}
	err := errors.Join(append(failed, ctx.Err())...)
	if len(results) > 0 && err != nil {
		err = partialError(err)
	}
	return results, err
}

// packError gives an error its exit code: rows that came meanwhile are gone over
// by trying again.
func packError(err error) error {
	if errors.Is(err, archive.ErrDisturbed) {
		return temporaryError(err)
	}
	return databaseError(err)
}

func (a *app) unpackMonth(ctx context.Context, db *archive.Archive, packer *pack.Packer, month archive.Month, f archiveFlags) error {
	if f.dryRun {
		tables, err := db.FlowTables(ctx, month.First(), month.Last())
		if err != nil {
			return databaseError(err)
		}
		if len(tables) == 0 || tables[0] != month.PackedTable() {
			return fmt.Errorf("unpack %s: it is not packed", month)
		}
		return a.printPlan([]deed{{Name: month.String(), Do: "unpack"}}, month)
	}
	problem, err := packer.Unpack(ctx, month, pack.Options{Wait: f.wait, Accept: f.accept})
	if err != nil {
		return databaseError(err)
	}
	return a.printPacked([]packed{{Month: month.String(), Done: "unpacked", Problem: problem}})
}

// printPlan prints what would be done. That one month which was asked for would be
// refused is an error, as it is without --dry-run.
func (a *app) printPlan(todo []deed, only archive.Month) error {
	if only != (archive.Month{}) && len(todo) == 1 && todo[0].Do == "refuse" {
		return fmt.Errorf("%s would not be packed: %s", todo[0].Name, todo[0].Reason)
	}
	if a.json {
		if todo == nil {
			todo = []deed{}
		}
		return a.printJSON(todo)
	}
	if len(todo) == 0 {
		fmt.Fprintln(a.out, "no month is to be packed")
	}
	for _, d := range todo {
		switch {
		case d.Do == "refuse":
			fmt.Fprintf(a.out, "%s would not be packed: %s\n", d.Name, d.Reason)
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
func (a *app) printPacked(results []packed) error {
	if a.json {
		return a.printJSON(results)
	}
	if !a.verbose && !isTerminal(a.out) || a.quiet {
		return nil
	}
	for _, r := range results {
		if r.Done != "packed" {
			fmt.Fprintf(a.out, "%s %s", r.Month, r.Done)
			if r.Problem != "" {
				fmt.Fprintf(a.out, ", although %s", r.Problem)
			}
			fmt.Fprintln(a.out)
			continue
		}
		fmt.Fprintf(a.out, "%s packed: %s rows of %s flows, %s to %s, %.1f bytes a flow, in %.1f s\n", r.Month,
			humanize.Comma(int64(r.Rows)), humanize.Comma(int64(r.Flows)), humanize.IBytes(r.LiveBytes), humanize.IBytes(r.Bytes), r.BytesPerFlow, r.Seconds)
	}
	return nil
}
