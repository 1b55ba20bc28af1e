package report

import (
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
	if len(u.SharedHosts) != 1 || u.SharedHosts[0].Host != "192.168.88.10" ||
		!slices.Equal(u.SharedHosts[0].Routers, []RouterPart{{"gw-1", 1001, 20_002}, {"gw-2", 300, 4000}}) {
		t.Errorf("%+v", u.SharedHosts)
	}
	var b strings.Builder
	if err := u.WriteText(&b, phrase.English(), 10, 0); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(b.String()), " "); !strings.Contains(got, "Host 192.168.88.10 was charged by several routers: gw-1 20.5 KiB, gw-2 4.2 KiB.") {
		t.Error(b.String())
	}
}
