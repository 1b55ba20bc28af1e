package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"nfacct/archive"
	"nfacct/report"
)

// periodFlags say which days a report is about, and whose.
type periodFlags struct{ day, week, month, from, to, department string }

func (f *periodFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.day, "day", "", "the `DAY`: 2026-11-23, today or yesterday (what is reported when nothing is said)")
	flags.StringVar(&f.week, "week", "", "the `WEEK`, Monday to Sunday: 2026-W47, a day of it, this or last")
	flags.StringVar(&f.month, "month", "", "the `MONTH`: 2026-11, this or last")
	flags.StringVar(&f.from, "from", "", "the days from this `DAY` on")
	flags.StringVar(&f.department, "department", "", "only the hosts of this `DEPARTMENT`")
}

// period is the period that the flags ask for: yesterday when they do not.
func (f *periodFlags) period(now time.Time, loc *time.Location) (report.Period, error) {
	said := 0
	for _, text := range []string{f.day, f.week, f.month, f.from} {
		if text != "" {
			said++
		}
	}
	switch {
	case said > 1:
		return report.Period{}, errors.New("--day, --week, --month and --from: choose one of them")
	case f.to != "" && f.from == "":
		return report.Period{}, errors.New("--to without --from: say which day the range begins with")
	case f.week != "":
		p, err := report.ParseWeek(f.week, now, loc)
		return p, wrapFlag("--week", err)
	case f.month != "":
		p, err := report.ParseMonth(f.month, now, loc)
		return p, wrapFlag("--month", err)
	case f.from != "":
		days, err := dayFlags{from: f.from, to: f.to}.days(now, loc)
		switch {
		case err != nil:
			return report.Period{}, err
		case len(days) == 1:
			return report.DayPeriod(days[0], loc), nil
		case len(days) > mostDays:
			return report.Period{}, fmt.Errorf("--from %s to %s: %d days are more than a report can be about; %d can", days[0], days[len(days)-1], len(days), mostDays)
		}
		return report.NewPeriod(report.KindRange, days[0], days[len(days)-1], loc), nil
	}
	day := f.day
	if day == "" {
		day = "yesterday"
	}
	d, err := archive.ParseDay(day, now, loc)
	if err != nil {
		return report.Period{}, wrapFlag("--day", err)
	}
	return report.DayPeriod(d, loc), nil
}

// mostDays bounds a range: the peers of every day are held in memory.
const mostDays = 366

func wrapFlag(flag string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", flag, err)
	}
	return err
}
