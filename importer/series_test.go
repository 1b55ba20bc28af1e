package importer

import (
	"net/netip"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
)

// TestRoutersInSeries: an inner router exports what the outer one does. Both are
// charged, and the books say so; what only looks alike is not.
func TestRoutersInSeries(t *testing.T) {
	inner := hostileOffice()
	inner.Name, inner.Export = "inner", []netip.Addr{ip("192.0.2.99")}
	other := hostileOffice()
	other.Name, other.Export = "other", []netip.Addr{ip("192.0.2.98")}
	from := func(router Router, p spool.Packet) spool.Packet {
		p.Src = netip.AddrPortFrom(router.Export[0], 2055)
		return p
	}
	var packets []spool.Packet
	for n := range 20 {
		sent := at.Add(time.Duration(n) * 10 * time.Second)
		packets = append(packets, timedV9(sent, 0, n, uint16(2000+n), uint32(10_000+n)), // by gw
			from(inner, timedV9(sent, 0, n, uint16(2000+n), uint32(10_000+n))),
			from(other, timedV9(sent, 0, n, uint16(2000+n), uint32(30_000+n)))) // another host with that address
	}
	packets = append(packets, timedV9(at, 0, 20, 123, 760), from(other, timedV9(at, 0, 20, 123, 760)))
	var l ledger
	s := load(t, newImporter(t, "", hostileOffice(), inner, other), &l, anyDay, pcapOf(t, packets))
	if len(s.Books) != 3 || len(l.rows) != 62 {
		t.Fatalf("%d books, %d rows", len(s.Books), len(l.rows))
	}
	for _, b := range s.Books {
		f := findingOf(&b, archive.FoundTwice)
		if b.Router != "gw" {
			if f.Records != 0 {
				t.Errorf("%s: %+v", b.Router, f)
			}
			continue
		}
		if f.Exporter != "inner" || f.Records != 20 || f.Bytes != 20*10_000+190 || f.Example != honestHost.String() || b.Check() != nil {
			t.Errorf("%+v", b.Findings)
		}
	}
}
