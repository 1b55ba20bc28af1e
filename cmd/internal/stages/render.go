package stages

import (
	"cmp"
	"io"
	"time"

	"nfacct/cmd/internal/config"
	"nfacct/report"
	"nfacct/report/mail"
)

// Render writes a report in one of the forms text, html, json, xlsx and eml. Forms
// with a line for each host are written as they are made.
func Render(w io.Writer, cfg *config.Config, usage *report.Usage, format string, now time.Time) error {
	if format == "json" {
		return usage.WriteJSON(w)
	}
	words, err := cfg.Report.Phrases()
	if err != nil {
		return err
	}
	switch format {
	case "text":
		return usage.WriteText(w, words, cfg.Report.HostsMost, cfg.Mail.Rows)
	case "html":
		page, err := mail.Page(usage, words, cfg.Report.HostsMost)
		if err == nil {
			_, err = io.WriteString(w, page)
		}
		return err
	case "xlsx":
		return mail.WriteWorkbook(w, usage, words)
	}
	l, err := Letter(cfg, usage, false)
	if err != nil {
		return err
	}
	return writeEML(w, cfg, l, usage, now)
}

// writeEML writes the mail as the first recipient would get it; addresses that the
// configuration does not name are stood in for.
func writeEML(w io.Writer, cfg *config.Config, l *mail.Letter, usage *report.Usage, now time.Time) error {
	e := mail.Envelope{From: cmp.Or(cfg.Mail.From, "nfacct <nfacct@nfacct.invalid>"), ReplyTo: cfg.Mail.ReplyTo, To: "head@nfacct.invalid", Date: now}
	if to, _ := Addressees(cfg).Of(usage.Period.Kind, usage.Group); len(to) > 0 {
		e.To = to[0]
	}
	e.MessageID = mail.MessageID(e.From, usage.Period.Kind, usage.Period.Key(), usage.Group, e.To, 0)
	msg, err := l.Message(e)
	if err != nil {
		return err
	}
	_, err = msg.WriteTo(w)
	return err
}
