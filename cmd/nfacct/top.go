package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/importer/live"
	"nfacct/report"
)

// topFlags are the flags of nfacct top.
type topFlags struct {
	minutes, limit int
	by             string
	once           bool
}

func (a *app) topCommand() *cobra.Command {
	var f topFlags
	cmd := &cobra.Command{
		Use:   "top",
		Short: "who uses the line now",
		Long: `Shows who used the line in the last minutes, from what the collector has received:
the same attribution and rules as an import, before anything is imported. Figures are
provisional, and as old as the router's active timeout (provision sets one minute).

On a terminal it goes on until q or Ctrl+C; else it prints once.`,
		Example: "  nfacct top\n  nfacct top --minutes 15 --by service --once --json",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return a.top(c.Context(), f) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.minutes, "minutes", 5, "of the last N minutes, 1 to 60")
	flags.StringVar(&f.by, "by", "host", "host, peer, service or router")
	flags.IntVar(&f.limit, "limit", 20, "at most N lines; 0 is all")
	flags.BoolVar(&f.once, "once", false, "print once, and end")
	return cmd
}

// topEvery is how often the figures are made anew on a terminal.
const topEvery = 5 * time.Second

func (a *app) top(ctx context.Context, f topFlags) error {
	if f.minutes < 1 || f.minutes > 60 {
		return exit.Usage(fmt.Errorf("--minutes %d: write 1 to 60; nfacct report and nfacct query answer for longer spans", f.minutes))
	}
	if f.limit < 0 {
		return exit.Usage(fmt.Errorf("--limit %d: write a number of lines, or 0 for all", f.limit))
	}
	if _, err := report.NewTop(f.by, time.Time{}, time.Time{}); err != nil {
		return exit.Usage(fmt.Errorf("--by: %w", err))
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if err := cfg.NoRouter(); err != nil {
		return exit.Usage(err)
	}
	var db *archive.Archive
	if cfg.Database.Exists() { // else there are no facts and no names
		if db, err = a.openToRead(ctx, cfg); err != nil {
			return err
		}
		defer db.Close()
	}
	l := stages.Live(cfg, time.Duration(f.minutes)*time.Minute, func(context.Context) (*archive.Archive, error) { return db, nil }, a.log)
	defer l.Close()
	if f.once || a.json || !terminal.Is(a.out) {
		return a.topOnce(ctx, cfg, l, db, f)
	}
	return a.topOn(ctx, func(ctx context.Context) error { return a.topOnce(ctx, cfg, l, db, f) })
}

// topOn shows figures until q or Ctrl+C is typed or ctx is done, and leaves the
// terminal as it was.
func (a *app) topOn(ctx context.Context, show func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if in, ok := a.in.(*os.File); ok && terminal.Is(in) {
		before, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return err
		}
		defer func() { _ = term.Restore(int(in.Fd()), before) }()
		go func() {
			key := make([]byte, 1)
			for {
				if n, err := in.Read(key); err != nil || n == 1 && (key[0] == 'q' || key[0] == 3) { // 3 is Ctrl+C
					cancel()
					return
				}
			}
		}()
	}
	out := a.out
	defer func() { a.out = out }()
	a.out = terminal.Raw(out)
	fmt.Fprint(out, "\x1b[?1049h\x1b[?25l") // another screen, no cursor
	defer fmt.Fprint(out, "\x1b[?25h\x1b[?1049l")
	for {
		fmt.Fprint(out, "\x1b[H\x1b[2J")
		if err := show(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(topEvery):
		}
	}
}

// topOnce makes the figures and prints them.
func (a *app) topOnce(ctx context.Context, cfg *config.Config, l *live.Live, db *archive.Archive, f topFlags) error {
	until := time.Now()
	from := until.Add(-time.Duration(f.minutes) * time.Minute)
	t, err := report.NewTop(f.by, from, until)
	if err != nil {
		return err
	}
	if err := l.Rows(ctx, from, t.Reset, t.Add); err != nil {
		return err
	}
	names := map[netip.Addr]string{}
	if db != nil && f.by == "host" {
		if names, err = report.Called(ctx, db, until); err != nil {
			return exit.Database(err)
		}
	}
	rows, others, left := t.Rows(f.limit)
	for i := range rows {
		if name := names[rows[i].Host]; name != "" {
			rows[i].Names = []string{name}
		}
	}
	if a.json {
		if rows == nil {
			rows = []report.TopRow{}
		}
		return a.printJSON(struct {
			From        time.Time       `json:"from"`
			Until       time.Time       `json:"until"`
			Provisional bool            `json:"provisional"`
			Rows        []report.TopRow `json:"rows"`
			Others      report.TopRow   `json:"others"`
		}{from.In(cfg.Location()).Truncate(time.Second), until.In(cfg.Location()).Truncate(time.Second), true, rows, others})
	}
	fmt.Fprintf(a.out, "Past the proxy from %s to %s, %s; provisional\n\n", from.In(cfg.Location()).Format("15:04:05"), until.In(cfg.Location()).Format("15:04:05"), cfg.Location())
	if len(rows) == 0 {
		fmt.Fprintln(a.out, "No record came in this time. nfacct status says whether the routers are heard.")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "bit/s\tup\tdown\tflows\t  "+f.by)
	line := func(s *report.TopRow, what string) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t  %s\n", terminal.Number(s.BitsPerSecond), terminal.Bytes(s.UpBytes), terminal.Bytes(s.DownBytes), terminal.Number(s.Flows), what)
	}
	for i := range rows {
		what := rows[i].Key
		for _, name := range rows[i].Names {
			what += " " + terminal.Printable(name)
		}
		line(&rows[i], what)
	}
	if left > 0 {
		line(&others, terminal.Number(left)+" others")
	}
	return w.Flush()
}
