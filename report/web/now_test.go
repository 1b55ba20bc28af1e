package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
)

// The page of now has what came in the last minutes by each field, refreshes itself
// until it is told to hold, and asks for the same figures once in five seconds.
func TestNow(t *testing.T) {
	d := deps(&office{})
	now, asked := d.Now(), 0
	d.Now = func() time.Time { return now }
	live := d.Live
	d.Live = func(ctx context.Context, since time.Time, reset func(), take func(string, *archive.Row) error) error {
		asked++
		if since != now.Add(-5*time.Minute) {
			t.Errorf("since %v", since)
		}
		return live(ctx, since, reset, take)
	}
	h := serve(t, d)
	w := get(h, "/now")
	for _, want := range []string{"192.168.88.10", "17,600", "title=\"600000\"", "provisional", "11:55:00", "12:00:00"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is missing:\n%s", want, w.Body)
		}
	}
	if w.Code != http.StatusOK || w.Header().Get("Refresh") != "10" {
		t.Errorf("code %d, refresh %q", w.Code, w.Header().Get("Refresh"))
	}
	if w := get(h, "/now?hold=yes"); w.Header().Get("Refresh") != "" {
		t.Error("it refreshes itself though it is held")
	}
	if asked != 1 {
		t.Errorf("asked %d times in a moment", asked)
	}
	now = now.Add(6 * time.Second)
	for by, want := range map[string]string{"peer": "203.0.113.9", "service": "https", "router": "gw"} {
		if body := get(h, "/now?by="+by).Body.String(); !strings.Contains(body, want) {
			t.Errorf("by %s: %s", by, body)
		}
	}
	if asked != 4 {
		t.Errorf("asked %d times", asked)
	}
	for _, target := range []string{"/now?minutes=7", "/now?by=nonsense", "/now?minutes=x"} {
		if w := get(h, target); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

// Nothing received has its cause, and a spool that cannot be read is said.
func TestNowIsEmpty(t *testing.T) {
	d := deps(&office{})
	var err error
	d.Live = func(_ context.Context, _ time.Time, reset func(), _ func(string, *archive.Row) error) error {
		reset()
		return err
	}
	h := serve(t, d)
	if body := get(h, "/now").Body.String(); !strings.Contains(body, "No record came in this time") || !strings.Contains(body, "nfacct status") {
		t.Errorf("%s", body)
	}
	err = errors.New("permission denied")
	if w := get(h, "/now?minutes=1"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "permission denied") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
