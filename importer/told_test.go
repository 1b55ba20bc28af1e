package importer

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"nfacct/collector/flow"
	"nfacct/importer/attribution"
)

// told is a router whose PPPoE client connected again at noon, and which was asked
// at midnight and a quarter past noon.
func told() (*Told, func(hour, minute int) time.Time) {
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 23, hour, minute, 0, 0, time.UTC) }
	router := attribution.Router{WAN: []uint32{0xF00007}, Inside: []netip.Prefix{prefix("10.0.0.0/8")}}
	later := router
	later.WAN = []uint32{0xF00008}
	return &Told{
		Routers: []Since{{From: at(0, 0), Router: router}, {From: at(12, 15), Router: later}},
		Names: []Named{{at(0, 0), 2, "bridge"}, {at(0, 0), 3, "lte1"}, {at(0, 0), 0xF00007, "pppoe-out1"},
			{at(12, 15), 0xF00008, "pppoe-out1"}, {at(18, 0), 0xF00009, "pppoe-out2"}},
		Lists: []Listed{{at(0, 0), "WAN", []string{"pppoe-out1"}}, {at(15, 0), "WAN", []string{"lte1", "pppoe-out1"}}},
	}, at
}

// Interfaces that are named, and lists of them, are looked up as of each time.
func TestUplinksByName(t *testing.T) {
	for _, c := range []struct {
		name    string
		uplinks []attribution.Uplink
		want    map[int][]uint32 // by hour
	}{
		{"as it takes them", nil, map[int][]uint32{0: {0xF00007, 0xF00008}, 13: {0xF00008}, 23: {0xF00008}}},
		{"a name", []attribution.Uplink{{Name: "pppoe-out1"}}, map[int][]uint32{0: {0xF00007, 0xF00008}, 13: {0xF00007, 0xF00008}}},
		{"a number and a name", []attribution.Uplink{{Index: 3}, {Name: "pppoe-out1"}}, map[int][]uint32{0: {3, 0xF00007, 0xF00008}}},
		{"a list", []attribution.Uplink{{Name: "WAN"}}, map[int][]uint32{0: {0xF00007, 0xF00008}, 13: {0xF00007, 0xF00008}, 16: {3, 0xF00007, 0xF00008}}},
		{"a name of later", []attribution.Uplink{{Name: "pppoe-out2"}}, map[int][]uint32{0: {0xF00007, 0xF00008}, 17: {0xF00008, 0xF00009}, 19: {0xF00009}}},
		{"a name of nobody", []attribution.Uplink{{Name: "ether9"}}, map[int][]uint32{0: {0xF00007, 0xF00008}, 13: {0xF00008}}},
	} {
		router, at := told()
		history := router.History(c.uplinks)
		for hour, want := range c.want {
			var got []uint32
			for _, since := range history {
				if !since.From.After(at(hour, 30)) {
					got = slices.Sorted(slices.Values(since.WAN))
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: at %d wan is %x, want %x", c.name, hour, got, want)
			}
		}
	}
}

// Traffic by an interface that was made after the router was asked is charged all
// the same: by the next reading if there is one, else by its addresses.
func TestFactsReadLate(t *testing.T) {
	upload := func(out uint32) *flow.Record {
		return &flow.Record{Has: flow.HasInIf | flow.HasOutIf | flow.HasBytes, InIf: 2, OutIf: out, Src: ip("10.0.0.5"), Dst: ip("198.51.100.9"), Proto: 6}
	}
	for _, c := range []struct {
		name         string
		out          uint32
		hour, minute int
		readings     int
		class        attribution.Class
		rule         attribution.Rule
	}{
		{"before", 0xF00007, 11, 0, 2, attribution.Up, attribution.Inside},
		{"connected again, not asked yet", 0xF00008, 12, 5, 2, attribution.Up, attribution.Inside},
		{"connected again, never asked since", 0xF00008, 12, 5, 1, attribution.Up, attribution.InsideOnly},
		{"asked", 0xF00008, 12, 20, 2, attribution.Up, attribution.Inside},
		{"an interface that it does not take for an uplink", 3, 12, 5, 2, attribution.Unattributed, attribution.UnlistedInterface},
	} {
		router, at := told()
		router.Routers = router.Routers[:c.readings]
		if c.readings == 1 {
			router.Names = router.Names[:3]
		}
		e := newEras(0, Router{History: router.History(nil)}, nil)
		if res := e.at(at(c.hour, c.minute).UnixNano()).attributor.Attribute(upload(c.out)); res.Class != c.class || res.Rule != c.rule {
			t.Errorf("%s: %v by %v", c.name, res.Class, res.Rule)
		}
	}
}
