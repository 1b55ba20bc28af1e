package archive

import (
	"context"
	"errors"
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

// Done lists the periods of a job that are done, from the given one on, and when
// each was. oldest is the first one that was ever done, "" if none was; what a clock
// did that was not set, years before there was nfacct, is not counted. Periods sort
// as text.
func (r Runs) Done(ctx context.Context, job, from string) (done map[string]time.Time, oldest string, err error) {
	doing := "look for runs of " + job
	err = r.a.db.QueryRowContext(ctx, "SELECT period FROM runs WHERE job = ? AND period > '2000' AND state = 'done' ORDER BY period LIMIT 1", job).Scan(&oldest)
	if err != nil && !errors.Is(err, errNoRows) {
		return nil, "", wrap(doing, err)
	}
	done, err = mapped[string, time.Time](ctx, r.a.db, doing, "SELECT period, finished FROM runs WHERE job = ? AND period >= ? AND state = 'done'", job, from)
	return done, oldest, err
}

// Claim keeps other processes from running the job until unclaim is called or this
// process ends. The error wraps ErrLocked while another one has it.
func (r Runs) Claim(ctx context.Context, job string) (unclaim func(), err error) {
	conn, err := r.a.advisoryConn(ctx, "job "+job, 0)
	if err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if _, err := conn.ExecContext(ctx, "DO RELEASE_LOCK(?)", r.a.lockName("job "+job)); err != nil {
			release(conn) // closing it gives the lock up
			return
		}
		conn.Close() // jobs run often: it goes back to the pool
	}, nil
}

// Begin notes that the job runs for the period. Times are of the caller's clock, not
// of the server's, which may be another machine's.
func (r Runs) Begin(ctx context.Context, job, period string, now time.Time) error {
	return r.a.exec(ctx, "note run of "+job, `INSERT INTO runs (job, period, state, attempts, problem, started) VALUES (?, ?, 'running', 1, '', ?)
ON DUPLICATE KEY UPDATE state = 'running', attempts = attempts + 1, problem = '', started = VALUES(started), finished = NULL`, job, period, now.UTC())
}

// End notes how it went.
func (r Runs) End(ctx context.Context, job, period string, now time.Time, result error) error {
	state, problem := "done", ""
	if result != nil {
		state, problem = "failed", cutProblem(result.Error())
	}
	return r.a.exec(ctx, "note end of "+job, "UPDATE runs SET state = ?, problem = ?, finished = ? WHERE job = ? AND period = ?", state, problem, now.UTC(), job, period)
}

// List are the runs of a job, at most limit, those first that were begun last: the
// newest period may be of a clock that was ahead. A run whose process was killed is
// running until it is tried again.
func (r Runs) List(ctx context.Context, job string, limit int) ([]Run, error) {
	return collect(ctx, r.a.db, "list runs of "+job, "SELECT job, period, state, attempts, problem, started, finished FROM runs WHERE job = ? ORDER BY started DESC, period DESC LIMIT ?", func(run *Run) []any {
		return []any{&run.Job, &run.Period, &run.State, &run.Attempts, &run.Problem, &run.Started, (*moment)(&run.Finished)}
	}, job, limit)
}
