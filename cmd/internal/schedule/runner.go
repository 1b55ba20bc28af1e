package schedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// ErrWaits is wrapped by errors of a job that cannot run now for a cause that is
// told elsewhere, such as a database that is down. The job is tried again with the
// next tick, and nothing is logged of it: one cause gives one line.
var ErrWaits = errors.New("it waits")

// ErrDone is returned by Ledger.Begin for a period that another process has done.
var ErrDone = errors.New("another process has done it")

// State is what became of a job.
type State struct {
	Job     string    `json:"job"`
	Next    time.Time `json:"next,omitzero"`     // when the table says it runs next
	Running string    `json:"running,omitempty"` // the period that it runs for now
	Started time.Time `json:"started,omitzero"`  // when that began
	Done    string    `json:"done,omitempty"`    // the newest period that this process has done
	Ended   time.Time `json:"ended,omitzero"`    // when that ended

	Failures int       `json:"failures,omitempty"` // in a row
	Since    time.Time `json:"since,omitzero"`     // of the first of them
	Problem  string    `json:"problem,omitempty"`  // of the last of them
	Remedy   string    `json:"remedy,omitempty"`
	Retry    time.Time `json:"retry,omitzero"`
}

// Runner runs jobs side by side, those of one lane one after the other.
type Runner struct {
	loc    *time.Location
	ledger Ledger
	log    *slog.Logger

	// Clock is the machine's, unless it is set before Run.
	Clock Clock

	running sync.WaitGroup

	mu     sync.Mutex
	jobs   []Job
	lanes  map[string]chan struct{} // held while a job of it runs
	busy   map[string]bool          // jobs that are looked after at present
	states map[string]*State
	watch  watch
	said   map[string]time.Time // when a job's failure was said last
}

// now is the time of day.
func (r *Runner) now() time.Time {
	now, _ := r.Clock()
	return now
}

// sayEvery is how often one failure is said.
const sayEvery = time.Hour

// New returns a runner of jobs on the wall clock of loc.
func New(jobs []Job, loc *time.Location, ledger Ledger, log *slog.Logger) *Runner {
	r := &Runner{
		loc: loc, ledger: ledger, log: log, Clock: machine(),
		lanes: map[string]chan struct{}{}, busy: map[string]bool{}, states: map[string]*State{}, said: map[string]time.Time{},
		watch: watch{suspects: map[string]map[string]bool{}, proven: map[string]map[string]bool{}},
	}
	r.Replace(jobs)
	return r
}

// Replace puts another table in place of the present one. A job that runs ends as it
// began; what became of a job is kept if the new table has one of its name.
func (r *Runner) Replace(jobs []Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	states := map[string]*State{}
	for i := range jobs {
		job := &jobs[i]
		job.Lane = cmp.Or(job.Lane, job.Name)
		if r.lanes[job.Lane] == nil {
			r.lanes[job.Lane] = make(chan struct{}, 1)
		}
		states[job.Name] = cmp.Or(r.states[job.Name], &State{Job: job.Name})
	}
	for name, state := range r.states {
		if states[name] == nil && r.busy[name] {
			states[name] = state // until it has ended
		}
	}
	r.jobs, r.states = jobs, states
}

// States are what became of the jobs, in the order of the table.
func (r *Runner) States() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	var states []State
	for i := range r.jobs {
		s := *r.states[r.jobs[i].Name]
		s.Next = r.jobs[i].When.Next(r.now(), r.loc)
		states = append(states, s)
	}
	return states
}

// tick is how often the table is looked at. A minute is cron's own resolution,
// and looking at the clock each time survives a clock that jumps.
const tick = time.Minute

// Run looks for due jobs every minute until ctx is done, and returns when those
// that run have ended. A job that fails is logged and tried again later; it never
// ends Run, and none waits for a job of another lane.
func (r *Runner) Run(ctx context.Context) error {
	defer r.running.Wait()
	for {
		r.start(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tick):
		}
	}
}

// Tick runs what is due now, and waits for it.
func (r *Runner) Tick(ctx context.Context) {
	r.start(ctx)
	r.running.Wait()
}

// start begins what is due now and does not run already.
func (r *Runner) start(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.look() {
		return
	}
	for i := range r.jobs {
		job := &r.jobs[i]
		// No retry is farther off than mostWait: it was set by a clock that was ahead.
		retry := r.states[job.Name].Retry.Sub(r.watch.now)
		if job.When.Never() && job.Due == nil || ctx.Err() != nil || r.busy[job.Name] || retry > 0 && retry <= mostWait {
			continue
		}
		r.busy[job.Name] = true
		r.running.Go(func() {
			err := r.runDue(ctx, job)
			r.ended(ctx, job, err)
		})
	}
}

// mostWait is how long a job that fails waits between two tries, at most.
const mostWait = time.Hour

// ended notes how it went.
func (r *Runner) ended(ctx context.Context, job *Job, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.busy, job.Name)
	s := r.states[job.Name]
	s.Running, s.Started = "", time.Time{}
	switch {
	case ctx.Err() != nil: // it was told to stop: no fault of its own
	case errors.Is(err, ErrWaits):
		s.Retry = time.Time{}
	case err == nil:
		if s.Failures > 0 {
			r.log.Warn("job succeeds again", "job", job.Name, "failures", s.Failures, "since", s.Since)
		}
		s.Failures, s.Since, s.Problem, s.Remedy, s.Retry = 0, time.Time{}, "", "", time.Time{}
	default:
		// 2, 4, 8 ... minutes.
		s.Failures++
		if s.Failures == 1 {
			s.Since = r.now()
		}
		wait := min(time.Minute<<min(s.Failures, 6), mostWait)
		s.Retry = r.now().Add(wait)
		// The same failure is said once an hour.
		if text := err.Error(); text != s.Problem || r.now().Sub(r.said[job.Name]) >= sayEvery {
			r.log.Error("job failed", "job", job.Name, "err", err, "retry_in", wait)
			s.Problem, r.said[job.Name] = text, r.now()
		}
		s.Remedy = ""
		var remedy interface{ Remedy() string }
		if errors.As(err, &remedy) {
			s.Remedy = remedy.Remedy()
		}
	}
}

// runDue runs the job for each period that is due and not done.
func (r *Runner) runDue(ctx context.Context, job *Job) error {
	if job.Due != nil {
		due, err := job.Due(ctx)
		if err != nil || !due {
			return err
		}
		return r.inLane(ctx, job, func() error { return r.do(ctx, job, "") })
	}
	due, early, err := r.waiting(ctx, job)
	if err != nil || len(due) == 0 {
		return err
	}
	return r.inLane(ctx, job, func() error {
		for _, period := range due {
			ctx := ctx
			if early[period] {
				ctx = context.WithValue(ctx, again{}, true)
			}
			if err := r.runOne(ctx, job, period); err != nil {
				return fmt.Errorf("%s: %w", period, err)
			}
			r.settled(job, period)
		}
		return nil
	})
}

// inLane does something while no other job of the lane runs.
func (r *Runner) inLane(ctx context.Context, job *Job, do func() error) error {
	r.mu.Lock()
	lane := r.lanes[job.Lane]
	r.mu.Unlock()
	select {
	case lane <- struct{}{}:
		defer func() { <-lane }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return do()
}

// do runs the job, and notes that it does.
func (r *Runner) do(ctx context.Context, job *Job, period string) error {
	r.mu.Lock()
	state := r.states[job.Name]
	state.Running, state.Started = cmp.Or(period, "now"), r.now()
	r.mu.Unlock()
	return protect(ctx, job, period)
}

func (r *Runner) runOne(ctx context.Context, job *Job, period string) error {
	began := r.now()
	switch err := r.ledger.Begin(ctx, job.Name, period, began); {
	case errors.Is(err, ErrDone):
		return nil
	case errors.Is(err, ErrWaits):
		return err
	case err != nil:
		return fmt.Errorf("write ledger: %w", err)
	}
	result := r.do(ctx, job, period)
	// The result is written even when the program is being stopped.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := r.ledger.End(end, job.Name, period, r.now(), result); err != nil && result == nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	if result == nil {
		r.mu.Lock()
		state := r.states[job.Name]
		state.Done, state.Ended = period, r.now()
		r.mu.Unlock()
		level := slog.LevelInfo
		if job.Often {
			level = slog.LevelDebug
		}
		r.log.Log(ctx, level, "job done", "job", job.Name, "period", period, "took", r.now().Sub(began).Round(time.Millisecond))
	}
	return result
}

// protect turns a panic of a job into its error: a job never takes the
// collector down with it.
func protect(ctx context.Context, job *Job, period string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return job.Run(ctx, period)
}
