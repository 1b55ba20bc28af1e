package main

import (
	"context"
	"fmt"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/report"
	"nfacct/report/phrase"
)

// parsePeriod reads a period as package mail's Key names it.
func parsePeriod(kind, key string, loc *time.Location) (report.Period, error) {
	switch kind {
	case report.KindDay:
		day, err := archive.ParseDay(key, time.Now(), loc)
		return dayPeriod(day, loc), err
	}
	return report.Period{}, fmt.Errorf("no report of a %s", kind)
}

func dayPeriod(day archive.Day, loc *time.Location) report.Period {
	start, end := archive.NewCalendar(loc).Bounds(day)
	return report.Period{Kind: report.KindDay, From: day, To: day, Days: 1, Start: start, End: end}
}

// usage is the report of a period as it can be made at this time; of one
// department alone, when one is named.
func (a *app) usage(ctx context.Context, db *archive.Archive, cfg *config.Config, p report.Period, department string, now time.Time) (*report.Usage, error) {
	u, err := dailyUsage(ctx, db, cfg, p.From, now)
	if err == nil && u.Period.Kind == "" {
		u.Period = p
	}
	return u, err
}

// phrases are the words of reports.
func phrases(*config.Config) (*phrase.Catalogue, error) { return phrase.English(), nil }

// department is a group of hosts, and who gets the report of them alone.
type department struct {
	name string
	to   []string
}

func departmentRecipients(*config.Config) []department { return nil }
