package web

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
)

// A host that another computer's name moved to has both, and figures of a router that
// samples are called estimates.
func TestNamesAndEstimates(t *testing.T) {
	day := begin.Add(1)
	o := &office{books: map[archive.Day][]archive.Book{day: {{Day: day, Router: "gw <1>", Estimated: true}}}}
	d := deps(o)
	d.Names = func(_ context.Context, at time.Time) (map[netip.Addr]string, error) {
		names := map[netip.Addr]string{hosts[0]: "before", hosts[1]: "gone"}
		if archive.SlotStart(day, 0, d.Location).Before(at) {
			names = map[netip.Addr]string{hosts[0]: "after"}
		}
		return names, nil
	}
	h := serve(t, d)
	body := get(h, "/day/"+day.String()).Body.String()
	for _, want := range []string{"before → after", "<td>gone</td>", "Estimates: gw &lt;1&gt; samples packets"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q: %s", want, body)
		}
	}
	if body := get(h, "/host/192.168.88.10?month=2026-11").Body.String(); !strings.Contains(body, "Estimates: gw") {
		t.Error(body)
	}
	if body := get(h, "/day/"+begin.String()).Body.String(); strings.Contains(body, "Estimates") {
		t.Error(body)
	}
}
