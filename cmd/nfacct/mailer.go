package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/report"
	"nfacct/report/mail"
)

// send enters a report into the ledger and tries everything that is due.
func (a *app) send(ctx context.Context, cfg *config.Config, db *archive.Archive, p report.Period, f *reportFlags) error {
	outbox, err := stages.Outbox(cfg, db, a.log)
	if err != nil {
		return exit.Usage(err)
	}
	list := stages.Addressees(cfg).Mailings(p)
	if f.department != "" {
		list = slices.DeleteFunc(list, func(m mail.Mailing) bool { return m.Department != f.department })
	}
	if len(f.recipients) > 0 {
		list = []mail.Mailing{{Report: p.Kind, Period: p.Key(), Department: f.department, To: f.recipients}}
	}
	if len(list) == 0 {
		return exit.Usage(errors.New("nobody to send to: set mail.to, or give --to ADDRESS"))
	}
	if f.dryRun {
		return a.planMails(ctx, cfg, db, p, list, len(f.recipients) > 0, f.again)
	}
	if len(f.recipients) > 0 && !f.again {
		if err := a.tellHaving(ctx, db, list[0]); err != nil {
			return exit.Database(err)
		}
	}
	for _, m := range list {
		if err := outbox.Note(ctx, m.Report, m.Period, m.Department, m.To, mail.Noting{Asked: len(f.recipients) > 0, Again: f.again}); err != nil {
			return exit.Database(err)
		}
	}
	result, err := outbox.Deliver(ctx, true)
	if err != nil {
		return exit.Database(err)
	}
	mails, err := db.Mails().Of(ctx, p.Kind, p.Key())
	if err != nil {
		return exit.Database(err)
	}
	if a.json {
		if err := a.printMails(mails); err != nil {
			return err
		}
	}
	busy, failed := 0, 0
	for _, m := range mails {
		switch m.State {
		case archive.MailSending:
			busy++
		case archive.MailFailed:
			failed++
		}
	}
	if result.GivenUp == 0 && failed > 0 { // in an earlier run: nothing else would tell of them in this one
		for _, m := range mails {
			if m.State == archive.MailFailed {
				result.GivenUp++
				result.Problems = append(result.Problems, mail.Problem{GivenUp: true,
					Err: fmt.Errorf("%s %s to %s: %s", m.Report, m.Period, report.Clean(m.Recipient), report.Clean(m.Problem))})
			}
		}
	}
	return sendError(result, busy, p.Key(), slices.ContainsFunc(mails, func(m archive.Mail) bool { return m.State == archive.MailSent }))
}

// sendError gives the mails that were not sent their exit code. If somebody has
// the report already, only a part of the recipients has not.
func sendError(result mail.Result, busy int, period string, has bool) error {
	err := result.Unsent(busy, period)
	switch {
	case err == nil:
		return nil
	case result.Sent > 0 || has:
		return exit.Partial(err)
	case result.Waiting+busy > 0:
		return exit.Temporary(err)
	}
	return err
}

// sent is a mail as --json prints it.
type sentMail struct {
	Report     string    `json:"report"`
	Period     string    `json:"period"`
	Department string    `json:"department,omitempty"`
	Recipient  string    `json:"recipient"`
	State      string    `json:"state"`
	Attempts   int       `json:"attempts"`
	Problem    string    `json:"problem,omitempty"`
	Sent       time.Time `json:"sent,omitzero"`
}

func (a *app) printMails(mails []archive.Mail) error {
	list := []sentMail{}
	for _, m := range mails {
		list = append(list, sentMail{m.Report, m.Period, m.Department, m.Recipient, m.State, m.Attempts, report.Clean(m.Problem), m.Sent})
	}
	return a.printJSON(list)
}

// testMail sends a message that only says that it came, and prints what the
// server said.
func (a *app) testMail(ctx context.Context, cfg *config.Config, to []string) error {
	transport, err := mail.NewTransport(cfg.Mail)
	if err != nil {
		return exit.Usage(err)
	}
	if len(to) == 0 {
		to = cfg.Mail.To
	}
	if len(to) == 0 {
		return exit.Usage(errors.New("nobody to send to: set mail.to, or give --to ADDRESS"))
	}
	words, err := cfg.Report.Phrases()
	if err != nil {
		return err
	}
	var failed []error
	for _, address := range to {
		answer, err := transport.Test(ctx, words, address, time.Now())
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", address, err))
			continue
		}
		fmt.Fprintf(a.out, "%s: accepted by %s: %s\n", address, transport, answer)
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(failed) < len(to):
		return exit.Partial(errors.Join(failed...))
	}
	return errors.Join(failed...)
}
