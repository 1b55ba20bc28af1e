package mail

import (
	"errors"
	"strings"

	"nfacct/archive"
	"nfacct/report"
	"nfacct/report/phrase"
)

// Mailing is one report of one period for some recipients.
type Mailing struct {
	Report, Period string // as the ledger names them
	Department     string
	To             []string
}

// Addressees are those who get reports.
type Addressees struct {
	Config      Config
	Departments []report.Group
}

// Mailings lists who gets a report: the heads everything, and each department's
// recipients its own hosts. A zero period gives mailings without one.
func (a Addressees) Mailings(p report.Period) []Mailing {
	m := Mailing{Report: p.Kind}
	if !p.Start.IsZero() {
		m.Period = p.Key()
	}
	var list []Mailing
	if to := a.Config.Recipients(p.Kind); len(to) > 0 {
		m.To = to
		list = append(list, m)
	}
	for _, department := range a.Departments {
		if len(department.To) > 0 {
			m.Department, m.To = department.Name, department.To
			list = append(list, m)
		}
	}
	return list
}

// Wanted says why a mail that waits has no recipient any more: somebody who was taken
// out of the configuration gets no mail that was addressed before.
func (a Addressees) Wanted(m archive.Mail) error {
	for _, now := range a.Mailings(report.Period{Kind: m.Report}) {
		if now.Department != m.Department {
			continue
		}
		for _, recipient := range now.To {
			if address, err := ParseAddress(recipient); err == nil && strings.EqualFold(address.Address, m.Recipient) {
				return nil
			}
		}
	}
	return errors.New("the configuration names this recipient no more")
}

// Of lists the recipients of a report, and gives the key of the configuration or the department
// that names them.
func (a Addressees) Of(kind, department string) (to []string, source string) {
	for _, m := range a.Mailings(report.Period{Kind: kind}) {
		if m.Department != department {
			continue
		}
		switch {
		case department != "":
			return m.To, department
		case kind == report.KindWeek && len(a.Config.WeeklyTo) > 0:
			return m.To, "mail.weekly_to"
		case kind == report.KindMonth && len(a.Config.MonthlyTo) > 0:
			return m.To, "mail.monthly_to"
		}
		return m.To, "mail.to"
	}
	return nil, ""
}

// Letter renders a report as it is mailed; asked is for a recipient who is not of the
// configuration.
func (a Addressees) Letter(u *report.Usage, words *phrase.Catalogue, asked bool) (*Letter, error) {
	source := ""
	if !asked {
		if _, source = a.Of(u.Period.Kind, u.Group); source != "" && u.Group != "" {
			source = words.Text("mail.source.department", source)
		}
	}
	return NewLetter(u, Options{Words: words, Rows: a.Config.Rows, Source: source})
}
