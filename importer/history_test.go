package importer

import (
	"net/netip"
	"testing"
	"time"

	"nfacct/collector/flow"
	"nfacct/importer/attribution"
)

// A record is attributed by the router as it was then; what was known first also
// holds for the time before.
func TestEras(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 11, 23, hour, 0, 0, 0, time.UTC) }
	since := func(hour int, inside string) Since {
		return Since{From: at(hour), Router: attribution.Router{Inside: []netip.Prefix{netip.MustParsePrefix(inside)}}}
	}
	e := newEras(0, Router{History: []Since{since(6, "10.6.0.0/16"), since(8, "10.8.0.0/16"), since(9, "10.9.0.0/16"), since(10, "10.10.0.0/16"), since(11, "10.11.0.0/16"), since(12, "10.12.0.0/16")}}, nil)
	for _, c := range []struct {
		moment time.Time
		host   string
	}{
		{at(1), "10.6.0.1"}, {at(7), "10.6.0.1"}, {at(8), "10.8.0.1"}, {at(9).Add(-1), "10.8.0.1"}, {at(9), "10.9.0.1"},
		{at(13), "10.12.0.1"}, {at(10), "10.10.0.1"}, {at(11), "10.11.0.1"}, {at(7), "10.6.0.1"}, {at(8), "10.8.0.1"},
	} {
		r := flow.Record{Src: netip.MustParseAddr(c.host), Dst: netip.MustParseAddr("192.0.2.1"), Proto: 6}
		if res := e.at(c.moment.UnixNano()).attributor.Attribute(&r); res.Class != attribution.Up {
			t.Errorf("%s at %s is %s", c.host, c.moment, res.Class)
		}
		if len(e.made) > maxEras {
			t.Errorf("%d eras are kept", len(e.made))
		}
	}
}
