package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deeds are what a process may be killed in the middle of. Each begins on an
// archive that holds what prepare loaded.
var deeds = map[string]func(context.Context, *Archive) error{
	"load": func(ctx context.Context, a *Archive) error {
		f, err := makeFile(ctx, a, 3, 60, november, monday, Day{2026, 12, 1})
		if err != nil {
			return err
		}
		if err := f.load(ctx, a); !errors.Is(err, ErrLoaded) {
			return err
		}
		return nil
	},
	"reload": func(ctx context.Context, a *Archive) error {
		// The files are read differently now.
		one, err := makeFile(ctx, a, 1, 30, monday)
		if err != nil {
			return err
		}
		two, err := makeFile(ctx, a, 2, 50, october, monday)
		if err != nil {
			return err
		}
		return reload(ctx, a, monday, one, two)
	},
}

// randomDeeds are those that are only killed at random: their steps are others' too.
var randomDeeds = map[string]func(context.Context, *Archive) error{
	"load": deeds["load"], "reload": deeds["reload"],
	"forget": func(ctx context.Context, a *Archive) error {
		files, err := a.Reader().ImportsByName(ctx, "spool/file-2")
		if err != nil || len(files) == 0 {
			return err
		}
		days, err := a.Reader().DaysOf(ctx, files[0].ID)
		if err != nil {
			return err
		}
		if err := writing(a).BeginForget(ctx, []uint32{files[0].ID}); err != nil {
			return err
		}
		for _, day := range days {
			var rest []testFile
			if day == monday {
				one, err := makeFile(ctx, a, 1, 40, monday)
				if err != nil {
					return err
				}
				rest = append(rest, one)
			}
			if err := reloadWithout(ctx, a, day, files[0].ID, rest...); err != nil {
				return err
			}
		}
		return writing(a).Forget(ctx, files[0].ID)
	},
}

// prepare is what was there before a deed.
func prepare(t *testing.T, a *Archive) {
	wipe(t, a)
	unlock, err := locked(t.Context(), a, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	mustLoad(t, a, newFile(t, a, 1, 40, monday), newFile(t, a, 2, 40, october, monday))
}

// do takes the lock, does a deed, settles, and closes the days, calling step between any
// two steps, recovery's too.
func do(ctx context.Context, a *Archive, deed string, step func(string)) error {
	a.step = step
	defer func() { a.step = func(string) {} }()
	unlock, err := locked(ctx, a, 10*time.Second)
	if err != nil {
		return err
	}
	defer unlock()
	if deed == "recover" {
		return nil // Lock has done it
	}
	if err := randomDeeds[deed](ctx, a); err != nil {
		return err
	}
	if err := writing(a).Settle(ctx); err != nil {
		return err
	}
	return writing(a).CloseDays(ctx, Day{2027, 1, 1}, Day{2027, 1, 1})
}

// runChild does a deed and kills itself at a step.
func runChild(deed string) int {
	if deed == "open" {
		return openChild(os.Getenv("NFACCT_TEST_FOLDER"))
	}
	at, _ := strconv.Atoi(os.Getenv("NFACCT_TEST_STEP"))
	cfg := DefaultConfig()
	cfg.Folder, cfg.Load = os.Getenv("NFACCT_TEST_FOLDER"), os.Getenv("NFACCT_TEST_LOAD")
	a, err := Open(context.Background(), cfg, testLog())
	if err == nil {
		n, committed := 0, false
		err = do(context.Background(), a, deed, func(name string) {
			committed = committed || name == commits[deed]
			if n++; n == at {
				fmt.Printf("%s\n%v\n", name, committed)
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		})
		err = errors.Join(err, a.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// killedChild reports at which step a child was killed, and whether that of commits
// was reached; "" if it came to its end before.
func killedChild(t *testing.T, cfg Config, deed string, step int) (name string, committed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "NFACCT_TEST_CHILD="+deed, fmt.Sprint("NFACCT_TEST_STEP=", step),
		"NFACCT_TEST_FOLDER="+cfg.Folder, "NFACCT_TEST_LOAD="+cfg.Load)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err == nil {
		return "", false
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%s, step %d: %v: %s", deed, step, err, said.String())
	}
	name, after, _ := strings.Cut(string(out), "\n")
	return name, strings.TrimSpace(after) == "true"
}

// commits is the step of a deed from which on it is done: what is cut short
// before is undone, what is cut short after it is finished.
var commits = map[string]string{"load": "loaded", "reload": "day marked"}

// outcome looks at what recovery makes of a deed that was cut short at a step: all
// of it, or nothing.
type outcome struct {
	deed          string
	before, after []string
	steps         []string // as they are called when nothing happens
}

func newOutcome(t *testing.T, a *Archive, deed string) *outcome {
	t.Helper()
	prepare(t, a)
	o := &outcome{deed: deed, before: state(t, a)}
	if err := do(t.Context(), a, deed, func(name string) { o.steps = append(o.steps, name) }); err != nil {
		t.Fatal(err)
	}
	o.after = state(t, a)
	prepare(t, a)
	return o
}

// check takes the lock, and no more than that. What is as it was before can be
// used for the next step, which so shows that the deed can be done again.
func (o *outcome) check(t *testing.T, a *Archive, step int, name string, committed bool) {
	t.Helper()
	unlock, err := locked(t.Context(), a, 10*time.Second)
	if err != nil {
		t.Fatalf("%s, after step %d, %s: %v", o.deed, step, name, err)
	}
	unlock()
	want := o.before
	if committed {
		want = o.after
	}
	same(t, fmt.Sprintf("%s, cut short at step %d, %s", o.deed, step, name), state(t, a), want)
	if err := settled(t.Context(), a); err != nil {
		t.Errorf("%s, cut short at step %d, %s: %v", o.deed, step, name, err)
	}
	if committed || t.Failed() {
		prepare(t, a)
	}
}

// A process that is killed between any two steps leaves nothing that the next
// does not put right; nor does one that is killed while putting it right.
func TestKilledAnywhere(t *testing.T) {
	for deed := range deeds {
		for _, way := range []string{LoadFIFO, LoadLocal} {
			if deed == "reload" && way == LoadLocal {
				continue // what differs is in the load
			}
			t.Run(deed+" "+way, func(t *testing.T) {
				t.Parallel()
				cfg := furnished(t)
				cfg.Load = way
				a := openConfig(t, cfg)
				o := newOutcome(t, a, deed)
				steps, done, first := 0, 0, 1
				if way == LoadLocal { // what differs begins with the first stream
					first = slices.Index(o.steps, "stream open")
				}
				for step := first; ; step++ {
					name, committed := killedChild(t, cfg, deed, step)
					if name == "" {
						break
					}
					steps++
					if committed {
						done++
					}
					// Recovery is killed as well, each time one step further.
					killedChild(t, cfg, "recover", 1+step%7)
					o.check(t, a, step, name, committed)
					if way == LoadLocal && name == "books written" {
						break // and ends before the books
					}
				}
				t.Logf("%d steps, %d of them behind the one that commits", steps, done)
				if way == LoadLocal {
					if steps < 5 {
						t.Errorf("only %d steps: the test does not see them", steps)
					}
					return
				}
				same(t, deed+" by a child that is not killed", state(t, a), o.after)
				if steps < 10 || done == 0 {
					t.Errorf("only %d steps: the test does not see them", steps)
				}
			})
		}
	}
}

// The server is killed between any two steps: the deed fails with ErrUnavailable,
// the server comes back repaired, and the deed can be done again.
func TestServerKilledAnywhere(t *testing.T) {
	for deed := range deeds {
		t.Run(deed, func(t *testing.T) { serverKilledAnywhere(t, deed) })
	}
}

func serverKilledAnywhere(t *testing.T, deed string) {
	t.Parallel()
	cfg := furnished(t)
	a := openConfig(t, cfg)
	o := newOutcome(t, a, deed)
	for step := 1; ; step++ {
		n, at, committed := 0, "", false
		err := do(t.Context(), a, deed, func(name string) {
			committed = committed || name == commits[deed]
			if n++; n == step {
				at = name
				killServer(t, cfg.Folder)
			}
		})
		if at == "" {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if err != nil && !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s, server killed at step %d, %s: %v", deed, step, at, err)
		}
		// A deed may go on behind the kill, if the server is back soon enough.
		o.check(t, a, step, at, committed || err == nil)
	}
	same(t, deed+" undisturbed", state(t, a), o.after)
}

// killServer kills the private server of a folder as nothing can prevent.
func killServer(t testing.TB, folder string) {
	t.Helper()
	pid := serverPID(t, folder)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("server %d survives SIGKILL", pid)
		}
	}
}

func serverPID(t testing.TB, folder string) int {
	t.Helper()
	text, err := os.ReadFile(folder + "/data/nfacct.pid")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
