package daemon

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/schedule"
)

// TestClockJumps: the clock moves forward and back by a day, a month and ten years
// while jobs run, for a minute and for hours. With the real ledger, every period is
// reported once when it is over, and none is missing; what a clock that was ahead
// did is named.
func TestClockJumps(t *testing.T) {
	cfg := archive.DefaultConfig()
	cfg.Folder = filepath.Join(t.TempDir(), "database")
	db, err := archive.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, by := range []time.Duration{aDay, -aDay, 30 * aDay, -30 * aDay, 3652 * aDay, -3652 * aDay} {
		for _, lasts := range []time.Duration{time.Minute, 3 * time.Hour} {
			for _, restarts := range []bool{false, true} {
				if restarts && by < 0 {
					continue // who begins with a clock that is behind cannot know it
				}
				t.Run(fmt.Sprintf("%.0f days for %v, restart %v", by.Hours()/24, lasts, restarts), func(t *testing.T) {
					if _, err := db.DB().ExecContext(t.Context(), "DELETE FROM runs"); err != nil {
						t.Fatal(err)
					}
					clockJumps(t, db, by, lasts, restarts)
				})
			}
		}
	}
}

func clockJumps(t *testing.T, db *archive.Archive, by, lasts time.Duration, restarts bool) {
	begin := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	truth := begin
	off := time.Duration(0)
	type made struct {
		period string
		at     time.Time
		again  bool
	}
	var mu sync.Mutex // jobs run side by side
	reports := map[string][]made{}
	job := func(name, spec string, period func(time.Time) string, catch int) schedule.Job {
		when, err := schedule.ParseSpec(spec)
		if err != nil {
			t.Fatal(err)
		}
		return schedule.Job{Name: name, When: when, Period: period, Catch: catch, Run: func(ctx context.Context, period string) error {
			mu.Lock()
			defer mu.Unlock()
			reports[name] = append(reports[name], made{period, truth, schedule.Again(ctx)})
			return nil
		}}
	}
	var said bytes.Buffer
	start := func() *schedule.Runner {
		r := schedule.New([]schedule.Job{
			job("report", "7 0 * * *", schedule.DayBefore, 7),
			job("weekly", "15 0 * * 1", schedule.WeekBefore, 2),
			job("monthly", "30 0 1 * *", schedule.MonthBefore, 1),
			job("import", "0 * * * *", schedule.Each, 1),
		}, time.UTC, NewLedger(func(context.Context) (*archive.Archive, error) { return db, nil }), slog.New(slog.NewTextHandler(&said, nil)))
		r.Clock = func() (time.Time, time.Duration) { return truth.Add(off), truth.Sub(begin) }
		return r
	}
	r := start()
	jump := time.Date(2026, 11, 25, 23, 58, 0, 0, time.UTC) // a report is due meanwhile
	end := time.Date(2026, 12, 2, 9, 0, 0, 0, time.UTC)
	for ; truth.Before(end); truth = truth.Add(time.Minute) {
		edge := min(truth.Sub(jump).Abs(), truth.Sub(jump.Add(lasts)).Abs()) < 12*time.Minute
		night := truth.Hour() == 0 && truth.Minute() < 40 || truth.Sub(jump).Abs() < 4*time.Hour
		if !edge && truth.Minute()%5 != 0 || !edge && !night && truth.Minute() != 0 {
			continue
		}
		before := off
		off = 0
		if d := truth.Sub(jump); d >= 0 && d < lasts {
			off = by
		}
		if off != before && restarts {
			r = start()
		}
		r.Tick(t.Context())
	}
	// A period is over when its job is due, minutes after its end.
	over := map[string]func(period string) time.Time{
		"report":  func(p string) time.Time { return parseTime(t, "2006-01-02", p).Add(aDay + 7*time.Minute) },
		"monthly": func(p string) time.Time { return parseTime(t, "2006-01", p).AddDate(0, 1, 0).Add(30 * time.Minute) },
		"weekly": func(p string) time.Time {
			var year, week int
			if _, err := fmt.Sscanf(p, "%d-W%d", &year, &week); err != nil {
				t.Fatal(err)
			}
			fourth := time.Date(year, 1, 4, 0, 15, 0, 0, time.UTC)
			monday := fourth.AddDate(0, 0, -(int(fourth.Weekday())+6)%7)
			return monday.AddDate(0, 0, 7*week)
		},
	}
	want := map[string][]string{"weekly": {"2026-W48"}, "monthly": {"2026-11"}}
	for d := begin; d.Before(end.Add(-10 * time.Hour)); d = d.AddDate(0, 0, 1) {
		want["report"] = append(want["report"], d.Format("2006-01-02"))
	}
	for name, want := range want {
		var valid []string
		early := map[string]bool{}
		for _, m := range reports[name] {
			if m.at.Before(over[name](m.period)) {
				early[m.period] = true
				continue
			}
			valid = append(valid, m.period)
			if m.again != early[m.period] {
				t.Errorf("%s of %s: again is %v", name, m.period, m.again)
			}
		}
		slices.Sort(valid)
		if !slices.Equal(valid, want) {
			t.Errorf("%s: %v, want %v", name, valid, want)
		}
		if len(early) > 0 && lasts == time.Minute && !restarts {
			t.Errorf("%s: a minute was enough for %v", name, early)
		}
		for period := range early {
			if !strings.Contains(said.String(), "which are not over") {
				t.Errorf("%s: nothing was said of %s", name, period)
			}
		}
	}
	if n := len(reports["import"]); n < 180 || n > 220 {
		t.Errorf("%d imports", n)
	}
}

const aDay = 24 * time.Hour

func parseTime(t *testing.T, layout, text string) time.Time {
	t.Helper()
	at, err := time.Parse(layout, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
