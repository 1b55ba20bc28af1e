package schedule

import (
	"testing"
	"time"
)

// An expression that somebody wrote: one that is accepted is written as it was read,
// and the times it names go on in order, over both changes of the clock.
func FuzzSpec(f *testing.F) {
	for _, text := range []string{"20 0 * * *", "*/15 * * * *", "0 3 1 * *", "30 2 * * 0", "@daily", "@every 1h", "TZ=0", "CRON_TZ=UTC * * * * *", "0 0 30 2 *", "59 23 31 12 6", "? ? ? ? ?", ""} {
		f.Add(text)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := ParseSpec(text)
		if err != nil || spec.Never() {
			return
		}
		if again, err := ParseSpec(spec.String()); err != nil || again.String() != spec.String() {
			t.Fatalf("%q: %v, %v", text, again, err)
		}
		for _, at := range []time.Time{time.Date(2026, 3, 29, 0, 59, 0, 0, berlin), time.Date(2026, 10, 25, 0, 59, 0, 0, berlin)} {
			for range 5 {
				next := spec.Next(at, berlin)
				if next.IsZero() {
					break
				}
				if !next.After(at) {
					t.Fatalf("%q: after %v comes %v", text, at, next)
				}
				at = next
			}
		}
	})
}
