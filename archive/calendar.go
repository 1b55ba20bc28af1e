package archive

import "time"

// Slot is a quarter-hour of a local day, counted from the day's first instant:
// 0 to 95, to 91 or 99 on days when clocks change by an hour.
type Slot uint8

// SlotSeconds is the length of a slot.
const SlotSeconds = 15 * 60

// Hour is the hour of usage_hourly that a slot belongs to: hours elapsed since
// the day began, not the reading of the clock. 0 to 24.
func (s Slot) Hour() int { return int(s) / 4 }

// Calendar finds the day and slot of instants in one time zone. It remembers
// the bounds of the days asked last, so that a stream of records costs a
// comparison and a division each. It is not safe for use by several goroutines.
//
// A day begins at the first instant whose date is that day: midnight, or where
// clocks jump over midnight (Cairo in April) the instant after the jump. A day
// that a zone left out (Apia, 30 December 2011) has no slots.
type Calendar struct {
	loc  *time.Location
	days [2]bounds // the one asked last, and the one before
}

// bounds are a day's first second and the one after its last.
type bounds struct {
	day        Day
	start, end int64
}

// NewCalendar returns a calendar for loc.
func NewCalendar(loc *time.Location) *Calendar { return &Calendar{loc: loc} }

// SlotOf is the day and slot of an instant.
func (c *Calendar) SlotOf(t time.Time) (Day, Slot) { return c.SlotOfUnix(t.Unix()) }

// SlotOfUnix is the day and slot of an instant in seconds since 1970.
func (c *Calendar) SlotOfUnix(second int64) (Day, Slot) {
	b := c.find(second)
	return b.day, Slot(min((second-b.start)/SlotSeconds, 255))
}

// SlotStart is a slot's first instant. It is exact, and in the next day when
// the day has no such slot.
func (c *Calendar) SlotStart(d Day, s Slot) time.Time {
	return time.Unix(c.bounds(d).start+int64(s)*SlotSeconds, 0).In(c.loc)
}

// SlotStartUnix is SlotStart in seconds since 1970.
func (c *Calendar) SlotStartUnix(d Day, s Slot) int64 {
	return c.bounds(d).start + int64(s)*SlotSeconds
}

// Bounds are a day's first instant and the next day's; they are equal when the
// zone left the day out.
func (c *Calendar) Bounds(d Day) (start, end time.Time) {
	b := c.bounds(d)
	return time.Unix(b.start, 0).In(c.loc), time.Unix(b.end, 0).In(c.loc)
}

// Slots is how many slots a day has.
func (c *Calendar) Slots(d Day) int {
	b := c.bounds(d)
	return int((b.end - b.start + SlotSeconds - 1) / SlotSeconds)
}

func (c *Calendar) find(second int64) bounds {
	for i := range c.days {
		if b := c.days[i]; b.start <= second && second < b.end {
			return b
		}
	}
	day := DayOf(time.Unix(second, 0).In(c.loc))
	b := c.bounds(day)
	for second >= b.end { // clocks set back over midnight: the date repeats, the day does not
		day = day.Add(1)
		b = c.bounds(day)
	}
	return b
}

// bounds works out a day and remembers it.
func (c *Calendar) bounds(d Day) bounds {
	switch d {
	case c.days[0].day:
		return c.days[0]
	case c.days[1].day:
		return c.days[1]
	}
	c.days[1] = c.days[0]
	c.days[0] = bounds{d, dayStart(d, c.loc), dayStart(d.Add(1), c.loc)}
	return c.days[0]
}

// dayStart is the first second whose date in loc is d or later. time.Date does
// not say which side of a jump it takes, so the zone's own periods of constant
// offset are walked instead.
func dayStart(d Day, loc *time.Location) int64 {
	midnight := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix()
	t := time.Unix(midnight-26*3600, 0).In(loc) // before d begins anywhere on earth
	for {
		_, offset := t.Zone()
		start := max(midnight-int64(offset), t.Unix())
		_, end := t.ZoneBounds()
		if end.IsZero() || start < end.Unix() {
			return start
		}
		t = end
	}
}

// SlotOf is Calendar.SlotOf for a single question.
func SlotOf(t time.Time, loc *time.Location) (Day, Slot) { return NewCalendar(loc).SlotOf(t) }

// SlotStart is Calendar.SlotStart for a single question.
func SlotStart(d Day, s Slot, loc *time.Location) time.Time {
	return NewCalendar(loc).SlotStart(d, s)
}
