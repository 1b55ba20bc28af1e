package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/terminal"
	"nfacct/report"
	"nfacct/report/mail"
)

// mailing is one report of one period for some recipients.
type mailing struct {
	report, period string // as the ledger names them
	department     string
	to             []string
}

// mailings lists who gets a report: the heads everything, and each department's
// recipients its own hosts.
func mailings(cfg *config.Config, p report.Period) []mailing {
	m := mailing{report: p.Kind}
	if !p.Start.IsZero() {
		m.period = p.Key()
	}
	var list []mailing
	if to := cfg.Mail.Recipients(p.Kind); len(to) > 0 {
		m.to = to
		list = append(list, m)
	}
	for _, department := range cfg.Report.Departments {
		if len(department.To) > 0 {
			m.department, m.to = department.Name, department.To
			list = append(list, m)
		}
	}
	return list
}

// newOutbox makes letters of the reports that the ledger asks for.
func (a *app) newOutbox(cfg *config.Config, db *archive.Archive) (*mail.Outbox, error) {
	return mail.NewOutbox(cfg.Mail, db.Mails(), func(m archive.Mail) error { return wanted(cfg, m) }, func(ctx context.Context, m archive.Mail) (*mail.Letter, error) {
		p, err := report.ParsePeriod(m.Report, m.Period, cfg.Location())
		if err != nil {
			return nil, err
		}
		// Of a department that is gone everything might be shown, or nothing.
		if err := (&periodFlags{department: m.Department}).checkDepartment(cfg); err != nil {
			return nil, err
		}
		usage, err := a.usage(ctx, db, cfg, p, m.Department, time.Now())
		if err != nil {
			return nil, err
		}
		if err := stillLoading(usage); err != nil {
			return nil, err
		}
		return a.letter(cfg, usage, m.Asked)
	}, a.log)
}

// wanted says why a mail that waits has no recipient any more: one who was taken
// out of the configuration gets nothing that was meant for him before.
func wanted(cfg *config.Config, m archive.Mail) error {
	for _, now := range mailings(cfg, report.Period{Kind: m.Report}) {
		if now.department != m.Department {
			continue
		}
		for _, recipient := range now.to {
			if address, err := mail.ParseAddress(recipient); err == nil && strings.EqualFold(address.Address, m.Recipient) {
				return nil
			}
		}
	}
	return errors.New("the configuration names this recipient no more")
}

// letter renders a usage as it is mailed; asked is for one who is not of the
// configuration.
func (a *app) letter(cfg *config.Config, usage *report.Usage, asked bool) (*mail.Letter, error) {
	words, err := cfg.Report.Phrases()
	if err != nil {
		return nil, err
	}
	source := ""
	if !asked {
		if _, source = addressees(cfg, usage.Period.Kind, usage.Group); source != "" && usage.Group != "" {
			source = words.Text("mail.source.department", source)
		}
	}
	return mail.NewLetter(usage, mail.Options{Words: words, Rows: cfg.Mail.Rows, Source: source})
}

// addressees are who gets a report, and the key or department of the configuration
// that names them.
func addressees(cfg *config.Config, kind, department string) (to []string, source string) {
	for _, m := range mailings(cfg, report.Period{Kind: kind}) {
		if m.department != department {
			continue
		}
		switch {
		case department != "":
			return m.to, department
		case kind == report.KindWeek && len(cfg.Mail.WeeklyTo) > 0:
			return m.to, "mail.weekly_to"
		case kind == report.KindMonth && len(cfg.Mail.MonthlyTo) > 0:
			return m.to, "mail.monthly_to"
		}
		return m.to, "mail.to"
	}
	return nil, ""
}

// send enters a report into the ledger and tries everything that is due.
func (a *app) send(ctx context.Context, cfg *config.Config, db *archive.Archive, p report.Period, f *reportFlags) error {
	outbox, err := a.newOutbox(cfg, db)
	if err != nil {
		return usageError(err)
	}
	list := mailings(cfg, p)
	if f.department != "" {
		list = slices.DeleteFunc(list, func(m mailing) bool { return m.department != f.department })
	}
	if len(f.recipients) > 0 {
		list = []mailing{{report: p.Kind, period: p.Key(), department: f.department, to: f.recipients}}
	}
	if len(list) == 0 {
		return usageError(errors.New("nobody to send to: set mail.to, or give --to ADDRESS"))
	}
	if f.dryRun {
		return a.planMails(ctx, cfg, db, p, list, len(f.recipients) > 0, f.again)
	}
	if len(f.recipients) > 0 && !f.again {
		if err := a.tellHaving(ctx, db, list[0]); err != nil {
			return databaseError(err)
		}
	}
	for _, m := range list {
		if err := outbox.Note(ctx, m.report, m.period, m.department, m.to, mail.Noting{Asked: len(f.recipients) > 0, Again: f.again}); err != nil {
			return databaseError(err)
		}
	}
	result, err := outbox.Deliver(ctx, true)
	if err != nil {
		return databaseError(err)
	}
	mails, err := db.Mails().Of(ctx, p.Kind, p.Key())
	if err != nil {
		return databaseError(err)
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

// sendError says which mails were not sent, and what becomes of them. Busy are those
// that another process is at, and how that ends is not known. Whoever has it
// already counts too: then only a part of the recipients has not.
func sendError(result mail.Result, busy int, period string, has bool) error {
	if result.Waiting+result.GivenUp+busy == 0 {
		return nil
	}
	var problems []error
	for _, problem := range result.Problems {
		if problem.GivenUp {
			problems = append(problems, fmt.Errorf("%w; it is given up", problem))
			continue
		}
		problems = append(problems, problem)
	}
	if busy > 0 {
		problems = append(problems, fmt.Errorf("another process is sending %s of %s", terminal.Plural(busy, "mail"), period))
	}
	failed := result.Waiting + result.GivenUp + busy
	summary := fmt.Sprintf("%d of %d mails were not sent", failed, failed+result.Sent)
	if result.Waiting > 0 {
		summary += fmt.Sprintf("; nfacct run tries %d again, and so does the next nfacct report --send", result.Waiting)
	}
	if result.GivenUp > 0 {
		summary += fmt.Sprintf("; %d given up: nfacct report --to ADDRESS sends one anew", result.GivenUp)
	}
	err := errors.Join(append(problems, errors.New(summary))...)
	switch {
	case result.Sent > 0 || has:
		return partialError(err)
	case result.Waiting+busy > 0:
		return temporaryError(err)
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
		return usageError(err)
	}
	if len(to) == 0 {
		to = cfg.Mail.To
	}
	if len(to) == 0 {
		return usageError(errors.New("nobody to send to: set mail.to, or give --to ADDRESS"))
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
		return partialError(errors.Join(failed...))
	}
	return errors.Join(failed...)
}

// deliver sends what is due.
func (a *app) deliver(ctx context.Context, cfg *config.Config, db *archive.Archive) error {
	outbox, err := a.newOutbox(cfg, db)
	if err != nil {
		return err
	}
	result, err := outbox.Deliver(ctx, false)
	for _, problem := range result.Problems {
		what := "mail not sent, it is tried again"
		if problem.GivenUp {
			what = "mail not sent, it is given up"
		}
		a.log.Warn(what, "err", problem)
	}
	return err
}
