package schedule

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The machine's clock may be wrong for a while, ten years ahead or a day behind.
// What was done meanwhile stands in the ledger as done for periods that are not over,
// or at times that are still to come: it is suspected, and named once. A period that
// is suspected is done again when it is over by a clock that has gone there minute by
// minute. One that the clock jumps over was done before the clock was set back, and
// counts; so does one that was done when the clock had gone steadily for hours.

const (
	// lookBack is how far due looks for missed runs: more than a month, for the
	// monthly job.
	lookBack = 40 * 24 * time.Hour
	// leap is what the clock may gain on the time that has passed, from one look at
	// it to the next: NTP and a busy machine make less of it.
	leap = 2 * time.Minute
	// settle is how long jobs wait after a leap forward, for one who sets a clock
	// wrong soon sets it right.
	settle = 5 * time.Minute
	// steady is for how long a clock that is believed has gone without a leap.
	steady = 6 * time.Hour
)

// unset is a time before which no clock is right: one without a battery begins in
// 1970 or on the day when its system was built.
var unset = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Clock gives the time of day, and how long the process has run by a clock that
// nobody sets.
type Clock func() (now time.Time, ran time.Duration)

// machine is the machine's clock.
func machine() Clock {
	start := time.Now()
	return func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(start)
	}
}

// watch is what the runner knows of its clock, and of periods by it, each by job.
type watch struct {
	now      time.Time
	ran      time.Duration
	since    time.Duration // the clock has gone without a leap
	heldTill time.Duration
	said     bool // that the clock is not set
	believed bool // it has been steady at some time
	suspects map[string]map[string]bool
	// proven are the periods that were done by a steady clock.
	proven map[string]map[string]bool
}

// look takes the time, and says whether jobs may run at it. r.mu is held.
func (r *Runner) look() bool {
	now, ran := r.Clock()
	w := &r.watch
	jumped := now.Sub(w.now) - (ran - w.ran)
	first := w.now.IsZero()
	if first || jumped.Abs() > leap {
		w.since = ran
	}
	w.believed = w.believed || ran-w.since >= steady
	w.now, w.ran = now, ran
	switch {
	case now.Before(unset):
		if !w.said {
			r.log.Warn("the clock is not set: jobs wait until it is", "now", now)
		}
		w.said = true
		clear(w.suspects)
		return false
	case first, w.said:
		w.said, w.heldTill = false, 0
	case jumped > leap:
		r.log.Warn("the clock was set forward, or the machine slept: jobs wait a little", "by", jumped.Round(time.Second), "wait", settle)
		w.heldTill = ran + settle
		clear(w.suspects)
	case jumped < -leap:
		r.log.Warn("the clock was set back: what was done for periods that are still to come is suspected", "by", -jumped.Round(time.Second))
		w.heldTill = 0
	}
	return ran >= w.heldTill
}

// suspect notes periods that the ledger says are done although they are not over, or
// were at a time to come, and names them. It returns all that are suspected.
func (r *Runner) suspect(job *Job, done map[string]time.Time, newest string) map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.watch.suspects[job.Name]
	if known == nil {
		known = map[string]bool{}
		r.watch.suspects[job.Name] = known
	}
	var fresh []string
	for period, at := range done {
		if (period > newest || at.After(r.watch.now.Add(leap))) && !known[period] && !r.watch.proven[job.Name][period] {
			known[period] = true
			fresh = append(fresh, period)
		}
	}
	if n := len(fresh); n > 0 {
		r.log.Warn("the ledger says that periods are done which are not over, or at a time to come: the clock was ahead then, or is behind now; they are done again when they are over",
			"job", job.Name, "periods", n, "first", slices.Min(fresh), "last", slices.Max(fresh))
	}
	return maps.Clone(known)
}

// settled notes that a period is done.
func (r *Runner) settled(job *Job, period string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := &r.watch
	delete(w.suspects[job.Name], period)
	if w.ran-w.since < steady {
		return
	}
	if w.proven[job.Name] == nil || len(w.proven[job.Name]) > 1000 { // ten days of quarter-hours
		w.proven[job.Name] = map[string]bool{}
	}
	w.proven[job.Name][period] = true
}

// behind says that the clock was believed before it was set back, and is not yet.
func (r *Runner) behind() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.watch.believed && r.watch.ran-r.watch.since < steady
}

// again is how a job learns that its period was done before.
type again struct{}

// Again says to a job that its period was done before it was over, by a clock that
// was ahead: what it told then it has to tell anew.
func Again(ctx context.Context) bool { return ctx.Value(again{}) != nil }

// waiting lists the periods of a job that are due and not done, oldest first, and
// which of them were done too early.
func (r *Runner) waiting(ctx context.Context, job *Job) (todo []string, early map[string]bool, err error) {
	r.mu.Lock()
	now := r.watch.now
	r.mu.Unlock()
	due := r.due(job, now)
	if len(due) == 0 {
		return nil, nil, nil
	}
	newest := due[len(due)-1]
	due = due[max(0, len(due)-job.Catch):]
	done, oldest, err := r.ledger.Done(ctx, job.Name, due[0])
	if err != nil {
		return nil, nil, fmt.Errorf("read ledger: %w", err)
	}
	early = r.suspect(job, done, newest)
	if oldest == "" || oldest > newest {
		if r.behind() {
			return nil, nil, nil
		}
		// The first start ever: what lies before it was nobody's duty.
		if err := r.ledger.Begin(ctx, job.Name, newest, now); err != nil {
			return nil, nil, fmt.Errorf("write ledger: %w", err)
		}
		return nil, nil, r.ledger.End(ctx, job.Name, newest, now, nil)
	}
	for _, period := range due {
		if _, is := done[period]; period > oldest && (!is || early[period]) {
			todo = append(todo, period)
		}
	}
	return todo, early, nil
}

// Newest is the period that the job was due for last, at a time; empty if there is
// none in forty days.
func (j *Job) Newest(now time.Time, loc *time.Location) string {
	period := ""
	for fire := j.When.Next(now.Add(-lookBack), loc); !fire.IsZero() && !fire.After(now); fire = j.When.Next(fire, loc) {
		period = j.Period(fire)
	}
	return period
}

// due lists the periods that became due lately, oldest first, each once.
func (r *Runner) due(job *Job, now time.Time) []string {
	var periods []string
	for fire := job.When.Next(now.Add(-lookBack), r.loc); !fire.IsZero() && !fire.After(now); fire = job.When.Next(fire, r.loc) {
		period := job.Period(fire)
		if n := len(periods); n == 0 || periods[n-1] != period {
			periods = append(periods, period)
		}
	}
	return periods
}
