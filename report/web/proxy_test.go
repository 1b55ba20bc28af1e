package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
)

// Direct is set against proxied of those days alone that the proxy's log is whole of.
func TestProxyPage(t *testing.T) {
	d := deps(&office{})
	begun := archive.SlotStart(begin, 40, d.Location) // in the middle of the first day
	d.Proxied = func(_ context.Context, _, _ archive.Day, take func(*archive.ProxyUsage)) (time.Time, time.Time, error) {
		take(&archive.ProxyUsage{Day: begin, Host: hosts[0], Bytes: 1_000_000})
		take(&archive.ProxyUsage{Day: begin.Add(1), Host: hosts[0], Bytes: 2020})
		return begun, d.Now(), nil
	}
	body := get(serve(t, d), "/proxy/2026-11?sort=share").Body.String()
	for _, want := range []string{"2026-11-21 to 2026-11-23", `title="2020"`, `title="6060"`, "<dd>1</dd>", "100.0%", "50.0%"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q: %s", want, body)
		}
	}
	if strings.Contains(body, "1000000") || strings.Index(body, ">192.168.88.11<") > strings.Index(body, ">192.168.88.10<") {
		t.Error(body)
	}
	d.Proxied = func(context.Context, archive.Day, archive.Day, func(*archive.ProxyUsage)) (begin, until time.Time, err error) {
		return begin, until, nil
	}
	if body := get(serve(t, d), "/proxy").Body.String(); !strings.Contains(body, "Nothing of this month is known from the proxy") {
		t.Error(body)
	}
	d.Proxied = nil
	if body := get(serve(t, d), "/proxy").Body.String(); !strings.Contains(body, "report.squid.access_log") || strings.Contains(body, `<a href="/proxy"`) {
		t.Error(body)
	}
}

// twoMonths has the same traffic each day from the first of October on, but for a day
// of which nothing is known.
type twoMonths struct{ office }

var unknown = archive.Day{Year: 2026, Month: 10, Day: 5}

func (o *twoMonths) DayTotals(_ context.Context, from, to archive.Day) (totals []archive.DayTotal, err error) {
	for day := from; !to.Before(day); day = day.Add(1) {
		if day != unknown {
			totals = append(totals, archive.DayTotal{Day: day})
		}
	}
	return totals, nil
}

// Days of which nothing is known, and today, are not compared.
func TestCompare(t *testing.T) {
	s, err := New(DefaultConfig(), deps(&office{}))
	if err != nil {
		t.Fatal(err)
	}
	var days []archive.HostDay
	for day := (archive.Day{Year: 2026, Month: 10, Day: 1}); day.Before(archive.Day{Year: 2026, Month: 12, Day: 1}); day = day.Add(1) {
		bytes := uint64(100)
		if day.Month == time.November {
			bytes = 150
		}
		days = append(days, archive.HostDay{Day: day, DownBytes: bytes})
	}
	got, err := s.compare(t.Context(), &twoMonths{}, archive.Month{Year: 2026, Month: 11}, days)
	if err != nil || got.Days != 28 || got.Before != 2800 || got.Now != 4200 || !strings.HasPrefix(got.Change, "+50") {
		t.Errorf("%+v %v", got, err)
	}
}
