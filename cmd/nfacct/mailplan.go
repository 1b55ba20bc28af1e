package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/report"
	"nfacct/report/mail"
)

// plannedMail is a mail that --send would send, or not: then State says why.
type plannedMail struct {
	Report     string `json:"report"`
	Period     string `json:"period"`
	Department string `json:"department,omitempty"`
	Recipient  string `json:"recipient"`
	Subject    string `json:"subject,omitempty"`
	State      string `json:"state"` // new, waiting, failed, dropped, sent or sending
	Send       bool   `json:"send"`
}

// plan lists what --send would do: this report for each of its recipients, then
// what else waits, since --send tries that too.
func plan(list []mailing, ledger, due []archive.Mail, asked, again bool, wanted func(archive.Mail) error) ([]plannedMail, error) {
	var planned []plannedMail
	listed := map[uint64]bool{}
	for _, m := range list {
		for _, recipient := range m.to {
			address, err := mail.ParseAddress(recipient)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(planned, func(p plannedMail) bool {
				return p.Department == m.department && strings.EqualFold(p.Recipient, address.Address)
			}) {
				continue
			}
			p := plannedMail{Report: m.report, Period: m.period, Department: m.department, Recipient: address.Address, State: "new", Send: true}
			for _, known := range ledger {
				if known.Department == m.department && strings.EqualFold(known.Recipient, address.Address) {
					listed[known.ID] = true
					p.State = known.State
					p.Send = known.State == archive.MailWaiting || known.Restarts(asked, again)
				}
			}
			for _, d := range due { // a try that was interrupted is due, too
				p.Send = p.Send || listed[d.ID] && d.Department == m.department && strings.EqualFold(d.Recipient, address.Address)
			}
			planned = append(planned, p)
		}
	}
	for _, d := range due {
		if !listed[d.ID] {
			p := plannedMail{Report: d.Report, Period: d.Period, Department: d.Department, Recipient: d.Recipient, State: d.State, Send: d.Asked || wanted(d) == nil}
			if !p.Send {
				p.State = archive.MailDropped
			}
			planned = append(planned, p)
		}
	}
	return planned, nil
}

// planMails prints what --send would do. Nothing is sent, and the ledger stays as
// it is.
func (a *app) planMails(ctx context.Context, cfg *config.Config, db *archive.Archive, p report.Period, list []mailing, asked, again bool) error {
	ledger, err := db.Mails().Of(ctx, p.Kind, p.Key())
	if err != nil {
		return databaseError(err)
	}
	due, err := db.Mails().Due(ctx, true)
	if err != nil {
		return databaseError(err)
	}
	planned, err := plan(list, ledger, due, asked, again, func(m archive.Mail) error { return wanted(cfg, m) })
	if err != nil {
		return usageError(err)
	}
	if err := a.planSubjects(ctx, cfg, db, planned); err != nil {
		return err
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

// planSubjects makes the letters of what would be sent, for their subjects. What the
// outbox would hold back is not sent, and says why.
func (a *app) planSubjects(ctx context.Context, cfg *config.Config, db *archive.Archive, planned []plannedMail) error {
	type key struct{ report, period, department string }
	type outcome struct{ subject, held string }
	known := map[key]outcome{}
	subject := func(m *plannedMail) (outcome, error) {
		// Nothing is made of a department that is gone.
		if err := (&periodFlags{department: m.Department}).checkDepartment(cfg); err != nil {
			return outcome{held: report.Clean(err.Error())}, nil
		}
		p, err := report.ParsePeriod(m.Report, m.Period, cfg.Location())
		if err != nil {
			return outcome{}, err
		}
		usage, err := a.usage(ctx, db, cfg, p, m.Department, time.Now())
		if err != nil {
			return outcome{}, databaseError(err)
		}
		if err := stillLoading(usage); err != nil {
			return outcome{held: err.Error()}, nil
		}
		l, err := a.letter(cfg, usage, false)
		if err != nil {
			return outcome{}, err
		}
		return outcome{subject: l.Subject}, nil
	}
	for i := range planned {
		m := &planned[i]
		if !m.Send {
			continue
		}
		k := key{m.Report, m.Period, m.Department}
		o, made := known[k]
		if !made {
			var err error
			if o, err = subject(m); err != nil {
				return err
			}
			known[k] = o
		}
		m.Subject = o.subject
		if o.held != "" {
			m.Send, m.State = false, o.held
		}
	}
	return nil
}

// tellHaving says who of a mailing has it already: a person who asked for it by
// --to would wait for it in vain.
func (a *app) tellHaving(ctx context.Context, db *archive.Archive, m mailing) error {
	known, err := db.Mails().Of(ctx, m.report, m.period)
	if err != nil {
		return err
	}
	for _, recipient := range m.to {
		address, err := mail.ParseAddress(recipient)
		if err != nil {
			return err
		}
		for _, k := range known {
			if k.State == archive.MailSent && k.Department == m.department && strings.EqualFold(k.Recipient, address.Address) {
				a.log.Warn("has this report already: --again sends it once more", "to", report.Clean(k.Recipient), "sent", k.Sent.Format(time.RFC3339))
			}
		}
	}
	return nil
}
