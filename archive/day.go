package archive

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Day is a calendar day of the configured time zone. The zero Day is no day.
type Day struct {
	Year  int
	Month time.Month
	Day   int
}

// DayOf is the day on the clock of t's own location.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day{y, m, d}
}

// ParseDay reads 2026-11-23, or today and yesterday as the clock of loc has
// them at now.
func ParseDay(text string, now time.Time, loc *time.Location) (Day, error) {
	switch strings.ToLower(text) {
	case "today":
		return DayOf(now.In(loc)), nil
	case "yesterday":
		return DayOf(now.In(loc)).Add(-1), nil
	}
	return parseDay(text)
}

func parseDay(text string) (Day, error) {
	digits := len(text) == 10 && text[4] == '-' && text[7] == '-'
	for i := 0; digits && i < len(text); i++ {
		digits = i == 4 || i == 7 || '0' <= text[i] && text[i] <= '9'
	}
	if !digits {
		return Day{}, fmt.Errorf("%q is not a day: write year-month-day as in 2026-11-23, or today or yesterday", text)
	}
	y, _ := strconv.Atoi(text[:4])
	m, _ := strconv.Atoi(text[5:7])
	d, _ := strconv.Atoi(text[8:])
	if m < 1 || m > 12 {
		return Day{}, fmt.Errorf("%q is not a day: there is no month %d; write year-month-day as in 2026-11-23", text, m)
	}
	day := Day{y, time.Month(m), d}
	if y < 1 || d < 1 || day.Add(0) != day {
		return Day{}, fmt.Errorf("%q is not a day: %v %d has no day %d", text, day.Month, y, d)
	}
	return day, nil
}

// String writes 2026-11-23.
func (d Day) String() string {
	var b [10]byte
	return string(d.append(b[:0]))
}

// append writes 2026-11-23 without allocating.
func (d Day) append(dst []byte) []byte {
	y, m := uint(d.Year), uint(d.Month)
	return append(dst,
		byte('0'+y/1000%10), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10), '-',
		byte('0'+m/10%10), byte('0'+m%10), '-',
		byte('0'+uint(d.Day)/10%10), byte('0'+uint(d.Day)%10))
}

// IsZero reports whether d is no day.
func (d Day) IsZero() bool { return d == Day{} }

// Add is the day n days later in the calendar.
func (d Day) Add(n int) Day {
	return DayOf(time.Date(d.Year, d.Month, d.Day+n, 0, 0, 0, 0, time.UTC))
}

// Compare is negative, 0 or positive as d is before, at or after o.
func (d Day) Compare(o Day) int {
	return d.ordinal() - o.ordinal()
}

// Before reports whether d is earlier than o.
func (d Day) Before(o Day) bool { return d.ordinal() < o.ordinal() }

func (d Day) ordinal() int { return d.Year<<9 | int(d.Month)<<5 | d.Day }

// ofOrdinal is the day with the ordinal.
func ofOrdinal(n int) Day { return Day{n >> 9, time.Month(n >> 5 & 15), n & 31} }

// MarshalText writes the day as String does, for JSON.
func (d Day) MarshalText() ([]byte, error) { return d.append(nil), nil }

// UnmarshalText reads 2026-11-23.
func (d *Day) UnmarshalText(text []byte) (err error) {
	*d, err = parseDay(string(text))
	return err
}

// Value gives the day to the database as a DATE.
func (d Day) Value() (driver.Value, error) { return d.String(), nil }

// Scan takes a DATE from the database.
func (d *Day) Scan(value any) (err error) {
	switch v := value.(type) {
	case time.Time:
		*d = DayOf(v)
	case []byte:
		*d, err = parseDay(string(v))
	case string:
		*d, err = parseDay(v)
	default:
		err = fmt.Errorf("%T is not a day", value)
	}
	return err
}

// Month is a month of the calendar, which has one month table.
type Month struct {
	Year  int
	Month time.Month
}

// MonthOf is the month that a day lies in.
func MonthOf(d Day) Month { return Month{d.Year, d.Month} }

// ParseMonth reads 2026-11.
func ParseMonth(text string) (Month, error) {
	day, err := parseDay(text + "-01")
	if err != nil {
		return Month{}, fmt.Errorf("%q is not a month: write year-month as in 2026-11", text)
	}
	return MonthOf(day), nil
}

// Value gives the month to the database as String writes it.
func (m Month) Value() (driver.Value, error) { return m.String(), nil }

// Scan takes a month from the database.
func (m *Month) Scan(value any) (err error) {
	switch v := value.(type) {
	case []byte:
		*m, err = ParseMonth(string(v))
	case string:
		*m, err = ParseMonth(v)
	default:
		err = fmt.Errorf("%T is not a month", value)
	}
	return err
}

// String writes 2026-11.
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", m.Year, int(m.Month)) }

// Table is the name of the month's table as rows are loaded, flows_2026_11;
// the packed one has a c behind it.
func (m Month) Table() string { return fmt.Sprintf("flows_%04d_%02d", m.Year, int(m.Month)) }

// First is the month's first day, Last its last.
func (m Month) First() Day { return Day{m.Year, m.Month, 1} }

// Last is the month's last day.
func (m Month) Last() Day { return Day{m.Year, m.Month + 1, 0}.Add(0) }

// Compare is negative, 0 or positive as d is before, at or after o.
func (m Month) Compare(o Month) int { return m.First().Compare(o.First()) }
