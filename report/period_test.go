package report

import (
	"testing"
	"time"

	"nfacct/archive"
)

// TestPeriodKey: what Key writes ParsePeriod reads.
func TestPeriodKey(t *testing.T) {
	day := archive.Day{Year: 2026, Month: time.January, Day: 1}
	for want, p := range map[string]Period{
		"2026-01-01":            DayPeriod(day, time.UTC),
		"2026-W01":              WeekPeriod(day, time.UTC),
		"2026-01":               MonthPeriod(archive.MonthOf(day), time.UTC),
		"2025-12-30_2026-01-01": NewPeriod(KindRange, day.Add(-2), day, time.UTC),
	} {
		if got := p.Key(); got != want {
			t.Errorf("Key() = %q, want %q", got, want)
		}
		if read, err := ParsePeriod(p.Kind, want, time.UTC); err != nil || read != p {
			t.Errorf("ParsePeriod(%s, %s) = %+v, %v", p.Kind, want, read, err)
		}
	}
	if _, err := ParsePeriod("year", "2026", time.UTC); err == nil {
		t.Error("a year is no period of a report")
	}
}
