package schedule

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// Days on which robfig/cron by itself skips a run or makes two.
func TestNextOnDaysWhenClocksChange(t *testing.T) {
	for _, c := range []struct {
		zone, spec, from string
		want             []string
	}{
		{"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00+01:00", []string{"2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00+02:00", []string{"2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"}},
		{"Africa/Cairo", "5 0 * * *", "2026-04-23T12:00:00+02:00", []string{"2026-04-24T01:05:00+03:00", "2026-04-25T00:05:00+03:00"}},
		{"UTC", "0 0 1 * *", "2026-12-15T00:00:00Z", []string{"2027-01-01T00:00:00Z"}},
	} {
		loc := zone(t, c.zone)
		spec, err := ParseSpec(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			at = spec.Next(at, loc)
			if got := at.Format(time.RFC3339); got != want {
				t.Errorf("%s %q: %s, want %s", c.zone, c.spec, got, want)
			}
		}
	}
}

func TestParseSpecRefuses(t *testing.T) {
	for _, text := range []string{"TZ=0", "CRON_TZ=Europe/Berlin 1 2 * * *", "@every 1h", "* * * *", "61 * * * *", "daily"} {
		if _, err := ParseSpec(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
	if spec, err := ParseSpec(""); err != nil || !spec.Never() {
		t.Errorf("empty: %v, never %v", err, spec.Never())
	}
}

func TestPeriods(t *testing.T) {
	january := time.Date(2027, 1, 1, 1, 30, 0, 0, time.UTC)
	if got := MonthBefore(january); got != "2026-12" {
		t.Errorf("month before January: %s", got)
	}
	if got := WeekBefore(january); got != "2026-W52" {
		t.Errorf("week before January: %s", got)
	}
	if got := DayBefore(january); got != "2026-12-31" {
		t.Errorf("day before: %s", got)
	}
}

// memory is a ledger whose database can be down.
type memory struct {
	done map[string][]string
	down bool
}

var errDown = errors.New("database is down")

func (m *memory) Done(_ context.Context, job, from string) (map[string]time.Time, string, error) {
	if m.down {
		return nil, "", errDown
	}
	done, oldest := map[string]time.Time{}, ""
	for _, period := range m.done[job] {
		if oldest == "" || period < oldest {
			oldest = period
		}
		if period >= from {
			done[period] = time.Time{}
		}
	}
	return done, oldest, nil
}

func (m *memory) Begin(context.Context, string, string, time.Time) error {
	if m.down {
		return errDown
	}
	return nil
}

func (m *memory) End(_ context.Context, job, period string, _ time.Time, result error) error {
	if result == nil {
		m.done[job] = append(m.done[job], period)
	}
	return nil
}

func TestRunner(t *testing.T) {
	spec, _ := ParseSpec("10 0 * * *")
	ledger := &memory{done: map[string][]string{}}
	var ran []string
	var fail error
	job := Job{Name: "report", When: spec, Period: DayBefore, Catch: 3, Run: func(_ context.Context, period string) error {
		ran = append(ran, period)
		return fail
	}}
	clock := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	r := New([]Job{job}, time.UTC, ledger, slog.New(slog.DiscardHandler))
	r.Clock = func() (time.Time, time.Duration) { return clock, time.Duration(clock.UnixNano()) }
	expect := func(what string, want ...string) {
		t.Helper()
		if !slices.Equal(ran, want) {
			t.Fatalf("%s: ran %v, want %v", what, ran, want)
		}
		ran = nil
	}
	ctx := context.Background()

	r.Tick(ctx)
	expect("first start ever")
	clock = time.Date(2026, 11, 21, 0, 9, 0, 0, time.UTC)
	r.Tick(ctx)
	expect("a minute early")
	clock = clock.Add(time.Minute)
	r.Tick(ctx)
	expect("due", "2026-11-20")
	clock = clock.Add(time.Minute)
	r.Tick(ctx)
	expect("not twice")
	clock = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	r.Tick(ctx)
	expect("missed: the newest three", "2026-11-24", "2026-11-25", "2026-11-26")

	clock = clock.AddDate(0, 0, 1)
	fail = errors.New("no")
	r.Tick(ctx)
	expect("fails", "2026-11-27")
	r.Tick(ctx)
	expect("not at once again")
	clock = clock.Add(2 * time.Minute)
	fail = nil
	r.Tick(ctx)
	expect("tried again", "2026-11-27")

	clock = clock.AddDate(0, 0, 1)
	ledger.down = true
	r.Tick(ctx)
	expect("database down")
	ledger.down = false
	clock = clock.Add(time.Hour)
	r.Tick(ctx)
	expect("database back", "2026-11-28")
	clock = clock.Add(-48 * time.Hour)
	r.Tick(ctx)
	expect("clock went back")
}

func TestPanicIsAnError(t *testing.T) {
	err := protect(context.Background(), &Job{Run: func(context.Context, string) error { panic("boo") }}, "p")
	if err == nil {
		t.Fatal("no error")
	}
}
