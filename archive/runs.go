package archive

import (
	"context"
	"database/sql"
	"time"
)

// Run is one job for one period.
type Run struct {
	Job, Period string
	State       string // running, done or failed
	Attempts    int
	Problem     string // of the last attempt
	Started     time.Time
	Finished    time.Time // zero while running
}

// Runs is the ledger of scheduled jobs: what ran for which period.
type Runs struct{ a *Archive }

// Runs is the ledger of scheduled jobs.
func (a *Archive) Runs() Runs { return Runs{a} }

// Last is the newest period of the job that is done, "" if none ever was.
// Periods sort as text.
func (r Runs) Last(ctx context.Context, job string) (string, error) {
	var period sql.NullString
	err := r.a.db.QueryRowContext(ctx, "SELECT MAX(period) FROM runs WHERE job = ? AND state = 'done'", job).Scan(&period)
	return period.String, wrap("look for runs of "+job, err)
}

// Begin notes that the job runs for the period.
func (r Runs) Begin(ctx context.Context, job, period string) error {
	return r.a.exec(ctx, "note run of "+job, `INSERT INTO runs (job, period, state, attempts, problem, started) VALUES (?, ?, 'running', 1, '', UTC_TIMESTAMP())
ON DUPLICATE KEY UPDATE state = 'running', attempts = attempts + 1, problem = '', started = UTC_TIMESTAMP(), finished = NULL`, job, period)
}

// End notes how it went.
func (r Runs) End(ctx context.Context, job, period string, result error) error {
	state, problem := "done", ""
	if result != nil {
		state, problem = "failed", result.Error()
		problem = problem[:min(len(problem), 10_000)]
	}
	return r.a.exec(ctx, "note end of "+job, "UPDATE runs SET state = ?, problem = ?, finished = UTC_TIMESTAMP() WHERE job = ? AND period = ?", state, problem, job, period)
}

// List are the runs of a job, the newest period first, at most limit.
func (r Runs) List(ctx context.Context, job string, limit int) ([]Run, error) {
	rows, err := r.a.db.QueryContext(ctx, "SELECT job, period, state, attempts, problem, started, finished FROM runs WHERE job = ? ORDER BY period DESC LIMIT ?", job, limit)
	if err != nil {
		return nil, wrap("list runs of "+job, err)
	}
	defer rows.Close()
	var runs []Run
	for rows.Next() {
		var run Run
		var finished sql.NullTime
		if err := rows.Scan(&run.Job, &run.Period, &run.State, &run.Attempts, &run.Problem, &run.Started, &finished); err != nil {
			return nil, wrap("list runs of "+job, err)
		}
		run.Finished = finished.Time
		runs = append(runs, run)
	}
	return runs, wrap("list runs of "+job, rows.Err())
}
