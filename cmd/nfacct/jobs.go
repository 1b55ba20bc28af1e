package main

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/terminal"
)

func (a *app) jobsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "what ran, runs and will run",
		Long: `Lists the jobs of nfacct run: the period that each ran for last, when, how long it
took and why it failed, and when it runs next.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.listJobs(c.Context(), time.Now()) },
	}
	var period string
	run := &cobra.Command{
		Use:   "run NAME",
		Short: "run a job now, also while nfacct run does its own",
		Long: `Runs a job now, for the period that was due last or the one given, and notes it in
the ledger as nfacct run does. A job that runs already is not run twice: exit code 75.
A report that was mailed is not mailed again.`,
		Example: "  nfacct jobs run report --for 2026-11-23",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE:    func(c *cobra.Command, args []string) error { return a.runJob(c.Context(), args[0], period) },
	}
	run.Flags().StringVar(&period, "for", "", "`PERIOD`: a day 2026-11-23, week 2026-W47 or month 2026-11")
	cmd.AddCommand(run)
	return cmd
}

func (a *app) listJobs(ctx context.Context, now time.Time) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	var db *archive.Archive
	if cfg.Database.Exists() { // else nothing ran
		if db, err = a.openToRead(ctx, cfg); err != nil {
			return err
		}
		defer db.Close()
	}
	lines, err := a.daemon().List(ctx, cfg, db, now)
	if err != nil {
		return exit.Database(err)
	}
	if a.json {
		return a.printJSON(lines)
	}
	clock := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.In(cfg.Location()).Format("2006-01-02 15:04")
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "job\tschedule\tlast for\tbegan\ttook\tstate\tnext")
	for _, l := range lines {
		took := "-"
		if l.State == "done" || l.State == "failed" {
			took = fmt.Sprintf("%.0f s", l.Seconds)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, cmp.Or(l.Schedule, "-"), cmp.Or(l.Period, "-"), clock(l.Last), took, l.State, clock(l.Next))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, l := range lines {
		if l.Error != "" {
			fmt.Fprintf(a.out, "%s %s: %s\n", l.Name, l.Period, terminal.Printable(l.Error))
		}
	}
	return nil
}

// runJob runs a job in this process.
func (a *app) runJob(ctx context.Context, name, period string) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	d := a.daemon()
	if period, err = d.Period(cfg, name, period, time.Now()); err != nil {
		return exit.Usage(err)
	}
	db, err := a.openDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	return exit.Database(d.Now(ctx, cfg, db, name, period))
}
