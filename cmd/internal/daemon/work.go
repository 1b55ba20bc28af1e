package daemon

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/collector/spool"
	"nfacct/importer"
	"nfacct/report"
	"nfacct/report/mail"
)

// importWait is how long a job waits for an import that somebody runs by hand.
const importWait = 10 * time.Minute

// importJob loads what is new in the spool, or the files that the work names and
// nothing else.
func (d *Daemon) importJob(ctx context.Context, cfg *config.Config, db *archive.Archive, w Work) error {
	im, err := stages.Importer(ctx, cfg, db, d.Log)
	if err != nil {
		return err
	}
	summary, err := im.Import(ctx, w.Files, importer.Options{Wait: importWait, Began: w.Progress.Begin, Ended: w.Progress.End})
	d.Log.Info("imported", "files", summary.Loaded, "records", summary.Records, "rows", summary.Rows)
	if len(w.Files) > 0 {
		return err
	}
	return errors.Join(err, stages.AfterImport(ctx, cfg, db, d.Log, importWait))
}

// reportJob writes the report of a day, week or month to files, and has it mailed.
func (d *Daemon) reportJob(ctx context.Context, cfg *config.Config, db *archive.Archive, kind, period string, again bool) error {
	p, err := report.ParsePeriod(kind, period, cfg.Location())
	if err != nil {
		return err
	}
	usage, err := stages.Usage(ctx, cfg, db, d.Log, p, "", time.Now())
	if err != nil {
		return err
	}
	if err := stages.StillLoading(usage); err != nil {
		return err // the job is tried again
	}
	if err := d.writeReport(cfg, usage, p); err != nil {
		return err
	}
	return d.noteMails(ctx, cfg, db, p, again)
}

// writeReport writes a report to the folder reports, in each form that is a file
// whole or not at all.
func (d *Daemon) writeReport(cfg *config.Config, usage *report.Usage, p report.Period) error {
	folder := filepath.Join(cfg.State, "reports")
	if err := spool.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	for _, form := range []struct{ format, ending string }{{"html", ".html"}, {"xlsx", ".xlsx"}, {"json", ".json"}, {"text", ".txt"}} {
		err := spool.WriteFileBy(filepath.Join(folder, p.Key()+form.ending), 0o640, func(w io.Writer) error {
			return stages.Render(w, cfg, usage, form.format, time.Now())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// noteMails enters a report into the ledger of mails, for each who gets it. It is
// sent by mails, so a mail server that is down does not hold up the next report.
func (d *Daemon) noteMails(ctx context.Context, cfg *config.Config, db *archive.Archive, p report.Period, again bool) error {
	if !cfg.Mail.Enabled() {
		return nil
	}
	outbox, err := stages.Outbox(cfg, db, d.Log)
	if err != nil {
		return err
	}
	for _, m := range stages.Addressees(cfg).Mailings(p) {
		if err := outbox.Note(ctx, m.Report, m.Period, m.Department, m.To, mail.Noting{Again: again}); err != nil {
			return err
		}
	}
	return nil
}

// routersJob is the daemon's job. A router that does not answer does not hold up the
// others, and is tried again.
func (d *Daemon) routersJob(ctx context.Context, cfg *config.Config, db *archive.Archive, routers []config.Router) error {
	failed := stages.Refresh(ctx, cfg, db, d.Log, routers)
	for _, err := range failed {
		if errors.Is(err, archive.ErrUnavailable) {
			return err
		}
	}
	return stages.RoutersError(routers, failed)
}

// deliver sends what is due.
func (d *Daemon) deliver(ctx context.Context, cfg *config.Config, db *archive.Archive) error {
	outbox, err := stages.Outbox(cfg, db, d.Log)
	if err != nil {
		return err
	}
	result, err := outbox.Deliver(ctx, false)
	for _, problem := range result.Problems {
		what := "mail not sent, it is tried again"
		if problem.GivenUp {
			what = "mail not sent, it is given up"
		}
		d.Log.Warn(what, "err", problem)
	}
	return err
}
