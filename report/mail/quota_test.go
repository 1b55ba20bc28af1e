package mail

import (
	"regexp"
	"strings"
	"testing"

	"nfacct/archive"
	"nfacct/report"
)

// Who is over the soft bound alone is shown with that one, not with the hard one of
// which he used a part only; and the mail says which it is, and of a longer period
// the day.
func TestSoftBound(t *testing.T) {
	u := office(5)
	state := report.QuotaState{Quota: "daily", Period: "day", Day: "2026-11-20", Used: 3 << 30, Soft: 2 << 30, Hard: 6 << 30, Share: 0.5, State: report.QuotaSoft, Days: 2}
	u.Offenders = []report.Offender{{Subject: "host", Name: "192.168.88.10", QuotaState: state}}
	u.Period.Kind, u.Period.From, u.Period.Days = report.KindWeek, archive.Day{Year: 2026, Month: 11, Day: 16}, 7
	l, err := NewLetter(u, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(l.HTML, "Over quota")
	section, _, _ = strings.Cut(section, "</table>")
	section = regexp.MustCompile("<[^>]*>").ReplaceAllString(section, " ")
	section = strings.Join(strings.Fields(strings.ReplaceAll(section, noBreak, " ")), " ")
	for _, want := range []string{"3.0 GiB 2.0 GiB 150.0%", "over the soft bound", "most on 2026-11-20", "2 days"} {
		if !strings.Contains(section, want) {
			t.Errorf("no %q in %s", want, section)
		}
	}
}
