package archive

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestParseDay(t *testing.T) {
	apia := location(t, "Pacific/Apia")
	now := time.Date(2026, 11, 23, 23, 30, 0, 0, time.UTC) // the 24th in Apia
	for text, want := range map[string]string{
		"2026-11-23": "2026-11-23",
		"2024-02-29": "2024-02-29",
		"0001-01-01": "0001-01-01",
		"today":      "2026-11-24",
		"Yesterday":  "2026-11-23",
	} {
		day, err := ParseDay(text, now, apia)
		if err != nil || day.String() != want {
			t.Errorf("%q is %v, %v; want %s", text, day, err, want)
		}
	}
	for text, want := range map[string]string{
		"":            "write year-month-day as in 2026-11-23",
		"23-11-2026":  "write year-month-day as in 2026-11-23",
		"2026-1-1":    "write year-month-day",
		"2026-13-01":  "there is no month 13",
		"2026-02-29":  "February 2026 has no day 29",
		"2026-11-00":  "November 2026 has no day 0",
		"2026-11-23 ": "write year-month-day",
		"20२6-11-23":  "write year-month-day",
	} {
		if day, err := ParseDay(text, now, apia); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %v, %v; want an error with %q", text, day, err, want)
		}
	}
}

func TestDayArithmetic(t *testing.T) {
	day := Day{2026, 12, 31}
	if got := day.Add(1); got != (Day{2027, 1, 1}) {
		t.Errorf("the day after %v is %v", day, got)
	}
	if got := day.Add(-365); got != (Day{2025, 12, 31}) {
		t.Errorf("a year before %v is %v", day, got)
	}
	if !day.Before(Day{2027, 1, 1}) || day.Before(day) || day.Compare(Day{2026, 2, 28}) <= 0 {
		t.Error("order of days")
	}
	month := MonthOf(day)
	if month.String() != "2026-12" || month.Table() != "flows_2026_12" || month.Last() != day || month.First() != (Day{2026, 12, 1}) {
		t.Errorf("month of %v: %v %s %v %v", day, month, month.Table(), month.First(), month.Last())
	}
	if m, err := ParseMonth("2026-01"); err != nil || m != (Month{2026, 1}) {
		t.Error(m, err)
	}
	if _, err := ParseMonth("2026_1"); err == nil {
		t.Error("2026_1 is a month")
	}
	text, err := json.Marshal(map[Day]Day{day: day})
	if err != nil || string(text) != `{"2026-12-31":"2026-12-31"}` {
		t.Error(string(text), err)
	}
	var back map[Day]Day
	if err := json.Unmarshal(text, &back); err != nil || back[day] != day {
		t.Error(back, err)
	}
}
