package report

import (
	"bytes"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/report/phrase"
)

func textOf(t *testing.T, u *Usage) string {
	t.Helper()
	var b bytes.Buffer
	if err := u.WriteText(&b, phrase.English(), 0, 0); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A lease that moves at noon: both names, each with its hours.
func TestLeaseMoves(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	loadRows(t, a, "sunday", rowsOf(sunday, hoursTo(24), map[string]uint64{"10.0.0.1": 3, "10.0.0.2": 2, "10.0.0.3": 1}), nil)
	start := time.Date(2026, 11, 8, 0, 0, 0, 0, time.UTC)
	host := netip.MustParseAddr
	note := func(at time.Time, names map[netip.Addr]string) {
		t.Helper()
		if err := a.Routers().NoteHostNames(t.Context(), "lease", names, at); err != nil {
			t.Fatal(err)
		}
	}
	// Nine months ago another computer had an address.
	note(start.AddDate(0, -9, 0), map[netip.Addr]string{host("10.0.0.2"): "gone", host("10.0.0.3"): "back"})
	for at := start.Add(-time.Hour); at.Before(start.Add(25 * time.Hour)); at = at.Add(time.Hour) {
		names := map[netip.Addr]string{host("10.0.0.1"): "anna-pc"}
		if !at.Before(start.Add(12 * time.Hour)) {
			names[host("10.0.0.1")] = "boris-pc"
		}
		if !at.Before(start.Add(6 * time.Hour)) {
			names[host("10.0.0.3")] = "back"
		}
		note(at, names)
	}
	u := usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday, time.UTC), Routers: []string{"gw-1"}})
	if h := u.Hosts[0]; strings.Join(h.Names, " ") != "boris-pc anna-pc" || h.NamesByTime(&u.Period) != "anna-pc 00:00–12:00, boris-pc 12:00–24:00" {
		t.Errorf("%q %q", h.Names, h.NamesByTime(&u.Period))
	}
	if h := u.Hosts[1]; len(h.Names) != 0 || !h.NotInDHCP {
		t.Errorf("named by a lease of nine months ago: %+v", h)
	}
	if h := u.Hosts[2]; strings.Join(h.Names, " ") != "back" || h.NotInDHCP || h.Named[0].From != nil {
		t.Errorf("%+v", h)
	}
	if text := textOf(t, u); !strings.Contains(text, "anna-pc 00:00–12:00, boris-pc 12:00–24:00") {
		t.Error(text)
	}
	// The day after, one name is left, and hours are not said.
	loadRows(t, a, "monday", rowsOf(sunday.Add(1), hoursTo(2), map[string]uint64{"10.0.0.1": 3}), nil)
	u = usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday.Add(1), time.UTC)})
	if h := u.Hosts[0]; strings.Join(h.Names, " ") != "boris-pc" || h.NamesByTime(&u.Period) != "" {
		t.Errorf("%q %q", h.Names, h.NamesByTime(&u.Period))
	}
}

// Silence is of records: hours in which all were internal are no silence.
func TestInternalHours(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	loadRows(t, a, "given.pcap", rowsOf(sunday, hoursTo(12), map[string]uint64{"10.0.0.1": 3}), func(b *archive.Book) {
		b.HeardHours = 1<<24 - 1
		b.Records += 5
		b.Classes.Internal.Records += 5
	})
	u := usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday, time.UTC), Routers: []string{"gw-1"}})
	if !u.Complete || len(u.Gaps) != 0 || u.Buckets[15].NoData {
		t.Errorf("%q, gaps %v, no data %v", u.Incomplete, u.Gaps, u.Buckets[15].NoData)
	}
}

// Of a day that is not over it is said until when there are data, and hours to come
// have no rows.
func TestToday(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	for hour := range 15 {
		at := time.Date(2026, 11, 8, hour, 0, 0, 0, time.UTC)
		for quarter := range 4 {
			if hour == 14 && quarter == 3 {
				break
			}
			name := "2026-11-08/" + at.Add(time.Duration(quarter)*15*time.Minute).Format("20060102T150405Z") + ".pcapng.zst"
			loadRows(t, a, name, rowsOf(sunday, []int{hour}, map[string]uint64{"10.0.0.1": 1000}), nil)
		}
	}
	u := usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday, time.UTC), Routers: []string{"gw-1"}, Now: time.Date(2026, 11, 8, 14, 52, 0, 0, time.UTC)})
	text := textOf(t, u)
	if !strings.Contains(text, "The period is not over; data until 14:45.") || !strings.Contains(text, "\n  14:00 ") || strings.Contains(text, "\n  15:00 ") {
		t.Error(text)
	}
}

// Figures of a router that samples are marked as estimates.
func TestEstimates(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	loadRows(t, a, "sunday", rowsOf(sunday, hoursTo(24), map[string]uint64{"10.0.0.1": 3}), func(b *archive.Book) { b.Estimated = true })
	u := usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday, time.UTC)})
	if text := textOf(t, u); len(u.Estimated) != 1 || !strings.Contains(text, "Estimates: gw-1 samples packets, so its bytes are extrapolated.") {
		t.Errorf("%q %s", u.Estimated, text)
	}
}

// Months of different length are compared by the day, and it is said.
func TestMonthsPerDay(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	february := archive.Month{Year: 2026, Month: time.February}
	var rows []archive.Row
	for day := february.First(); day.Before(archive.Day{Year: 2026, Month: time.April, Day: 1}); day = day.Add(1) {
		rows = append(rows, rowsOf(day, hoursTo(24), map[string]uint64{"10.0.0.1": 1 << 20})...)
	}
	loadRows(t, a, "months", rows, nil)
	u := usageOf(t, a, DefaultConfig(), Request{Period: MonthPeriod(archive.Month{Year: 2026, Month: time.March}, time.UTC)})
	if b := u.Before; b == nil || !b.PerDay || b.Change == nil || math.Abs(*b.Change) > 1e-9 {
		t.Errorf("%+v", b)
	}
	if text := textOf(t, u); !strings.Contains(text, "±0% per day against the month before (24.0 MiB per day)") {
		t.Error(text)
	}
}

// A share of lost records says about how much traffic is missing.
func TestLostTraffic(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	loadRows(t, a, "sunday", rowsOf(sunday, hoursTo(24), map[string]uint64{"10.0.0.1": 1 << 20}), func(b *archive.Book) { b.LostRecords = 6 })
	u := usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday, time.UTC)})
	if text := textOf(t, u); !strings.Contains(strings.Join(strings.Fields(text), " "), "gw-1: about 20.0% of its records are lost, so about 6.0 MiB of traffic is missing.") {
		t.Error(text)
	}
}
