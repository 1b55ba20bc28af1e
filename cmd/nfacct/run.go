package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nfacct/archive"
	"nfacct/cmd/internal/build"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/daemon"
	"nfacct/cmd/internal/schedule"
	"nfacct/cmd/internal/stages"
	"nfacct/collector/spool"
	"nfacct/importer"
)

func (a *app) runCommand() *cobra.Command {
	return &cobra.Command{
		Annotations: map[string]string{rotates: "SIGHUP"},
		Use:         "run",
		Short:       "the daemon: collector and scheduled jobs",
		Long: fmt.Sprintf(`Collects as "nfacct collect" does, and runs the jobs of the configuration: import,
and the reports of days, weeks and months, into the folder reports of the state
folder and by mail to those who get them. What was missed while it did not run is
made up for.

Each job is a process of its own with a memory limit; one that makes no progress is
ended. A job that fails is tried again, and never stops the collector: nfacct status
says which, since when and why. All together take at most %d MiB. A unit of systemd
needs OOMPolicy=continue, so that the end of a job is not the end of the service.

SIGHUP reads the configuration anew: if it has a fault, nothing changes and nfacct
status says so; timezone, state, collector, spool and database count only after a
restart. SIGUSR1 begins another spool file.

A spool file that ends its import twice is set aside: it is kept, nfacct status and
nfacct books name it, and nfacct import FILE tries it again.`, daemon.Total/daemon.MiB),
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.run(cmd.Context(), cfg)
		},
	}
}

// run keeps the collector and the jobs going until ctx is done. The jobs depend
// on a database that can be down; the collector depends on nothing of theirs.
func (a *app) run(ctx context.Context, cfg *config.Config) error {
	// Else each job would say by itself that there is no such folder.
	if err := spool.MkdirAll(cfg.State, 0o751); err != nil {
		return stages.FolderError(cfg, err)
	}
	debug.SetMemoryLimit(daemon.ParentMemory)
	db := daemon.NewDatabase(cfg.Database, a.log)
	r := &running{a: a, began: cfg, cfg: cfg, db: db}
	r.jobs = schedule.New(a.schedule(r), cfg.Location(), ledger{db.Get}, a.log)
	a.sayStart(cfg, r.jobs)

	// The database is kept until the jobs have ended: they note how they did.
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	defer func() {
		stop()
		<-kept
	}()
	group, ctx := errgroup.WithContext(ctx)
	go func() {
		defer close(kept)
		_ = db.Run(keeping)
	}()
	group.Go(func() error {
		return a.collect(ctx, cfg, hooks{with: r.status, began: r.receives, hangup: r.reload})
	})
	group.Go(func() error { return r.jobs.Run(ctx) })
	group.Go(func() error { return a.watchHealth(ctx, r) })
	group.Go(func() error { return a.keepPage(ctx, r) })
	return group.Wait()
}

// sayStart says in one line what begins.
func (a *app) sayStart(cfg *config.Config, jobs *schedule.Runner) {
	var routers, next []string
	for _, router := range cfg.Routers {
		routers = append(routers, router.Name)
	}
	for _, overlap := range overlaps(cfg) {
		a.log.Warn(overlap)
	}
	for _, s := range jobs.States() {
		if !s.Next.IsZero() {
			next = append(next, s.Job+" "+s.Next.In(cfg.Location()).Format("2006-01-02 15:04"))
		}
	}
	a.log.Info("nfacct run", "version", build.Program(), "listen", strings.Join(cfg.Collector.Listen, " "), "routers", strings.Join(routers, ", "),
		"state", cfg.State, "spool", cfg.Spool.Folder, "timezone", cfg.Location(), "next", strings.Join(next, ", "))
}

// overlaps warns of routers that have the same addresses behind them.
func overlaps(cfg *config.Config) []string {
	var accounted []importer.Router
	for _, router := range cfg.Routers {
		of := router.Router
		of.Name = router.Name
		accounted = append(accounted, of)
	}
	return importer.Overlap(accounted)
}

// schedule is the table of jobs as the parent has it: each run is a child.
func (a *app) schedule(r *running) []schedule.Job {
	parent := &daemon.Parent{Said: a.errOut, Log: a.log}
	var table []schedule.Job
	for _, row := range a.jobs(r.now()) {
		row.Run = func(ctx context.Context, period string) error {
			return parent.Run(ctx, a.task(r, &row, period, schedule.Again(ctx)))
		}
		switch row.Name {
		case "routers":
			row.Often = true
		case "import":
			row.Run = func(ctx context.Context, period string) error {
				return parent.Import(ctx, r.began.Spool.Folder, func(files ...string) daemon.Task { return a.task(r, &row, period, schedule.Again(ctx), files...) })
			}
		case mailJob:
			row.Due = func(ctx context.Context) (bool, error) {
				open, err := r.db.Get(ctx)
				if err != nil {
					return false, err
				}
				ctx, cancel := context.WithTimeout(ctx, ledgerWait)
				defer cancel()
				due, err := open.Mails().Due(ctx, false)
				return len(due) > 0, err
			}
		}
		table = append(table, row.Job)
	}
	return table
}

// ledger is the archive's ledger of runs. Its waits are bounded, since the server
// may be stopped.
type ledger struct {
	open func(context.Context) (*archive.Archive, error)
}

const ledgerWait = 20 * time.Second

// with does something with the ledger.
func (l ledger) with(ctx context.Context, do func(context.Context, archive.Runs) error) error {
	open, err := l.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, ledgerWait)
	defer cancel()
	return do(ctx, open.Runs())
}

func (l ledger) Done(ctx context.Context, job, from string) (done map[string]time.Time, last string, err error) {
	err = l.with(ctx, func(ctx context.Context, runs archive.Runs) error {
		done, last, err = runs.Done(ctx, job, from)
		return err
	})
	return done, last, err
}

func (l ledger) Begin(ctx context.Context, job, period string, now time.Time) error {
	return l.with(ctx, func(ctx context.Context, runs archive.Runs) error { return runs.Begin(ctx, job, period, now) })
}

func (l ledger) End(ctx context.Context, job, period string, now time.Time, result error) error {
	return l.with(ctx, func(ctx context.Context, runs archive.Runs) error { return runs.End(ctx, job, period, now, result) })
}
