package importer

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"nfacct/importer/attribution"
)

func TestOverlap(t *testing.T) {
	of := func(name string, inside ...string) Router {
		r := Router{Name: name}
		for _, p := range inside {
			r.Inside = append(r.Inside, netip.MustParsePrefix(p))
		}
		return r
	}
	told := Router{Name: "c", History: []Since{{From: time.Now(), Router: attribution.Router{Inside: []netip.Prefix{prefix("10.2.0.0/24")}}}}}
	if got := Overlap([]Router{of("a", "10.1.0.0/16"), of("b", "10.2.0.0/16", "192.168.88.0/24"), told, of("d", "192.168.88.64/26")}); len(got) != 2 ||
		!strings.Contains(got[0], "10.2.0.0/16 behind router b and 10.2.0.0/24 behind router c") || !strings.Contains(got[1], "router d") {
		t.Errorf("%q", got)
	}
	if got := Overlap([]Router{of("a", "10.1.0.0/16"), of("b", "10.2.0.0/16", "2001:db8::/32")}); got != nil {
		t.Errorf("%q", got)
	}
}
