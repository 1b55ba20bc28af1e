package daemon

import (
	"context"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"

	"golang.org/x/sync/errgroup"

	"nfacct/cmd/internal/build"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/schedule"
	"nfacct/cmd/internal/stages"
	"nfacct/collector/spool"
	"nfacct/importer"
)

// Daemon is nfacct run, or a part of it: the collector alone, a job, the page.
type Daemon struct {
	Verbose, Quiet bool      // its children are too
	Said           io.Writer // where they say what is wrong
	Log            *slog.Logger
}

// Run keeps the collector and the jobs going until ctx is done. The jobs depend
// on a database that can be down; the collector depends on nothing of theirs.
func (d *Daemon) Run(ctx context.Context, cfg *config.Config) error {
	// Else each job would say by itself that there is no such folder.
	if err := spool.MkdirAll(cfg.State, 0o751); err != nil {
		return stages.FolderError(cfg, err)
	}
	debug.SetMemoryLimit(ParentMemory)
	db := NewDatabase(cfg.Database, d.Log)
	r := &running{d: d, began: cfg, cfg: cfg, db: db}
	r.jobs = schedule.New(d.schedule(r), cfg.Location(), NewLedger(db.Get), d.Log)
	d.sayStart(cfg, r.jobs)

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
		return d.collect(ctx, cfg, hooks{with: r.status, began: r.receives, hangup: r.reload})
	})
	group.Go(func() error { return r.jobs.Run(ctx) })
	group.Go(func() error { return d.watchHealth(ctx, r) })
	group.Go(func() error { return d.keepPage(ctx, r) })
	return group.Wait()
}

// sayStart says in one line what begins.
func (d *Daemon) sayStart(cfg *config.Config, jobs *schedule.Runner) {
	var routers, next []string
	for _, router := range cfg.Routers {
		routers = append(routers, router.Name)
	}
	for _, overlap := range overlaps(cfg) {
		d.Log.Warn(overlap)
	}
	for _, s := range jobs.States() {
		if !s.Next.IsZero() {
			next = append(next, s.Job+" "+s.Next.In(cfg.Location()).Format("2006-01-02 15:04"))
		}
	}
	d.Log.Info("nfacct run", "version", build.Program(), "listen", strings.Join(cfg.Collector.Listen, " "), "routers", strings.Join(routers, ", "),
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
func (d *Daemon) schedule(r *running) []schedule.Job {
	parent := &Parent{Said: d.Said, Log: d.Log}
	var table []schedule.Job
	for _, row := range d.jobs(r.now()) {
		row.Run = func(ctx context.Context, period string) error {
			return parent.Run(ctx, d.task(r, &row, period, schedule.Again(ctx)))
		}
		switch row.Name {
		case "routers":
			row.Often = true
		case "import":
			row.Run = func(ctx context.Context, period string) error {
				return parent.Import(ctx, r.began.Spool.Folder, func(files ...string) Task { return d.task(r, &row, period, schedule.Again(ctx), files...) })
			}
		case mailJob:
			row.Due = func(ctx context.Context) (bool, error) {
				open, err := r.db.Get(ctx)
				if err != nil {
					return false, err
				}
				ctx, cancel := context.WithTimeout(ctx, LedgerWait)
				defer cancel()
				due, err := open.Mails().Due(ctx, false)
				return len(due) > 0, err
			}
		}
		table = append(table, row.Job)
	}
	return table
}
