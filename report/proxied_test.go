package report

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// squidSays loads what a log of Squid says of an hour.
func squidSays(t *testing.T, a *archive.Archive, day archive.Day, sizes map[string]uint64) {
	t.Helper()
	for host, n := range sizes {
		if _, err := a.DB().Exec("INSERT INTO proxy_usage_hourly (day, hour, host, user, part, bytes, requests, denied) VALUES (?, 10, ?, '', 1, ?, 1, 0)",
			day, netip.MustParseAddr(host).AsSlice(), n); err != nil {
			t.Fatal(err)
		}
	}
	last := time.Date(day.Year, day.Month, day.Day, 23, 0, 0, 0, time.UTC)
	if _, err := a.DB().Exec(`INSERT INTO proxy_parts (id, log, start, end, tail_length, tail_digest, line_count, bad_lines, last_entry, state, started)
VALUES (1, 1, 0, 1, 0, REPEAT('x', 32), 1, 0, ?, 'loaded', ?)`, last, last); err != nil {
		t.Fatal(err)
	}
}

// Hosts that only used the proxy are named, and of two proxies there is one sum on
// both sides of the check: Squid's log does not say which of them wrote a line.
func TestProxies(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	loadRows(t, a, "sunday", rowsOf(sunday, hoursTo(24), map[string]uint64{"192.0.2.1": 10, "192.0.2.250": 30}), func(b *archive.Book) {
		left := archive.Counts{Records: 24, Bytes: 4800} // the first proxy is left out by rule, the second is a host
		b.Records += left.Records
		b.Bytes += left.Bytes
		b.Classes.Down = left
		b.Excluded = map[string]archive.Counts{"proxy": left}
	})
	squidSays(t, a, sunday, map[string]uint64{"192.0.2.1": 100, "192.0.2.7": 2000, "2001:db8::7": 2000, "192.0.2.8": 3000})
	cfg := DefaultConfig()
	cfg.Departments = []Group{{Name: "kiosks", Members: Members{Hosts: []string{"192.0.2.8"}}}}
	q := Request{Period: DayPeriod(sunday, time.UTC), Routers: []string{"gw-1"}, Proxies: []netip.Addr{netip.MustParseAddr("192.0.2.249"), netip.MustParseAddr("192.0.2.250")}}
	p := usageOf(t, a, cfg, q).Proxy
	flows := uint64(4800 + 24*30)
	if diff := gocmp.Diff([]HostCheck{{Host: "192.0.2.249 + 192.0.2.250", SquidBytes: 7100, FlowBytes: flows}}, p.Checks); diff != "" || p.FlowBytes == nil || *p.FlowBytes != flows {
		t.Errorf("checks: %s", diff)
	}
	kiosks := "kiosks"
	if diff := gocmp.Diff([]ProxyHost{{Host: "192.0.2.8", Group: &kiosks, Bytes: 3000}, {Host: "192.0.2.7", Bytes: 2000}, {Host: "2001:db8::7", Bytes: 2000}}, p.Only); diff != "" || p.OnlyHosts != 3 {
		t.Errorf("%d only used the proxy: %s", p.OnlyHosts, diff)
	}
}

// Before the log of Squid begins nobody knows what went through the proxy, nor on a
// day without an entry: that is not that everything went past it.
func TestProxyLogOfOtherDays(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	begin, silent, last := sunday, sunday.Add(1), sunday.Add(2)
	for day := begin.Add(-1); !last.Before(day); day = day.Add(1) {
		loadRows(t, a, day.String(), rowsOf(day, hoursTo(24), map[string]uint64{"192.0.2.1": 10}), nil)
	}
	squidSays(t, a, last, map[string]uint64{"192.0.2.1": 240})
	if _, err := a.DB().Exec("INSERT INTO proxy_usage_hourly (day, hour, host, user, part, bytes, requests, denied) VALUES (?, 14, ?, '', 1, 240, 1, 0)",
		begin, netip.MustParseAddr("192.0.2.1").AsSlice()); err != nil {
		t.Fatal(err)
	}
	now := time.Date(last.Year, last.Month, last.Day+2, 0, 0, 0, 0, time.UTC)
	cfg := DefaultConfig()
	of := func(from, to archive.Day) *Usage {
		p := DayPeriod(from, time.UTC)
		if from != to {
			p = NewPeriod(KindRange, from, to, time.UTC)
		}
		return usageOf(t, a, cfg, Request{Period: p, Routers: []string{"gw-1"}, Now: now})
	}
	says := func(u *Usage, sentence string) bool {
		var text strings.Builder
		if err := u.WriteText(&text, phrase.English(), 0, 0); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(strings.Join(strings.Fields(text.String()), " "), sentence)
	}
	if u := of(begin.Add(-1), begin.Add(-1)); u.Proxy != nil || u.Totals.DirectShare != nil || u.Hosts[0].DirectShare != nil || !u.Complete {
		t.Errorf("before the log: %+v, share %v, %v", u.Proxy, u.Totals.DirectShare, u.Incomplete)
	}
	if u := of(silent, silent); u.Proxy == nil || u.Totals.DirectShare != nil || u.Hosts[0].DirectShare != nil || !u.Complete || !says(u, "has no entry of "+silent.String()) {
		t.Errorf("without an entry: %+v, share %v, %v", u.Proxy, u.Totals.DirectShare, u.Incomplete)
	}
	if u := of(begin, begin); u.Totals.DirectShare == nil || u.Complete || !says(u, "The log of Squid begins at 14:00") {
		t.Errorf("the first day: share %v, %v", u.Totals.DirectShare, u.Incomplete)
	}
	if u := of(begin.Add(-1), last); u.Totals.DirectShare == nil || !says(u, "has no entry of "+silent.String()+":") || !says(u, "begins at "+begin.String()+" 14:00") {
		t.Errorf("all days: %+v, %v", u.Proxy, u.Incomplete)
	}
	if u := of(last.Add(1), last.Add(1)); u.Proxy != nil || u.Totals.DirectShare != nil || slices.ContainsFunc(u.Doubts, func(d Doubt) bool { return d.Kind == "proxy_unread" }) {
		t.Errorf("when the log is read no more: %+v, share %v, %v", u.Proxy, u.Totals.DirectShare, u.Incomplete)
	}
	cfg.Squid.AccessLog = "access.log"
	if u := of(last.Add(1), last.Add(1)); u.Proxy == nil || !u.Proxy.Unread || u.Totals.DirectShare != nil {
		t.Errorf("when the log has not been read: %+v, share %v", u.Proxy, u.Totals.DirectShare)
	}
	if u := of(begin.Add(-1), begin.Add(-1)); u.Complete || !says(u, "The log of Squid begins at "+begin.String()+" 14:00") {
		t.Errorf("before the log that is read: %v", u.Incomplete)
	}
	if u := of(last, last); u.Totals.DirectShare == nil || *u.Totals.DirectShare != 0.5 || !u.Complete || len(u.Proxy.Unwritten) > 0 {
		t.Errorf("the last day: %+v, %v", u.Proxy, u.Incomplete)
	}
}

// A log that begins at four is not the whole day's, nor the whole week's; and one that
// is configured and was never read is missed.
func TestProxyLogBegins(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	for day := sunday.Add(-6); !sunday.Before(day); day = day.Add(1) {
		loadRows(t, a, day.String(), rowsOf(day, hoursTo(24), map[string]uint64{"192.0.2.1": 10}), nil)
	}
	cfg := DefaultConfig()
	cfg.Squid.AccessLog = "access.log"
	kinds := func(p Period) (kinds []string) {
		u := usageOf(t, a, cfg, Request{Period: p, Routers: []string{"gw-1"}, Now: time.Date(2026, 11, 9, 6, 0, 0, 0, time.UTC)})
		for _, d := range u.Doubts {
			kinds = append(kinds, d.Kind)
		}
		return kinds
	}
	for _, p := range []Period{DayPeriod(sunday, time.UTC), WeekPeriod(sunday, time.UTC), MonthPeriod(archive.MonthOf(sunday), time.UTC)} {
		if got := kinds(p); !slices.Contains(got, "proxy_missing") {
			t.Errorf("%s without a log: %v", p.Kind, got)
		}
	}
	squidSays(t, a, sunday, map[string]uint64{"192.0.2.1": 240})
	if _, err := a.DB().Exec("UPDATE proxy_usage_hourly SET hour = 4"); err != nil {
		t.Fatal(err)
	}
	for _, p := range []Period{DayPeriod(sunday, time.UTC), WeekPeriod(sunday, time.UTC), MonthPeriod(archive.MonthOf(sunday), time.UTC)} {
		if got := kinds(p); !slices.Contains(got, "proxy_begin") {
			t.Errorf("%s of which the log has a part: %v", p.Kind, got)
		}
	}
	if got := kinds(DayPeriod(sunday.Add(-1), time.UTC)); !slices.Contains(got, "proxy_begin") {
		t.Errorf("a day before the log: %v", got)
	}
}

// Of a day without flow records nobody knows what went past the proxy: that is not
// nothing, nor are its users known to have used nothing else.
func TestProxyWithoutFlows(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	squidSays(t, a, sunday, map[string]uint64{"192.0.2.1": 100})
	u := usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday, time.UTC)})
	if u.Proxy == nil || !u.Proxy.NoFlows || u.Proxy.Bytes != 100 || u.Proxy.OnlyHosts != 0 || u.Totals.DirectShare != nil {
		t.Errorf("%+v, share %v", u.Proxy, u.Totals.DirectShare)
	}
	var text strings.Builder
	if err := u.WriteText(&text, phrase.English(), 0, 0); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"Past the proxy  ", "Share past", "nothing else", "nothing but"} {
		if strings.Contains(text.String(), wrong) {
			t.Errorf("%q in %s", wrong, &text)
		}
	}
}
