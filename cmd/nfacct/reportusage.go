package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/importer"
	"nfacct/importer/rules"
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

// checkDepartment says whether the department exists.
func (f *periodFlags) checkDepartment(cfg *config.Config) error {
	if f.department == "" {
		return nil
	}
	var names []string
	for _, d := range cfg.Report.Departments {
		if d.Name == f.department {
			return nil
		}
		names = append(names, d.Name)
	}
	if names == nil {
		return fmt.Errorf("--department %s: no departments are configured: add a [[report.department]]", f.department)
	}
	return fmt.Errorf("--department %s: there is no such department; there are %s", f.department, strings.Join(names, ", "))
}

// usage is the report of a period as it can be made at this time, of a
// department's hosts or of all.
func (a *app) usage(ctx context.Context, db *archive.Archive, cfg *config.Config, period report.Period, department string, now time.Time) (*report.Usage, error) {
	// First what waits: a file that is imported meanwhile is then in doubt, and
	// none is in the figures that was not.
	pending, err := importer.Pending(ctx, db.LoadedNames, cfg.Spool.Folder, cfg.Location(), period.From, period.To)
	if err != nil {
		return nil, err
	}
	reporter, err := report.New(cfg.Report, db, cfg.Location(), a.log)
	if err != nil {
		return nil, err
	}
	q := report.Request{Period: period, Group: department, Now: now, Pending: pending, Version: version(), Rules: effectiveRules(cfg)}
	for _, router := range cfg.Routers {
		q.Routers = append(q.Routers, router.Name)
		for _, proxy := range router.Proxies {
			q.Proxies = append(q.Proxies, netip.Addr(proxy))
		}
	}
	return reporter.Usage(ctx, q)
}

// stillLoading is the error that holds a report back from files and mails: what
// is sent once cannot be taken back, and the next try is soon.
func stillLoading(u *report.Usage) error {
	if days := u.Loading(); days != "" {
		return fmt.Errorf("an import is loading %s: the report waits until that is over", days)
	}
	return nil
}

// dailyUsage is usage of a day, of all hosts.
func (a *app) dailyUsage(ctx context.Context, db *archive.Archive, cfg *config.Config, day archive.Day, now time.Time) (*report.Usage, error) {
	return a.usage(ctx, db, cfg, report.DayPeriod(day, cfg.Location()), "", now)
}

// effectiveRules are the rules in force, in words.
func effectiveRules(cfg *config.Config) []report.Rule {
	var found []report.Rule
	for _, rule := range rules.Effective(cfg.Importer.Rules) {
		if rule.On() {
			var terms []report.RuleTerm
			for _, term := range rule.Terms() {
				terms = append(terms, report.RuleTerm(term))
			}
			found = append(found, report.NewRule(rule.Name, terms))
		}
	}
	return found
}
