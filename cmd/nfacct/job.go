package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/daemon"
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
	do      func(ctx context.Context, db *archive.Archive, w work) error
}

// work is what a child is told to do.
type work struct {
	period   string
	files    []string // of an import: these alone
	again    bool     // it was done for a period that had not ended: see schedule.Again
	progress *daemon.Progress
}

// mailJob is the name of the mailer.
const mailJob = "mail"

// Lanes: the jobs of one run one after the other. Import and the month's end need
// the same lock.
const (
	writerLane = "writer"
	reportLane = "report"
	mailLane   = "mail"
	routerLane = "router"
)

// jobs is the table of what runs when, and how. A statement on a large month can be
// silent for an hour.
func (a *app) jobs(cfg *config.Config) []job {
	var jobs []job
	row := func(name string, when schedule.Spec, period func(time.Time) string, catch int, lane string, memory int64, silence time.Duration, do func(context.Context, *archive.Archive, work) error) {
		jobs = append(jobs, job{schedule.Job{Name: name, When: when, Period: period, Catch: catch, Lane: lane}, memory, silence, do})
	}
	reports := func(kind string) func(context.Context, *archive.Archive, work) error {
		return func(ctx context.Context, db *archive.Archive, w work) error {
			return a.reportJob(ctx, cfg, db, kind, w.period, w.again)
		}
	}
	routers, err := stages.Managed(cfg, nil)
	if err == nil {
		row("routers", cfg.Jobs.Routers, schedule.Each, 1, routerLane, daemon.RouterMemory, cfg.Provision.Deadline+5*time.Minute, func(ctx context.Context, db *archive.Archive, _ work) error {
			return a.routersJob(ctx, cfg, db, routers)
		})
	}
	row("import", cfg.Jobs.Import, schedule.Each, 1, writerLane, daemon.WriterMemory, importWait+10*time.Minute, func(ctx context.Context, db *archive.Archive, w work) error {
		return a.importJob(ctx, cfg, db, w)
	})
	row("report", cfg.Jobs.Report, schedule.DayBefore, 7, reportLane, daemon.ReportMemory, 15*time.Minute, reports(report.KindDay))
	row("weekly", cfg.Jobs.Weekly, schedule.WeekBefore, 2, reportLane, daemon.ReportMemory, 15*time.Minute, reports(report.KindWeek))
	row("monthly", cfg.Jobs.Monthly, schedule.MonthBefore, 1, reportLane, daemon.ReportMemory, 15*time.Minute, reports(report.KindMonth))
	row("archive", cfg.Jobs.Archive, schedule.MonthBefore, 1, writerLane, daemon.WriterMemory, 2*time.Hour, func(ctx context.Context, db *archive.Archive, w work) error {
		return a.archiveJob(ctx, cfg, db, w.period)
	})
	if cfg.Provision.OverQuotaList != "" && len(routers) > 0 {
		row("over_quota", cfg.Jobs.Report, schedule.DayBefore, 1, reportLane, daemon.ReportMemory, cfg.Provision.Deadline+15*time.Minute, func(ctx context.Context, db *archive.Archive, w work) error {
			return provision.OverQuotaJob(ctx, cfg, db, a.log, routers, w.period)
		})
	}
	if cfg.Mail.Enabled() {
		row(mailJob, schedule.Spec{}, nil, 0, mailLane, daemon.MailMemory, 10*time.Minute, func(ctx context.Context, db *archive.Archive, _ work) error {
			return a.deliver(ctx, cfg, db)
		})
	}
	return jobs
}

// jobCommand is the child's side of nfacct run.
func (a *app) jobCommand() *cobra.Command {
	var w work
	var memory int64
	cmd := &cobra.Command{
		Hidden: true,
		Use:    "job NAME",
		Short:  "one job of nfacct run, as it runs it",
		Args:   usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			w.progress = daemon.Join()
			if memory > 0 {
				if err := daemon.Limit(memory); err != nil {
					return err
				}
			}
			a.log = a.log.With("job", args[0])
			return a.job(cmd.Context(), args[0], w)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&w.period, "for", "", "the `PERIOD`")
	flags.BoolVar(&w.again, "again", false, "what was mailed of it is mailed anew")
	flags.StringArrayVar(&w.files, "file", nil, "import this `FILE` alone")
	flags.Int64Var(&memory, "memory", 0, "limit in `BYTES`")
	return cmd
}

func (a *app) job(ctx context.Context, name string, w work) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	cfg.Database.Attach, cfg.Database.Alive = true, w.progress.Alive
	var names []string
	for _, row := range a.jobs(cfg) {
		names = append(names, row.Name)
		if row.Name != name {
			continue
		}
		// A database that keeps it waiting is not the fault of the file it is at: it gives
		// up before it is ended.
		cfg.Database.Patience = row.silence / 3 * 2
		db, err := a.openDatabase(ctx, cfg)
		if err != nil {
			return err
		}
		defer db.Close()
		return databaseError(row.do(ctx, db, w))
	}
	return usageError(fmt.Errorf("no job is called %q; there are %s", name, strings.Join(names, ", ")))
}

// task is the job as the parent starts it.
func (a *app) task(r *running, row *job, period string, again bool, files ...string) daemon.Task {
	args := []string{"job", row.Name, "--handed", "--for", period, "--memory", fmt.Sprint(row.memory)}
	if again {
		args = append(args, "--again")
	}
	switch {
	case a.verbose:
		args = append(args, "--verbose")
	case a.quiet:
		args = append(args, "--quiet")
	}
	for _, file := range files {
		args = append(args, "--file", file)
	}
	return daemon.Task{Name: row.Name, Args: args, Input: r.handed(), Memory: row.memory, Silence: row.silence}
}
