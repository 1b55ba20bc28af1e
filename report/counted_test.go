package report

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
)

// Flows act on a quota only as far as the router's interfaces have counted them.
func TestDisputed(t *testing.T) {
	const slots, each = 96, 100 // spooled loads 100 bytes a quarter-hour
	a := openArchive(t)
	spooled(t, a, sunday, nil, nil)
	start := time.Date(sunday.Year, sunday.Month, sunday.Day, 0, 0, 0, 0, time.UTC)
	r, err := New(DefaultConfig(), a, time.UTC, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name      string
		counted   uint64 // bytes of the outside interface, a quarter-hour; 0: no readings
		uncounted bool
		want      string
	}{
		{name: "no counters", want: "the interface counters of router gw-1 on 2026-11-08 are not known"},
		{name: "no counters, and none needed", uncounted: true},
		{name: "as counted", counted: each},
		{name: "FastTrack hides most", counted: 10 * each},
		{name: "within the tolerance", counted: each * 100 / 120},
		{name: "forged", counted: each * 100 / 130, want: "flows of router gw-1 on 2026-11-08 have 9600 bytes, but its interfaces counted"},
		{name: "forged, and counters not needed", counted: each * 100 / 130, uncounted: true, want: "datagrams may be forged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for slot := 0; test.counted > 0 && slot <= slots; slot++ {
				counter := archive.Counter{Index: 1, RxBytes: test.counted * uint64(slot)}
				if err := a.Routers().NoteCounters(t.Context(), "gw-1", start.Add(time.Duration(slot)*15*time.Minute), time.Hour*time.Duration(1+slot), []archive.Counter{counter}); err != nil {
					t.Fatal(err)
				}
			}
			why, err := r.Disputed(t.Context(), sunday, sunday, test.uncounted)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" && why != "" || !strings.Contains(why, test.want) {
				t.Errorf("%q, want %q", why, test.want)
			}
		})
	}
}
