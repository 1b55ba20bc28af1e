package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// idle loads a day that routers were heard all of, and nobody had traffic on.
func idle(t *testing.T, a *archive.Archive, day archive.Day) {
	t.Helper()
	start := time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC)
	for slot := range 96 {
		loadBook(t, a, start.Add(time.Duration(slot)*15*time.Minute).Format("2006-01-02/20060102T150405Z")+".pcapng.zst",
			archive.Book{Day: day, Router: "gw-1", Datagrams: 1, Records: 1, Bytes: 60, Classes: archive.Classes{RouterLocal: archive.Counts{Records: 1, Bytes: 60}}})
	}
}

// A day on which nobody had traffic is a day: it is averaged and compared with.
// One of which something is missing is neither, and that is said.
func TestDaysWithoutTraffic(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	full := func(n int, size uint64) {
		loadRows(t, a, fmt.Sprint("day ", n), rowsOf(sunday.Add(n), hoursTo(24), map[string]uint64{"10.0.0.1": size}), nil)
	}
	loadRows(t, a, "morning", rowsOf(sunday.Add(-28), hoursTo(3), map[string]uint64{"10.0.0.1": 7}), nil)
	full(-14, 300)
	idle(t, a, sunday.Add(-7))
	idle(t, a, sunday.Add(-1))
	full(0, 200)
	q := Request{Period: DayPeriod(sunday, time.UTC), Routers: []string{"gw-1"}}
	u := usageOf(t, a, DefaultConfig(), q)
	if b := u.Before; b == nil || b.Days != 1 || b.Bytes() != 0 || b.NotComplete != "" || b.Change != nil {
		t.Errorf("before %+v", b)
	}
	if w := u.Weekday; w == nil || w.Days != 2 || w.DownBytes != 150*24 || w.Change == nil {
		t.Errorf("weekday %+v", w)
	}
	// Of the same weekday only a morning is known.
	q.Period = DayPeriod(sunday.Add(-14), time.UTC)
	u = usageOf(t, a, DefaultConfig(), q)
	if w := u.Weekday; w == nil || w.NotComplete != "2026-10-18" || w.Change != nil || w.Days != 0 {
		t.Errorf("weekday after a morning %+v", w)
	}
	var text bytes.Buffer
	if err := u.WriteText(&text, phrase.English(), 0, 0); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "no comparison") {
		t.Error(text.String())
	}
}

// A quota of a month is one of each month that a period has days of.
func TestMonthQuotaOverMonthsEdge(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	october := archive.Day{Year: 2026, Month: time.October, Day: 31}
	for _, day := range []archive.Day{october.Add(-20), october, october.Add(1), october.Add(2)} {
		loadRows(t, a, day.String(), rowsOf(day, hoursTo(24), map[string]uint64{"10.0.0.1": 100, "10.0.0.2": 1}), nil)
	}
	cfg := DefaultConfig()
	cfg.Quotas = []Quota{{Name: "month", Each: "host", Period: "month", Soft: 4000, Hard: 100_000}}
	judged := func(p Period) (over []string, text string) {
		t.Helper()
		u := usageOf(t, a, cfg, Request{Period: p, Routers: []string{"gw-1"}})
		for _, o := range u.Offenders {
			over = append(over, fmt.Sprintf("%s %s %d %s", o.Name, o.Day, o.Used, o.State))
		}
		var b bytes.Buffer
		if err := u.WriteText(&b, phrase.English(), 0, 0); err != nil {
			t.Fatal(err)
		}
		return over, b.String()
	}
	over, text := judged(NewPeriod(KindRange, october, october.Add(1), time.UTC))
	if diff := gocmp.Diff([]string{"10.0.0.1 2026-10-31 4800 soft"}, over); diff != "" || !strings.Contains(text, "October 2026") {
		t.Error(diff, text)
	}
	over, text = judged(WeekPeriod(october.Add(1), time.UTC)) // to the first of November
	if diff := gocmp.Diff([]string{"10.0.0.1 2026-10-31 4800 soft"}, over); diff != "" {
		t.Error(diff, text)
	}
	over, text = judged(NewPeriod(KindRange, october, october.Add(2), time.UTC))
	if diff := gocmp.Diff([]string{"10.0.0.1 2026-10-31 4800 soft", "10.0.0.1 2026-11-02 4800 soft"}, over); diff != "" || !strings.Contains(text, "November 2026") {
		t.Error(diff, text)
	}
	over, text = judged(DayPeriod(october.Add(1), time.UTC))
	if len(over) != 0 || strings.Contains(text, "October 2026") {
		t.Error(over, text)
	}
}
