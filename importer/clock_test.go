package importer

import (
	"testing"
	"time"

	"nfacct/archive"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestCalendar goes through the quarter-hours of days of 23, 24 and 25 hours,
// and of places whose clocks change at midnight, by half an hour, or by a day.
func TestCalendar(t *testing.T) {
	tests := []struct {
		zone  string
		day   string
		slots int
	}{
		{"UTC", "2026-11-23", 96},
		{"Europe/Berlin", "2026-03-29", 92},
		{"Europe/Berlin", "2026-10-25", 100},
		{"Europe/Berlin", "2026-10-31", 96},
		{"America/New_York", "2026-03-08", 92},
		{"America/New_York", "2026-11-01", 100},
		{"Australia/Lord_Howe", "2026-04-05", 98},
		{"Australia/Lord_Howe", "2026-10-04", 94},
		{"America/Havana", "2026-03-08", 92},    // skips midnight
		{"America/Havana", "2026-11-01", 100},   // passes midnight twice
		{"America/Sao_Paulo", "2018-11-04", 92}, // skips midnight
		{"America/Sao_Paulo", "2018-02-17", 100},
		{"Pacific/Apia", "2011-12-29", 96}, // the day after never was
		{"Pacific/Apia", "2011-12-31", 96},
		{"Asia/Kathmandu", "2026-06-01", 96},
	}
	for _, tt := range tests {
		loc := zone(t, tt.zone)
		day, err := time.Parse(time.DateOnly, tt.day)
		if err != nil {
			t.Fatal(err)
		}
		c := newCalendar(loc)
		want := dateOf(archive.DayOf(day))
		n := 0
		// All quarter-hours of three days around: those that bear the date are
		// the day's, in order, from the first moment on.
		for at := day.Add(-36 * time.Hour); at.Before(day.Add(60 * time.Hour)); at = at.Add(15 * time.Minute) {
			ns := at.UnixNano() + 1
			d := c.day(ns)
			local := dateOf(archive.DayOf(time.Unix(0, ns).In(loc)))
			if d.date != local {
				t.Fatalf("%s %s: day %d, the local date is %d", tt.zone, at, d.date, local)
			}
			if ns < d.from || ns >= d.to {
				t.Fatalf("%s %s: not within its day", tt.zone, at)
			}
			if local != want {
				continue
			}
			slot, start := d.slot(ns)
			if int(slot) != n || start != at.UnixNano() {
				t.Errorf("%s %s: slot %d from %s, want %d", tt.zone, at.In(loc), slot, time.Unix(0, start).In(loc), n)
			}
			n++
		}
		if n != tt.slots {
			t.Errorf("%s %s has %d slots, want %d", tt.zone, tt.day, n, tt.slots)
		}
	}
}

func TestTimes(t *testing.T) {
	const now = int64(1_800_000_000) * second
	tests := []struct {
		name                 string
		start, end, received int64
		wantStart, wantEnd   int64
	}{
		{"as exported", now - 70*second, now - 15*second, now, now - 70*second, now - 15*second},
		{"ten minutes are believed", now - 700*second, now - 600*second, now, now - 700*second, now - 600*second},
		{"a clock of 1970", 100 * second, 160 * second, now, now - 60*second, now},
		{"a clock of tomorrow", now + 86400*second, now + 86460*second, now, now - 60*second, now},
		{"end before start", now, now - 60*second, now, now - 60*second, now - 60*second},
		{"49 days", now - 49*86400*second, now, now, now, now},
		{"beyond all numbers", -1 << 62, 1<<63 - 1, now, now, now},
	}
	for _, tt := range tests {
		if from, to := times(tt.start, tt.end, tt.received); from != tt.wantStart || to != tt.wantEnd {
			t.Errorf("%s: %d to %d, want %d to %d", tt.name, from, to, tt.wantStart, tt.wantEnd)
		}
	}
}
