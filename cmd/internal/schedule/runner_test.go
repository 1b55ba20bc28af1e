package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// never is a ledger in which one period was done long ago: everything is due.
type never struct{ down error }

func (n never) Done(context.Context, string, string) (map[string]time.Time, string, error) {
	return nil, "0", n.down
}
func (n never) Begin(context.Context, string, string, time.Time) error      { return nil }
func (n never) End(context.Context, string, string, time.Time, error) error { return nil }

// A job that hangs stops only those of its lane, and those after it.
func TestHangingJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec, _ := ParseSpec("* * * * *")
		ran := map[string]int{}
		done := make(chan string, 100)
		note := func(name string) func(context.Context, string) error {
			return func(context.Context, string) error { done <- name; return nil }
		}
		hang := func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
		jobs := []Job{
			{Name: "import", When: spec, Period: Each, Catch: 1, Lane: "writer", Run: hang},
			{Name: "report", When: spec, Period: Each, Catch: 1, Run: note("report")},
		}
		r := New(jobs, time.UTC, never{}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- r.Run(ctx) }()
		time.Sleep(3*time.Minute + time.Second)
		synctest.Wait()
		states := r.States()
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		close(done)
		for name := range done {
			ran[name]++
		}
		if ran["report"] != 4 {
			t.Errorf("report ran %d times in 4 minutes", ran["report"])
		}
		if states[0].Running == "" || states[0].Started.IsZero() || states[1].Running != "" {
			t.Errorf("states %+v", states)
		}
	})
}

// Jobs of one lane never run at the same time, and all of them run.
func TestLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec, _ := ParseSpec("* * * * *")
		busy, most, ran := make(chan struct{}, 3), 0, make(chan int, 3)
		run := func(context.Context, string) error {
			busy <- struct{}{}
			ran <- len(busy)
			time.Sleep(time.Second)
			<-busy
			return nil
		}
		var jobs []Job
		for _, name := range []string{"a", "b", "c"} {
			jobs = append(jobs, Job{Name: name, When: spec, Period: Each, Catch: 1, Lane: "writer", Run: run})
		}
		New(jobs, time.UTC, never{}, slog.New(slog.DiscardHandler)).Tick(t.Context())
		close(ran)
		n := 0
		for at := range ran {
			n++
			most = max(most, at)
		}
		if n != 3 || most != 1 {
			t.Errorf("%d ran, %d at the same time", n, most)
		}
	})
}

// What waits for a cause told elsewhere says nothing and is tried at the next tick;
// a failure is said with its beginning, and so is that it is over.
func TestOneCauseOneLine(t *testing.T) {
	spec, _ := ParseSpec("* * * * *")
	result := error(fmt.Errorf("database down: %w", ErrWaits))
	var said bytes.Buffer
	r := New([]Job{{Name: "import", When: spec, Period: Each, Catch: 1, Run: func(context.Context, string) error { return result }}},
		time.UTC, never{}, slog.New(slog.NewTextHandler(&said, nil)))
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	r.Clock = func() (time.Time, time.Duration) { return now, time.Duration(now.UnixNano()) }
	r.Tick(t.Context())
	if said.Len() > 0 || r.States()[0].Failures != 0 {
		t.Errorf("said %q, %+v", &said, r.States()[0])
	}
	result = errors.New("no room")
	r.Tick(t.Context())
	if s := r.States()[0]; s.Failures != 1 || !s.Since.Equal(now) || !strings.HasSuffix(s.Problem, "no room") || s.Retry.IsZero() {
		t.Errorf("%+v", s)
	}
	now = now.Add(time.Hour)
	result = nil
	r.Tick(t.Context())
	if s := r.States()[0]; s.Failures != 0 || s.Problem != "" || s.Done == "" || !strings.Contains(said.String(), "job succeeds again") {
		t.Errorf("%+v\n%s", s, &said)
	}
}

// A new table counts at once; a job that runs by the old one ends as it began, and
// what became of jobs of the same name is kept.
func TestReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec, _ := ParseSpec("* * * * *")
		ended := make(chan string, 100)
		job := func(name, says string, takes time.Duration) Job {
			return Job{Name: name, When: spec, Period: Each, Catch: 1, Run: func(context.Context, string) error {
				time.Sleep(takes)
				ended <- says
				return nil
			}}
		}
		r := New([]Job{job("slow", "slow, old", 90*time.Second), job("gone", "gone", 0)}, time.UTC, never{}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- r.Run(ctx) }()
		time.Sleep(time.Second)
		r.Replace([]Job{job("slow", "slow, new", 0), job("added", "added", 0)})
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		states := r.States()
		cancel()
		<-over
		close(ended)
		said := map[string]int{}
		for what := range ended {
			said[what]++
		}
		if said["slow, old"] != 1 || said["slow, new"] < 1 || said["gone"] != 1 || said["added"] != 3 {
			t.Errorf("ran %v", said)
		}
		if len(states) != 2 || states[0].Job != "slow" || states[0].Done == "" || states[1].Job != "added" {
			t.Errorf("states %+v", states)
		}
	})
}
