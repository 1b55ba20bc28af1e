package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/schedule"
	"nfacct/collector/spool"
	"nfacct/importer"
	"nfacct/report"
	"nfacct/report/mail"
)

func (a *app) runCommand() *cobra.Command {
	return &cobra.Command{
		Annotations: map[string]string{rotates: "SIGHUP"},
		Use:         "run",
		Short:       "the daemon: collector and scheduled jobs in one process",
		Long: `Collects as "nfacct collect" does, and runs the jobs of the configuration: import,
and the reports of days, weeks and months, into the folder reports of the state
folder and by mail to those who get them. What was
missed while it did not run is made up for. A job that fails is tried again, and
never stops the collector.`,
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
		return folderError(cfg, err)
	}
	db := &database{cfg: cfg.Database, log: a.log}
	defer db.close()
	jobs := schedule.New(a.jobs(cfg, db), cfg.Location(), ledger{db}, a.log)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.collect(ctx, cfg) })
	group.Go(func() error { return jobs.Run(ctx) })
	group.Go(func() error { return a.mails(ctx, cfg, db) })
	return group.Wait()
}

// jobs is the table of what runs when.
func (a *app) jobs(cfg *config.Config, db *database) []schedule.Job {
	var jobs []schedule.Job
	routers, err := managed(cfg, nil)
	if err == nil {
		jobs = append(jobs, schedule.Job{Name: "routers", When: cfg.Jobs.Routers, Period: schedule.Each, Catch: 1, Run: func(ctx context.Context, _ string) error {
			return a.routersJob(ctx, cfg, db, routers)
		}})
	}
	jobs = append(jobs, []schedule.Job{
		{Name: "import", When: cfg.Jobs.Import, Period: schedule.Each, Catch: 1, Run: func(ctx context.Context, _ string) error {
			return a.importJob(ctx, cfg, db)
		}},
		{Name: "report", When: cfg.Jobs.Report, Period: schedule.DayBefore, Catch: 7, Run: func(ctx context.Context, period string) error {
			return a.reportJob(ctx, cfg, db, report.KindDay, period)
		}},
		{Name: "weekly", When: cfg.Jobs.Weekly, Period: schedule.WeekBefore, Catch: 2, Run: func(ctx context.Context, period string) error {
			return a.reportJob(ctx, cfg, db, report.KindWeek, period)
		}},
		{Name: "monthly", When: cfg.Jobs.Monthly, Period: schedule.MonthBefore, Catch: 1, Run: func(ctx context.Context, period string) error {
			return a.reportJob(ctx, cfg, db, report.KindMonth, period)
		}},
		a.archiveRow(cfg, db),
	}...)
	if cfg.Provision.OverQuotaList != "" && len(routers) > 0 {
		keep := a.overQuotaJob(cfg, db, routers)
		jobs = append(jobs, schedule.Job{Name: "over_quota", When: cfg.Jobs.Report, Period: schedule.DayBefore, Catch: 1, Run: keep})
	}
	return jobs
}

// importWait is how long a job waits for an import that somebody runs by hand.
const importWait = 10 * time.Minute

func (a *app) importJob(ctx context.Context, cfg *config.Config, db *database) error {
	open, err := db.get(ctx)
	if err != nil {
		return err
	}
	im, err := newImporter(ctx, cfg, open, a)
	if err != nil {
		return err
	}
	summary, err := im.Import(ctx, nil, importer.Options{Wait: importWait})
	a.log.Info("imported", "files", summary.Loaded, "records", summary.Records, "rows", summary.Rows)
	return errors.Join(err, a.packAgain(ctx, cfg, open, importWait), a.afterImport(ctx, cfg, open, importWait))
}

// reportJob writes the report of a day, week or month to files, and has it mailed.
func (a *app) reportJob(ctx context.Context, cfg *config.Config, db *database, kind, period string) error {
	open, err := db.get(ctx)
	if err != nil {
		return err
	}
	p, err := parsePeriod(kind, period, cfg.Location())
	if err != nil {
		return err
	}
	usage, err := a.usage(ctx, open, cfg, p, "", time.Now())
	if err != nil {
		return err
	}
	if err := stillLoading(usage); err != nil {
		return err // the job is tried again
	}
	if err := a.writeReport(cfg, usage, p); err != nil {
		return err
	}
	return a.noteMails(ctx, cfg, open, p)
}

// writeReport writes a report to the folder reports, in each form that is a file
// whole or not at all.
func (a *app) writeReport(cfg *config.Config, usage *report.Usage, p report.Period) error {
	folder := filepath.Join(cfg.State, "reports")
	if err := spool.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	for _, form := range []struct{ format, ending string }{{"html", ".html"}, {"xlsx", ".xlsx"}, {"json", ".json"}, {"text", ".txt"}} {
		err := spool.WriteFileBy(filepath.Join(folder, mail.Key(p)+form.ending), 0o640, func(w io.Writer) error {
			return a.render(w, cfg, usage, form.format, time.Now())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// noteMails enters a report into the ledger of mails, for each who gets it. It is
// sent by mails, so a mail server that is down does not hold up the next report.
func (a *app) noteMails(ctx context.Context, cfg *config.Config, db *archive.Archive, p report.Period) error {
	if !cfg.Mail.Enabled() {
		return nil
	}
	outbox, err := a.newOutbox(cfg, db)
	if err != nil {
		return err
	}
	for _, m := range mailings(cfg, p) {
		if err := outbox.Note(ctx, m.report, m.period, m.department, m.to, mail.Noting{Again: schedule.Again(ctx)}); err != nil {
			return err
		}
	}
	return nil
}

// database is an archive that is opened when it is needed first, and again when
// its server has gone away.
type database struct {
	cfg archive.Config
	log *slog.Logger

	mu   sync.Mutex
	open *archive.Archive
}

func (d *database) get(ctx context.Context) (*archive.Archive, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open != nil {
		if d.open.DB().PingContext(ctx) == nil {
			return d.open, nil
		}
		d.log.Warn("the database has gone away: opening it again")
		d.open.Close()
		d.open = nil
	}
	opened, err := archive.Open(ctx, d.cfg, d.log)
	if err != nil {
		return nil, err
	}
	d.open = opened
	return opened, nil
}

func (d *database) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open != nil {
		d.open.Close()
		d.open = nil
	}
}

// ledger is the archive's ledger of runs, of whichever archive is open.
type ledger struct{ db *database }

func (l ledger) Done(ctx context.Context, job, from string) (map[string]time.Time, string, error) {
	open, err := l.db.get(ctx)
	if err != nil {
		return nil, "", err
	}
	return open.Runs().Done(ctx, job, from)
}

func (l ledger) Begin(ctx context.Context, job, period string, now time.Time) error {
	open, err := l.db.get(ctx)
	if err != nil {
		return err
	}
	return open.Runs().Begin(ctx, job, period, now)
}

func (l ledger) End(ctx context.Context, job, period string, now time.Time, result error) error {
	open, err := l.db.get(ctx)
	if err != nil {
		return err
	}
	return open.Runs().End(ctx, job, period, now, result)
}
