package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deeds are what a process may be killed in the middle of. Each begins on an
// archive that holds what prepare loaded, and can be done again.
var deeds = map[string]func(context.Context, *Archive) error{
	"load": func(ctx context.Context, a *Archive) error {
		f, err := makeFile(ctx, a, 3, 300, november, monday, Day{2026, 12, 1})
		if err != nil {
			return err
		}
		if err := f.load(ctx, a); !errors.Is(err, ErrLoaded) {
			return err
		}
		return nil
	},
	"reload": func(ctx context.Context, a *Archive) error {
		one, err := makeFile(ctx, a, 1, 200, monday)
		if err != nil {
			return err
		}
		two, err := makeFile(ctx, a, 2, 200, october, monday)
		if err != nil {
			return err
		}
		if err := a.ClearDay(ctx, monday); err != nil {
			return err
		}
		for _, f := range []testFile{one, two} {
			l, err := a.BeginReload(ctx, f.File, monday)
			if err != nil {
				return err
			}
			if err := f.finish(ctx, l); err != nil {
				return err
			}
		}
		return a.FinishDay(ctx, monday)
	},
}

// prepare is what was there before a deed.
func prepare(t *testing.T, a *Archive) {
	wipe(t, a)
	unlock, err := a.Lock(t.Context(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	mustLoad(t, a, newFile(t, a, 1, 200, monday), newFile(t, a, 2, 200, october, monday))
}

// do takes the lock, does a deed with keys off, and settles, calling step between any two steps,
// recovery's too.
func do(ctx context.Context, a *Archive, deed string, step func(string)) error {
	a.step = step
	defer func() { a.step = func(string) {} }()
	unlock, err := a.Lock(ctx, 10*time.Second)
	if err != nil {
		return err
	}
	defer unlock()
	a.Expect(1_000_000)
	if err := deeds[deed](ctx, a); err != nil {
		return err
	}
	return a.Settle(ctx)
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
		n := 0
		err = do(context.Background(), a, deed, func(name string) {
			if n++; n == at {
				fmt.Println(name)
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

// killedChild reports at which step a child was killed; "" if it came to its end
// before.
func killedChild(t *testing.T, cfg Config, deed string, step int) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "NFACCT_TEST_CHILD="+deed, fmt.Sprint("NFACCT_TEST_STEP=", step),
		"NFACCT_TEST_FOLDER="+cfg.Folder, "NFACCT_TEST_LOAD="+cfg.Load)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err == nil {
		return ""
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%s, step %d: %v: %s", deed, step, err, said.String())
	}
	return strings.TrimSpace(string(out))
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
				cfg := shared.config
				cfg.Load = way
				a := openConfig(t, cfg)
				prepare(t, a)
				if err := do(t.Context(), a, deed, func(string) {}); err != nil {
					t.Fatal(err)
				}
				want := state(t, a)
				steps := 0
				for step := 1; ; step++ {
					prepare(t, a)
					name := killedChild(t, cfg, deed, step)
					if name == "" {
						break
					}
					steps++
					// Recovery is killed as well, each time one step further.
					killedChild(t, cfg, deed, 1+step%7)
					if err := do(t.Context(), a, deed, func(string) {}); err != nil {
						t.Fatalf("after a kill at step %d, %s: %v", step, name, err)
					}
					same(t, fmt.Sprintf("after a kill at step %d, %s", step, name), state(t, a), want)
					if err := settled(t.Context(), a); err != nil {
						t.Errorf("after a kill at step %d, %s: %v", step, name, err)
					}
				}
				t.Logf("%d steps", steps)
				if steps < 10 {
					t.Errorf("only %d steps: the test does not see them", steps)
				}
			})
		}
	}
}

// The server is killed between any two steps: the load fails with
// ErrUnavailable, the server comes back repaired, and the deed can be done again.
func TestServerKilledAnywhere(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Folder = t.TempDir()
	a := openConfig(t, cfg)
	for deed := range deeds {
		prepare(t, a)
		if err := do(t.Context(), a, deed, func(string) {}); err != nil {
			t.Fatal(err)
		}
		want := state(t, a)
		for step := 1; ; step++ {
			prepare(t, a)
			n, at := 0, ""
			err := do(t.Context(), a, deed, func(name string) {
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
			if err := do(t.Context(), a, deed, func(string) {}); err != nil {
				t.Fatalf("%s again, after the server was killed at step %d, %s: %v", deed, step, at, err)
			}
			same(t, fmt.Sprintf("%s, after the server was killed at step %d, %s", deed, step, at), state(t, a), want)
			if err := settled(t.Context(), a); err != nil {
				t.Errorf("%s, after the server was killed at step %d, %s: %v", deed, step, at, err)
			}
		}
	}
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
	text, err := os.ReadFile(folder + "/data/" + pidName)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
