package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"nfacct/archive"
)

// dayFlags are one day or a range of days on the command line.
type dayFlags struct{ day, from, to string }

func (f *dayFlags) add(flags *pflag.FlagSet, usage string) {
	flags.StringVar(&f.day, "day", "", usage)
	flags.StringVar(&f.from, "from", "", "the same for the days from this `DAY` on")
	flags.StringVar(&f.to, "to", "", "the last `DAY` of --from; today when left out")
}

// days lists the days that the flags ask for.
func (f dayFlags) days(now time.Time, loc *time.Location) ([]archive.Day, error) {
	if f.day != "" {
		if f.from != "" || f.to != "" {
			return nil, errors.New("--day and --from or --to: choose one day or a range")
		}
		day, err := archive.ParseDay(f.day, now, loc)
		return []archive.Day{day}, err
	}
	if f.from == "" && f.to == "" {
		return nil, nil
	}
	if f.from == "" {
		return nil, errors.New("--to without --from: say which day the range begins with")
	}
	from, err := archive.ParseDay(f.from, now, loc)
	if err != nil {
		return nil, err
	}
	to := archive.DayOf(now.In(loc))
	if f.to != "" {
		if to, err = archive.ParseDay(f.to, now, loc); err != nil {
			return nil, err
		}
	}
	if to.Before(from) {
		return nil, fmt.Errorf("--to %s is before --from %s", to, from)
	}
	var days []archive.Day
	for day := from; !to.Before(day); day = day.Add(1) {
		days = append(days, day)
	}
	return days, nil
}
