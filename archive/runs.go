package archive

import (
	"context"
	"time"
)

// Run is one job for one period.
type Run struct {
	Job, Period       string
	State             string // running, done, failed
	Attempts          int
	Problem           string // of the last attempt
	Started, Finished time.Time
}

// Runs is the ledger of scheduled jobs.
type Runs struct{ a *Archive }

// Runs is the ledger of scheduled jobs.
func (a *Archive) Runs() Runs { return Runs{a} }

// Last is the newest period of the job that is done, "" if none ever was.
// Periods sort as text.
func (r Runs) Last(ctx context.Context, job string) (string, error) { panic("unwritten") }

// Begin notes that the job runs for the period.
func (r Runs) Begin(ctx context.Context, job, period string) error { panic("unwritten") }

// End notes how it went.
func (r Runs) End(ctx context.Context, job, period string, result error) error { panic("unwritten") }

// List are the runs of a job, the newest period first, at most limit.
func (r Runs) List(ctx context.Context, job string, limit int) ([]Run, error) { panic("unwritten") }
