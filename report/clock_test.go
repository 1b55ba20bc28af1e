package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// On days of 23 and 25 hours, hours are those of the clock, and one that comes
// twice is told apart by the zone's offset.
func TestClockHours(t *testing.T) {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		day   archive.Day
		quiet []int
		want  []string
	}{
		{archive.Day{Year: 2026, Month: 10, Day: 25}, []int{2, 3, 24}, []string{"02:00 +0200", "02:00 +0100", "2 (+0200)-2 (+0100), 23"}},
		{archive.Day{Year: 2026, Month: 3, Day: 29}, []int{0, 1, 2, 22}, []string{"  03:00  #", "0-3, 23"}},
		{archive.Day{Year: 2026, Month: 11, Day: 8}, []int{0, 1, 2, 22}, []string{"  03:00  #", "0-2, 22"}},
	} {
		calendar := archive.NewCalendar(loc)
		u := &Usage{Day: c.day.String(), Period: DayPeriod(c.day, loc), Timezone: "Europe/Berlin", Complete: true, QuietHours: c.quiet, Hosts: []Host{{Host: "10.0.0.1", DownBytes: 100}}}
		for n := range (calendar.Slots(c.day) + 3) / 4 {
			u.Buckets = append(u.Buckets, Bucket{Start: calendar.SlotStart(c.day, archive.Slot(4*n)), DownBytes: 4})
		}
		var b bytes.Buffer
		if err := u.WriteText(&b, phrase.English(), 0, 0); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: %q is not in\n%s", c.day, want, b.String())
			}
		}
	}
}
