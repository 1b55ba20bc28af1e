package mail

import (
	"slices"
	"strings"

	"nfacct/archive"
)

// Planned is a mail that --send would send, or not: then State says why. Its JSON
// form is a contract with other programs.
type Planned struct {
	Report     string `json:"report"`
	Period     string `json:"period"`
	Department string `json:"department,omitempty"`
	Recipient  string `json:"recipient"`
	Subject    string `json:"subject,omitempty"`
	State      string `json:"state"` // new, waiting, failed, dropped, sent or sending
	Send       bool   `json:"send"`
}

// Plan lists what --send would do: this report for each of its recipients, then
// everything else that waits, since --send tries that too. Ledger are the known mails
// of the report, due those that wait, and wanted says why one has no recipient.
func Plan(list []Mailing, ledger, due []archive.Mail, asked, again bool, wanted func(archive.Mail) error) ([]Planned, error) {
	var planned []Planned
	listed := map[uint64]bool{}
	for _, m := range list {
		for _, recipient := range m.To {
			address, err := ParseAddress(recipient)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(planned, func(p Planned) bool {
				return p.Department == m.Department && strings.EqualFold(p.Recipient, address.Address)
			}) {
				continue
			}
			p := Planned{Report: m.Report, Period: m.Period, Department: m.Department, Recipient: address.Address, State: "new", Send: true}
			for _, known := range ledger {
				if known.Department == m.Department && strings.EqualFold(known.Recipient, address.Address) {
					listed[known.ID] = true
					p.State = known.State
					p.Send = known.State == archive.MailWaiting || known.Restarts(asked, again)
				}
			}
			for _, d := range due { // a try that was interrupted is due, too
				p.Send = p.Send || listed[d.ID] && d.Department == m.Department && strings.EqualFold(d.Recipient, address.Address)
			}
			planned = append(planned, p)
		}
	}
	for _, d := range due {
		if !listed[d.ID] {
			p := Planned{Report: d.Report, Period: d.Period, Department: d.Department, Recipient: d.Recipient, State: d.State, Send: d.Asked || wanted(d) == nil}
			if !p.Send {
				p.State = archive.MailDropped
			}
			planned = append(planned, p)
		}
	}
	return planned, nil
}

// Having are the mails of the ledger that recipients of a mailing have already.
func (m *Mailing) Having(ledger []archive.Mail) (have []archive.Mail, err error) {
	for _, recipient := range m.To {
		address, err := ParseAddress(recipient)
		if err != nil {
			return nil, err
		}
		for _, known := range ledger {
			if known.State == archive.MailSent && known.Department == m.Department && strings.EqualFold(known.Recipient, address.Address) {
				have = append(have, known)
			}
		}
	}
	return have, nil
}

// Subjects gives the planned mails their subjects. Letter makes a mail's subject, or
// says why it would be held back: such a mail is not sent now.
func Subjects(planned []Planned, letter func(report, period, department string) (subject, held string, err error)) error {
	type key struct{ report, period, department string }
	type outcome struct{ subject, held string }
	known := map[key]outcome{}
	for i := range planned {
		m := &planned[i]
		if !m.Send {
			continue
		}
		k := key{m.Report, m.Period, m.Department}
		o, made := known[k]
		if !made {
			var err error
			if o.subject, o.held, err = letter(m.Report, m.Period, m.Department); err != nil {
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
