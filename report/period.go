package report

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"nfacct/archive"
)

// NewPeriod is a period of days on the clock of loc, of a kind.
func NewPeriod(kind string, from, to archive.Day, loc *time.Location) Period {
	calendar := archive.NewCalendar(loc)
	p := Period{Kind: kind, From: from, To: to}
	p.Start, _ = calendar.Bounds(from)
	_, p.End = calendar.Bounds(to)
	for day := from; !to.Before(day); day = day.Add(1) {
		p.Days++
	}
	return p
}

// DayPeriod is one day.
func DayPeriod(day archive.Day, loc *time.Location) Period { return NewPeriod(KindDay, day, day, loc) }

// WeekPeriod is the week, Monday to Sunday, that a day lies in.
func WeekPeriod(day archive.Day, loc *time.Location) Period {
	weekday := time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC).Weekday()
	monday := day.Add(-(int(weekday) + 6) % 7)
	return NewPeriod(KindWeek, monday, monday.Add(6), loc)
}

// MonthPeriod is a month.
func MonthPeriod(m archive.Month, loc *time.Location) Period {
	return NewPeriod(KindMonth, m.First(), m.Last(), loc)
}

// before is the period of the same kind that ends where p begins.
func (p *Period) before(loc *time.Location) Period {
	if p.Kind == KindMonth {
		return MonthPeriod(archive.MonthOf(p.From.Add(-1)), loc)
	}
	return NewPeriod(p.Kind, p.From.Add(-p.Days), p.From.Add(-1), loc)
}

var isoWeek = regexp.MustCompile(`^(\d{4})-W(\d\d)$`)

// ParseWeek reads a week as ISO 8601 writes it, 2026-W47, a day of it, or this
// and last.
func ParseWeek(text string, now time.Time, loc *time.Location) (Period, error) {
	today := archive.DayOf(now.In(loc))
	switch text {
	case "this":
		return WeekPeriod(today, loc), nil
	case "last":
		return WeekPeriod(today.Add(-7), loc), nil
	}
	if found := isoWeek.FindStringSubmatch(text); found != nil {
		year, _ := strconv.Atoi(found[1])
		week, _ := strconv.Atoi(found[2])
		// The 4th of January is in the first week.
		p := WeekPeriod(archive.Day{Year: year, Month: time.January, Day: 4}.Add(7*(week-1)), loc)
		thursday := time.Date(p.From.Year, p.From.Month, p.From.Day+3, 0, 0, 0, 0, time.UTC)
		if y, w := thursday.ISOWeek(); y == year && w == week {
			return p, nil
		}
		return Period{}, fmt.Errorf("%q is not a week: %d has no week %d", text, year, week)
	}
	day, err := archive.ParseDay(text, now, loc)
	if err != nil {
		return Period{}, fmt.Errorf("%q is not a week: write 2026-W47, a day of it, this or last", text)
	}
	return WeekPeriod(day, loc), nil
}

// ParseMonth reads 2026-11, or this and last.
func ParseMonth(text string, now time.Time, loc *time.Location) (Period, error) {
	this := archive.MonthOf(archive.DayOf(now.In(loc)))
	switch text {
	case "this":
		return MonthPeriod(this, loc), nil
	case "last":
		return MonthPeriod(archive.MonthOf(this.First().Add(-1)), loc), nil
	}
	m, err := archive.ParseMonth(text)
	if err != nil {
		return Period{}, fmt.Errorf("%w, this or last", err)
	}
	return MonthPeriod(m, loc), nil
}

// Key names a period in file names and in the ledger: 2026-11-23, 2026-W48,
// 2026-11, 2026-11-03_2026-11-09. ParsePeriod reads it.
func (p *Period) Key() string {
	switch p.Kind {
	case KindWeek:
		year, week := time.Date(p.From.Year, p.From.Month, p.From.Day, 0, 0, 0, 0, time.UTC).ISOWeek()
		return fmt.Sprintf("%04d-W%02d", year, week)
	case KindMonth:
		return archive.MonthOf(p.From).String()
	case KindRange:
		return p.From.String() + "_" + p.To.String()
	}
	return p.From.String()
}

// ParsePeriod reads a period of a kind as Key names it.
func ParsePeriod(kind, key string, loc *time.Location) (Period, error) {
	now := time.Now()
	switch kind {
	case KindDay:
		day, err := archive.ParseDay(key, now, loc)
		return DayPeriod(day, loc), err
	case KindWeek:
		return ParseWeek(key, now, loc)
	case KindMonth:
		return ParseMonth(key, now, loc)
	case KindRange:
		first, last, _ := strings.Cut(key, "_")
		from, err := archive.ParseDay(first, now, loc)
		if err != nil {
			return Period{}, err
		}
		to, err := archive.ParseDay(last, now, loc)
		return NewPeriod(kind, from, to, loc), err
	}
	return Period{}, fmt.Errorf("no report of a %s", kind)
}
