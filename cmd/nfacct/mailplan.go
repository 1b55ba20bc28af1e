package main

import (
	"context"
	"fmt"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/report"
	"nfacct/report/mail"
)

// planMails prints what --send would do. Nothing is sent, and the ledger stays as
// it is.
func (a *app) planMails(ctx context.Context, cfg *config.Config, db *archive.Archive, p report.Period, list []mail.Mailing, asked, again bool) error {
	ledger, err := db.Mails().Of(ctx, p.Kind, p.Key())
	if err != nil {
		return exit.Database(err)
	}
	due, err := db.Mails().Due(ctx, true)
	if err != nil {
		return exit.Database(err)
	}
	planned, err := mail.Plan(list, ledger, due, asked, again, stages.Addressees(cfg).Wanted)
	if err != nil {
		return exit.Usage(err)
	}
	if err := mail.Subjects(planned, stages.Subject(ctx, cfg, db, a.log)); err != nil {
		return exit.Database(err)
	}
	if a.json {
		return a.printJSON(planned)
	}
	for _, m := range planned {
		deed, what := "would send", m.Subject
		switch {
		case m.Send:
		case m.State == archive.MailFailed:
			deed = "would not send (given up; --to " + report.Clean(m.Recipient) + " sends it anew)"
		default:
			deed = "would not send (" + m.State + ")"
		}
		if what == "" {
			what = m.Report + " " + m.Period
			if m.Department != "" {
				what += " of " + m.Department
			}
		}
		fmt.Fprintf(a.out, "%s: %s: %s\n", report.Clean(m.Recipient), deed, report.Clean(what))
	}
	return nil
}

// tellHaving says who of a mailing has it already: a person who asked for it by
// --to would wait for it in vain.
func (a *app) tellHaving(ctx context.Context, db *archive.Archive, m mail.Mailing) error {
	known, err := db.Mails().Of(ctx, m.Report, m.Period)
	if err != nil {
		return err
	}
	have, err := m.Having(known)
	for _, k := range have {
		a.log.Warn("has this report already: --again sends it once more", "to", report.Clean(k.Recipient), "sent", k.Sent.Format(time.RFC3339))
	}
	return err
}
