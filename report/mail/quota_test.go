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

// One quota has one share, wherever it is shown: of the bound that is broken.
func TestQuotaShare(t *testing.T) {
	u := office(5)
	soft := report.QuotaState{Quota: "office", Period: "day", Day: u.Day, Used: 2950 << 20, Soft: 2 << 30, Hard: 3000 << 20, State: report.QuotaSoft}
	u.Hosts[1].Quota, u.Offenders = &soft, []report.Offender{{Subject: "host", Name: u.Hosts[1].Host, QuotaState: soft}}
	l, err := NewLetter(u, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(l.HTML, "144.0%") || strings.Contains(l.HTML, "98.3%") {
		t.Error("the mail does not have the share of the soft bound")
	}
	file := openWorkbook(t, l.Workbook)
	for sheet, column := range map[string]int{"Hosts": 23, "Over quota": 8} {
		if sheet == "Hosts" {
			if got := rows(t, file, sheet)[2][column]; !strings.HasPrefix(got, "1.4404") {
				t.Errorf("%s: %s", sheet, got)
			}
		} else if got := rows(t, file, sheet)[1][column]; !strings.HasPrefix(got, "1.4404") {
			t.Errorf("%s: %s", sheet, got)
		}
	}
}
