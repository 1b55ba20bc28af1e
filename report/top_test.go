package report

import (
	"net/netip"
	"testing"
	"time"

	"nfacct/archive"
)

// Rows are added up by each field; the busiest come first, and the others add up.
func TestTop(t *testing.T) {
	from := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	row := func(host, peer string, port uint16, up, down uint64) *archive.Row {
		return &archive.Row{Host: netip.MustParseAddr(host), Peer: netip.MustParseAddr(peer), HostPort: 40000, PeerPort: port, Proto: 6, UpBytes: up, DownBytes: down, Flows: 1}
	}
	for _, c := range []struct {
		by, first string
		bytes     uint64
		lines     int
	}{{"host", "192.0.2.2", 12_000, 3}, {"peer", "203.0.113.1", 13_000, 3}, {"service", "https", 13_000, 2}, {"router", "gw", 15_000, 1}} {
		top, err := NewTop(c.by, from, from.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		top.Add("lost", row("192.0.2.9", "203.0.113.9", 1, 1e9, 0))
		top.Reset()
		for _, r := range []*archive.Row{row("192.0.2.1", "203.0.113.1", 443, 1000, 0), row("192.0.2.2", "203.0.113.1", 443, 2000, 8000), row("192.0.2.2", "203.0.113.2", 22, 0, 2000), row("192.0.2.3", "203.0.113.1", 443, 500, 1500)} {
			if c.by == "peer" && r.PeerPort == 22 {
				r.Peer = netip.MustParseAddr("203.0.113.3")
			}
			top.Add("gw", r)
		}
		if c.by == "peer" {
			top.Add("gw", row("192.0.2.1", "203.0.113.4", 443, 0, 0))
		}
		rows, others, left := top.Rows(0)
		if len(rows) != c.lines || rows[0].Key != c.first || rows[0].UpBytes+rows[0].DownBytes != c.bytes || rows[0].BitsPerSecond != c.bytes*8/60 || left != 0 || others.Flows != 0 {
			t.Errorf("by %s: %+v, others %+v", c.by, rows, others)
		}
		if rows, others, left = top.Rows(1); len(rows) != 1 || left != c.lines-1 || rows[0].UpBytes+rows[0].DownBytes+others.UpBytes+others.DownBytes != 15_000 {
			t.Errorf("by %s, one line: %+v, others %+v", c.by, rows, others)
		}
	}
	if _, err := NewTop("nonsense", from, from); err == nil {
		t.Error("nonsense is taken")
	}
}

// Made-up hosts beyond a bound are others, so that a flood takes no memory.
func TestTopIsBounded(t *testing.T) {
	top, err := NewTop("host", time.Time{}, time.Time{}.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	r := archive.Row{Peer: netip.MustParseAddr("203.0.113.1"), UpBytes: 1, Flows: 1}
	for i := range maxTop + 1000 {
		r.Host = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		top.Add("gw", &r)
	}
	if rows, others, _ := top.Rows(0); len(rows) != maxTop || others.UpBytes != 1000 {
		t.Errorf("%d rows, others %+v", len(rows), others)
	}
}
