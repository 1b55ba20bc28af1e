package archive

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones, wherever the test runs
)

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestSlotOf(t *testing.T) {
	for _, test := range []struct {
		zone, instant string // RFC 3339
		day           string
		slot          Slot
	}{
		{"UTC", "2026-11-23T00:00:00Z", "2026-11-23", 0},
		{"UTC", "2026-11-23T23:59:59Z", "2026-11-23", 95},
		{"Europe/Berlin", "2026-03-29T00:59:59+01:00", "2026-03-29", 3},
		{"Europe/Berlin", "2026-03-29T03:00:00+02:00", "2026-03-29", 8},
		{"Europe/Berlin", "2026-03-29T23:59:00+02:00", "2026-03-29", 91},
		{"Europe/Berlin", "2026-10-25T02:30:00+02:00", "2026-10-25", 10},
		{"Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-25", 14},
		{"Europe/Berlin", "2026-10-25T23:59:00+01:00", "2026-10-25", 99},
		// Midnight does not exist: 23:59:59 is followed by 01:00:00.
		{"Africa/Cairo", "2026-04-23T23:59:59+02:00", "2026-04-23", 95},
		{"Africa/Cairo", "2026-04-24T01:00:00+03:00", "2026-04-24", 0},
		{"Africa/Cairo", "2026-04-24T23:59:59+03:00", "2026-04-24", 91},
		// The hour before midnight comes twice.
		{"Africa/Cairo", "2026-10-29T23:30:00+03:00", "2026-10-29", 94},
		{"Africa/Cairo", "2026-10-29T23:30:00+02:00", "2026-10-29", 98},
		{"Africa/Cairo", "2026-10-30T00:00:00+02:00", "2026-10-30", 0},
		// Half an hour.
		{"Australia/Lord_Howe", "2026-04-05T23:59:00+10:30", "2026-04-05", 97},
		{"Australia/Lord_Howe", "2026-10-04T23:59:00+11:00", "2026-10-04", 93},
		// 30 December 2011 was left out.
		{"Pacific/Apia", "2011-12-29T23:59:59-10:00", "2011-12-29", 95},
		{"Pacific/Apia", "2011-12-31T00:00:00+14:00", "2011-12-31", 0},
		// Clocks went back over midnight, at 00:01: the first minute of the
		// 27th came before the last hour of the 26th was over.
		{"America/St_Johns", "1996-10-27T00:00:30-02:30", "1996-10-27", 0},
		{"America/St_Johns", "1996-10-26T23:30:00-03:30", "1996-10-27", 2},
	} {
		instant, err := time.Parse(time.RFC3339, test.instant)
		if err != nil {
			t.Fatal(err)
		}
		day, slot := SlotOf(instant, location(t, test.zone))
		if day.String() != test.day || slot != test.slot {
			t.Errorf("%s %s is %v slot %d, want %s slot %d", test.zone, test.instant, day, slot, test.day, test.slot)
		}
	}
}

func TestDayLength(t *testing.T) {
	for _, test := range []struct {
		zone, day string
		slots     int
	}{
		{"Europe/Berlin", "2026-03-29", 92}, {"Europe/Berlin", "2026-10-25", 100}, {"Europe/Berlin", "2026-11-23", 96},
		{"Africa/Cairo", "2026-04-24", 92}, {"Africa/Cairo", "2026-10-29", 100},
		{"Australia/Lord_Howe", "2026-04-05", 98}, {"Australia/Lord_Howe", "2026-10-04", 94},
		{"Pacific/Apia", "2011-12-29", 96}, {"Pacific/Apia", "2011-12-30", 0}, {"Pacific/Apia", "2011-12-31", 96},
		{"UTC", "2026-11-23", 96},
	} {
		day, err := parseDay(test.day)
		if err != nil {
			t.Fatal(err)
		}
		if slots := NewCalendar(location(t, test.zone)).Slots(day); slots != test.slots {
			t.Errorf("%s %s has %d slots, want %d", test.zone, test.day, slots, test.slots)
		}
	}
}

// Every instant lies in exactly one slot, and SlotStart is SlotOf backwards.
func TestCalendarRoundTrip(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Berlin", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia",
		"America/St_Johns", "America/Sao_Paulo", "Asia/Kathmandu", "America/Havana", "Antarctica/Troll"} {
		loc := location(t, zone)
		calendar := NewCalendar(loc)
		last, lastSlot := Day{}, Slot(0)
		for second := time.Date(2009, 12, 31, 0, 0, 0, 0, time.UTC).Unix(); second < time.Date(2012, 1, 2, 0, 0, 0, 0, time.UTC).Unix(); second += 431 {
			day, slot := calendar.SlotOfUnix(second)
			start := SlotStart(day, slot, loc).Unix()
			if second < start || second >= start+SlotSeconds {
				t.Fatalf("%s: %d is in %v slot %d, which starts at %d", zone, second, day, slot, start)
			}
			if day.Before(last) || day == last && slot < lastSlot {
				t.Fatalf("%s: time goes back from %v slot %d to %v slot %d", zone, last, lastSlot, day, slot)
			}
			last, lastSlot = day, slot
		}
	}
}

func TestCalendarAllocatesNothing(t *testing.T) {
	calendar := NewCalendar(location(t, "Europe/Berlin"))
	midnight := time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC).Unix()
	if n := testing.AllocsPerRun(1000, func() {
		calendar.SlotOfUnix(midnight - 1)
		calendar.SlotOfUnix(midnight)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSlotOf(b *testing.B) {
	calendar := NewCalendar(location(b, "Europe/Berlin"))
	second := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC).Unix()
	for i := range b.N {
		calendar.SlotOfUnix(second + int64(i&4095)*2)
	}
}
