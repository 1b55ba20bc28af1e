package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/provision"
	"nfacct/cmd/internal/schedule"
	"nfacct/cmd/internal/stages"
	"nfacct/report"
)

// job is a row of the table of jobs: when nfacct run starts it, and what its child
// does. The mailer is one without a schedule.
type job struct {
	schedule.Job
	memory  int64         // bytes that its child may use
	silence time.Duration // how long its child may go on without progress
	do      func(ctx context.Context, db *archive.Archive, w Work) error
}

// Work is what a child is told to do.
type Work struct {
	Period   string
	Files    []string // of an import: these alone
	Again    bool     // it was done for a period that had not ended: see schedule.Again
	Progress *Progress
}

// mailJob is the name of the mailer.
const mailJob = "mail"

// Lanes: the jobs of one run one after the other. Import and the month's end need
// the same lock; reports and the mailer share one place in memory.
const (
	writerLane = "writer"
	reportLane = "report"
	routerLane = "router"
)

// jobs is the table of what runs when, and how. A statement on a large month can be
// silent for an hour.
func (d *Daemon) jobs(cfg *config.Config) []job {
	var jobs []job
	row := func(name string, when schedule.Spec, period func(time.Time) string, catch int, lane string, memory int64, silence time.Duration, do func(context.Context, *archive.Archive, Work) error) {
		jobs = append(jobs, job{schedule.Job{Name: name, When: when, Period: period, Catch: catch, Lane: lane}, memory, silence, do})
	}
	reports := func(kind string) func(context.Context, *archive.Archive, Work) error {
		return func(ctx context.Context, db *archive.Archive, w Work) error {
			return d.reportJob(ctx, cfg, db, kind, w.Period, w.Again)
		}
	}
	routers, err := stages.Managed(cfg, nil)
	if err == nil {
		row("routers", cfg.Jobs.Routers, schedule.Each, 1, routerLane, RouterMemory, cfg.Provision.Deadline+5*time.Minute, func(ctx context.Context, db *archive.Archive, _ Work) error {
			return d.routersJob(ctx, cfg, db, routers)
		})
	}
	row("import", cfg.Jobs.Import, schedule.Each, 1, writerLane, WriterMemory, importWait+10*time.Minute, func(ctx context.Context, db *archive.Archive, w Work) error {
		return d.importJob(ctx, cfg, db, w)
	})
	row("report", cfg.Jobs.Report, schedule.DayBefore, 7, reportLane, ReportMemory, 15*time.Minute, reports(report.KindDay))
	row("weekly", cfg.Jobs.Weekly, schedule.WeekBefore, 2, reportLane, ReportMemory, 15*time.Minute, reports(report.KindWeek))
	row("monthly", cfg.Jobs.Monthly, schedule.MonthBefore, 1, reportLane, ReportMemory, 15*time.Minute, reports(report.KindMonth))
	row("archive", cfg.Jobs.Archive, schedule.MonthBefore, 1, writerLane, WriterMemory, 2*time.Hour, func(ctx context.Context, db *archive.Archive, w Work) error {
		return d.archiveJob(ctx, cfg, db, w.Period)
	})
	if cfg.Provision.OverQuotaList != "" && len(routers) > 0 {
		row("over_quota", cfg.Jobs.Report, schedule.DayBefore, 1, reportLane, ReportMemory, cfg.Provision.Deadline+15*time.Minute, func(ctx context.Context, db *archive.Archive, w Work) error {
			return provision.OverQuotaJob(ctx, cfg, db, d.Log, routers, w.Period)
		})
	}
	if cfg.Mail.Enabled() {
		row(mailJob, schedule.Spec{}, nil, 0, reportLane, ReportMemory, 10*time.Minute, func(ctx context.Context, db *archive.Archive, _ Work) error {
			return d.deliver(ctx, cfg, db)
		})
	}
	return jobs
}

// Jobs are the names of the table's jobs.
func (d *Daemon) Jobs(cfg *config.Config) (names []string) {
	for _, row := range d.jobs(cfg) {
		names = append(names, row.Name)
	}
	return names
}

// Job does a job of the table as a child of the parent that has the database.
func (d *Daemon) Job(ctx context.Context, cfg *config.Config, name string, w Work) error {
	row, err := d.row(cfg, name)
	if err != nil {
		return err
	}
	// A database that keeps the child waiting is not the fault of its file: the child
	// gives up before it is ended.
	cfg.Database.Attach, cfg.Database.Alive, cfg.Database.Patience = true, w.Progress.Alive, row.silence/3*2
	db, err := stages.Open(ctx, cfg, d.Log)
	if err != nil {
		return err
	}
	defer db.Close()
	return exit.Database(row.do(ctx, db, w))
}

// Do does a job of the table with an open database.
func (d *Daemon) Do(ctx context.Context, cfg *config.Config, db *archive.Archive, name string, w Work) error {
	row, err := d.row(cfg, name)
	if err != nil {
		return err
	}
	return row.do(ctx, db, w)
}

// row is the job of a name.
func (d *Daemon) row(cfg *config.Config, name string) (*job, error) {
	for _, row := range d.jobs(cfg) {
		if row.Name == name {
			return &row, nil
		}
	}
	return nil, exit.Usage(fmt.Errorf("no job is called %q; there are %s", name, strings.Join(d.Jobs(cfg), ", ")))
}

// task is the job as the parent starts it.
func (d *Daemon) task(r *running, row *job, period string, again bool, files ...string) Task {
	args := []string{"job", row.Name, "--handed", "--for", period, "--memory", fmt.Sprint(row.memory)}
	if again {
		args = append(args, "--again")
	}
	switch {
	case d.Verbose:
		args = append(args, "--verbose")
	case d.Quiet:
		args = append(args, "--quiet")
	}
	for _, file := range files {
		args = append(args, "--file", file)
	}
	return Task{Name: row.Name, Args: args, Input: r.handed(), Memory: row.memory, Silence: row.silence}
}
