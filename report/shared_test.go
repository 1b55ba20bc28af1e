package report

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// Where two routers have networks of the same addresses the routers stand beside
// their hosts; a department's report has its own alone.
func TestSharedHosts(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 2)
	day := archive.Day{Year: 2026, Month: time.November, Day: 23}
	row := func(router uint16, slot archive.Slot, host string, up, down uint64) archive.Row {
		return archive.Row{Day: day, Slot: slot, Router: router, WAN: 1, Host: netip.MustParseAddr(host), Peer: netip.MustParseAddr("198.51.100.9"),
			HostPort: 50_000, PeerPort: 443, Proto: 6, UpPackets: 1, DownPackets: 1, UpBytes: up, DownBytes: down, Flows: 1}
	}
	loadRows(t, a, "file", []archive.Row{
		row(1, 40, "192.168.88.10", 1000, 20_000), row(1, 60, "192.168.88.10", 1, 2), row(2, 44, "192.168.88.10", 300, 4000),
		row(1, 40, "192.168.88.11", 5, 6), row(2, 40, "192.168.88.12", 7, 8),
	}, nil)
	reporter, err := New(DefaultConfig(), a, time.UTC, discard)
	if err != nil {
		t.Fatal(err)
	}
	u, err := reporter.Usage(t.Context(), Request{Period: DayPeriod(day, time.UTC), Now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	wanted := []RouterPart{{"gw-1", 1001, 20_002}, {"gw-2", 300, 4000}}
	if len(u.SharedHosts) != 1 || u.SharedHosts[0].Host != "192.168.88.10" || !slices.Equal(u.SharedHosts[0].Routers, wanted) || !slices.Equal(u.Hosts[0].Routers, wanted) || u.Hosts[1].Routers != nil {
		t.Errorf("%+v", u.SharedHosts)
	}
	var b strings.Builder
	if err := u.WriteText(&b, phrase.English(), 10, 0); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"192.168.88.10 1.3 KiB 23.4 KiB 24.7 KiB 99.9% 3 1", "- gw-1 1001 B 19.5 KiB 20.5 KiB 82.9%", "- gw-2 300 B 3.9 KiB 4.2 KiB 17.0%", "1 host was charged by several routers"} {
		if got := strings.Join(strings.Fields(b.String()), " "); !strings.Contains(got, line) {
			t.Errorf("no %q in:\n%s", line, b.String())
		}
	}
	// A period of any length has the same, and only of its own days.
	loadRows(t, a, "another", []archive.Row{func() archive.Row { r := row(2, 44, "192.168.88.10", 7, 8); r.Day = day.Add(-20); return r }()}, nil)
	month, err := reporter.Usage(t.Context(), Request{Period: MonthPeriod(archive.MonthOf(day), time.UTC), Now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	if want := []RouterPart{{"gw-1", 1001, 20_002}, {"gw-2", 307, 4008}}; len(month.SharedHosts) != 1 || !slices.Equal(month.SharedHosts[0].Routers, want) {
		t.Errorf("%+v", month.SharedHosts)
	}
}

// Downloads that were charged by next hop or uploads are marked, host by host: of the
// rows that rest on it, and of no others.
func TestWeakHosts(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	day := archive.Day{Year: 2026, Month: time.November, Day: 23}
	row := func(host string, port uint16, code uint8, down uint64) archive.Row {
		return archive.Row{Day: day, Slot: 40, Router: 1, WAN: 1, Host: netip.MustParseAddr(host), Peer: netip.MustParseAddr("198.51.100.9"), Attribution: code,
			HostPort: port, PeerPort: 443, Proto: 6, UpPackets: 1, DownPackets: 1, UpBytes: 10, DownBytes: down, Flows: 1}
	}
	rules := map[string]archive.Counts{"next hop": {Records: 1, Bytes: 7000}, "inside address": {Records: 1}}
	loadRows(t, a, "file", []archive.Row{
		row("192.168.88.10", 1, 0x51, 7000), row("192.168.88.10", 2, 0x21, 90_000), // next hop; translated
		row("192.168.88.11", 1, 0x81, 500), row("192.168.88.11", 2, 0xa1, 60), row("192.168.88.12", 1, 0x11, 900), row("192.168.88.12", 2, 0x15, 4000), // an upload's rule is none of a download
	}, func(b *archive.Book) { b.Rules = rules })
	reporter, err := New(DefaultConfig(), a, time.UTC, discard)
	if err != nil {
		t.Fatal(err)
	}
	u, err := reporter.Usage(t.Context(), Request{Period: DayPeriod(day, time.UTC), Now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	for i := range u.Hosts {
		got[u.Hosts[i].Host] = u.Hosts[i].WeakBytes
	}
	if want := map[string]uint64{"192.168.88.10": 7000, "192.168.88.11": 560, "192.168.88.12": 0}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var b strings.Builder
	if err := u.WriteText(&b, phrase.English(), 10, 0); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Count(text, " * ") != 2 || !strings.Contains(text, "* download charged by next hop or uploads") {
		t.Error(text)
	}
}
