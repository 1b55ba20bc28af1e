package report

import (
	"cmp"
	"time"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// States of a quota.
const (
	QuotaKept = "kept"
	QuotaSoft = "soft" // over the soft bound
	QuotaHard = "hard" // over the hard bound
)

// QuotaState says how far a quota is used. Of several that apply, the one that
// is used most.
type QuotaState struct {
	Quota  string `json:"quota"`  // its name in the configuration
	Period string `json:"period"` // day or month
	// Day is the day of the period that it is measured on: of a day's quota in a
	// longer report the worst, of a month's quota the last of the month. A period
	// of several months is judged month by month.
	Day  string `json:"day"`
	Used uint64 `json:"used_bytes"`
	Soft uint64 `json:"soft_bytes"` // 0: none
	Hard uint64 `json:"hard_bytes"` // 0: none
	// Share is the part used of the bound that is broken, or else of the hard one, or
	// of the soft one without it; see Part.
	Share float64 `json:"share"`
	State string  `json:"state"`
	// Days is how many days of the period were over a day's quota.
	Days int `json:"days_over"`
}

// Bound is the one that is broken, or else the hard one, or the soft one without it.
func (s *QuotaState) Bound() uint64 {
	if s.State == QuotaSoft {
		return s.Soft
	}
	return cmp.Or(s.Hard, s.Soft)
}

// Part is the one share that a state has, in every form of a report: how much of
// Bound is used.
func (s *QuotaState) Part() float64 { return part(s.Used, s.Bound()) }

// Offender is a host, department or list over its quota.
type Offender struct {
	// Subject is what the quota is for: host, department or list; Name its address
	// or name, Names what a host is called.
	Subject string   `json:"subject"`
	Name    string   `json:"name"`
	Names   []string `json:"names,omitempty"`
	Group   *string  `json:"group"`
	QuotaState
}

// MonthText names the month that a state is of, where the period has days of
// several; else it is empty.
func (s *QuotaState) MonthText(p *Period, words *phrase.Catalogue) string {
	day, err := time.Parse(time.DateOnly, s.Day)
	if s.Period != "month" || archive.MonthOf(p.From) == archive.MonthOf(p.To) || err != nil {
		return ""
	}
	return words.Month(day.Month(), day.Year())
}
