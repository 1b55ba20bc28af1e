// Package schedule runs jobs by cron expression, behind a ledger of what ran
// for which period.
//
// A timer that fired never counts as "the period is done": the ledger does.
// What was missed, because the machine was off or the database down, is made
// up for; what is done is not done twice. Expressions are parsed by
// robfig/cron, but evaluated here on the wall clock of the configured time
// zone: robfig/cron 3.0.1 skips a time that does not exist on the day when
// clocks go forward and runs twice a time that comes twice when they go back.
// Here the first runs an hour later and the second once.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Spec is a five-field cron expression or a descriptor such as @daily; empty
// means never.
type Spec struct {
	text     string
	schedule cron.Schedule
}

// ParseSpec parses a cron expression. A time zone inside the expression is
// refused: there is one zone for all of nfacct.
func ParseSpec(text string) (Spec, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Spec{}, nil
	}
	// robfig/cron panics on some of these (TZ=0), so they must not reach it.
	if strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ=") {
		return Spec{}, errors.New("a time zone cannot stand in a cron expression: set timezone for all of nfacct")
	}
	if strings.HasPrefix(text, "@every") {
		return Spec{}, errors.New("@every depends on when the program started: write five fields, such as */15 * * * *")
	}
	schedule, err := cron.ParseStandard(text)
	if err != nil {
		return Spec{}, fmt.Errorf("cron expression %q: %w; write minute, hour, day, month and weekday, as in \"7 0 * * *\"", text, err)
	}
	return Spec{text, schedule}, nil
}

// UnmarshalText reads the expression from a configuration file.
func (s *Spec) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSpec(string(text))
	return err
}

// MarshalText returns the expression as it was written.
func (s Spec) MarshalText() ([]byte, error) { return []byte(s.text), nil }

// String returns the expression as it was written.
func (s Spec) String() string { return s.text }

// Never reports whether the job is switched off.
func (s Spec) Never() bool { return s.schedule == nil }

// Next returns the first time after t at which the expression holds on the
// wall clock of loc, or the zero time if there is none within five years.
func (s Spec) Next(t time.Time, loc *time.Location) time.Time {
	if s.Never() {
		return time.Time{}
	}
	wall := asUTC(t.In(loc))
	for {
		wall = s.schedule.Next(wall)
		if wall.IsZero() {
			return time.Time{}
		}
		// time.Date moves a time that does not exist forward, and takes
		// one of two that read alike (today the second).
		next := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, loc)
		if next.After(t) {
			return next
		}
	}
}

// asUTC is the same reading of the clock on the wall, in a zone without jumps.
func asUTC(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// Job is one row of the table of jobs.
type Job struct {
	Name string
	When Spec
	// Period names what a run at this time is responsible for; names sort in
	// time order.
	Period func(fire time.Time) string
	// Catch is how many missed periods are made up for, the newest ones.
	Catch int
	// Lane is what the job shares with others: those of one lane run one after the
	// other, all others side by side. Empty: a lane of its own.
	Lane string
	// Due, if set, says with each tick whether there is something to do; such a job has
	// no schedule, no period, and nothing of it stands in the ledger.
	Due func(ctx context.Context) (bool, error)
	// Often says that a run that went well is not worth a line.
	Often bool
	Run   func(ctx context.Context, period string) error
}

// Each is the period of a job that has to run at every time it is due for.
func Each(fire time.Time) string { return fire.UTC().Format("2006-01-02T15:04Z") }

// DayBefore is the period of a daily job: the day that ended last.
func DayBefore(fire time.Time) string { return fire.AddDate(0, 0, -1).Format("2006-01-02") }

// WeekBefore is the period of a weekly job: the week, as ISO 8601 counts them, that
// ended last.
func WeekBefore(fire time.Time) string {
	year, week := fire.AddDate(0, 0, -7).ISOWeek()
	return fmt.Sprintf("%04d-W%02d", year, week)
}

// MonthBefore is the period of a monthly job: the month that ended last.
func MonthBefore(fire time.Time) string {
	return time.Date(fire.Year(), fire.Month()-1, 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
}

// Ledger remembers what ran.
type Ledger interface {
	// Done lists the periods of the job that are done, from the given one on, and when
	// each was. oldest is the first one that was ever done, "" if none was.
	Done(ctx context.Context, job, from string) (done map[string]time.Time, oldest string, err error)
	// Begin notes that the job runs for the period, since now, and keeps other processes
	// from running it until End. The error wraps ErrWaits while another one does, and
	// ErrDone when one has done the period since Done was asked.
	Begin(ctx context.Context, job, period string, now time.Time) error
	// End notes how it went, and when it ended.
	End(ctx context.Context, job, period string, now time.Time, result error) error
}
