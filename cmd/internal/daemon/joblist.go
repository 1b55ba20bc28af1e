package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
)

// JobLine is a job as nfacct jobs lists it.
type JobLine struct {
	Name     string    `json:"name"`
	Schedule string    `json:"schedule,omitempty"` // cron expression; empty: off, or when there is something to do
	Period   string    `json:"period,omitempty"`   // of the last run
	Last     time.Time `json:"last,omitzero"`      // when that began
	Next     time.Time `json:"next,omitzero"`
	Seconds  float64   `json:"seconds"`
	State    string    `json:"state"` // running, done, failed, or never
	Error    string    `json:"error,omitempty"`
}

// List is what became of the jobs, and when each runs next. Without an archive nothing
// ran.
func (d *Daemon) List(ctx context.Context, cfg *config.Config, db *archive.Archive, now time.Time) ([]JobLine, error) {
	lines := []JobLine{}
	for _, row := range d.jobs(cfg) {
		line := JobLine{Name: row.Name, Schedule: row.When.String(), Next: row.When.Next(now, cfg.Location()), State: "never"}
		if db != nil {
			runs, err := db.Runs().List(ctx, row.Name, 1)
			if err != nil {
				return nil, err
			}
			for _, run := range runs {
				line.Period, line.Last, line.State, line.Error = run.Period, run.Started, run.State, run.Problem
				if !run.Finished.IsZero() {
					line.Seconds = run.Finished.Sub(run.Started).Seconds()
				}
			}
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// Period is the period that a run of the job by hand is for: the given one, or the
// one that was due last. The error says how a period is written, or which jobs exist.
func (d *Daemon) Period(cfg *config.Config, name, period string, now time.Time) (string, error) {
	row, err := d.row(cfg, name)
	if err != nil {
		return "", err
	}
	now = now.In(cfg.Location())
	switch {
	case row.Period == nil && period != "":
		return "", fmt.Errorf("job %s has no period: leave out --for", name)
	case row.Period == nil:
		return "", nil
	case period == "":
		return cmp.Or(row.Newest(now, cfg.Location()), row.Period(now)), nil
	case shape(period) != shape(row.Period(now)):
		return "", fmt.Errorf("--for %s: a period of job %s is written like %s", period, name, row.Period(now))
	}
	return period, nil
}

// Now runs a job in this process, claimed and noted as nfacct run does.
func (d *Daemon) Now(ctx context.Context, cfg *config.Config, db *archive.Archive, name, period string) error {
	row, err := d.row(cfg, name)
	if err != nil {
		return err
	}
	unclaim, err := db.Runs().Claim(ctx, name)
	if errors.Is(err, archive.ErrLocked) {
		return exit.Temporary(fmt.Errorf("job %s runs already, see nfacct jobs: %w", name, err))
	}
	if err != nil {
		return err
	}
	defer unclaim()
	if row.Period == nil { // the mailer, whose ledger is that of mails
		return row.do(ctx, db, Work{})
	}
	if err := db.Runs().Begin(ctx, name, period, time.Now()); err != nil {
		return err
	}
	result := row.do(ctx, db, Work{Period: period})
	// The result is written even when the program is being stopped.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(result, db.Runs().End(ending, name, period, time.Now(), result))
}

// shape is the form of a period: 0000-00-00 of a day.
func shape(period string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '0'
		}
		return r
	}, period)
}
