package pack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nfacct/archive"
)

// runChild packs or unpacks October and kills itself at a step, or at none.
func runChild() int {
	at, _ := strconv.Atoi(os.Getenv("NFACCT_TEST_STEP"))
	cfg := archive.DefaultConfig()
	cfg.Folder = os.Getenv("NFACCT_TEST_FOLDER")
	a, err := archive.Open(context.Background(), cfg, testLog())
	if err == nil {
		p := packer(a)
		n := 0
		p.step = func(name string) {
			if n++; n == at {
				fmt.Println(name)
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		}
		if os.Getenv("NFACCT_TEST_CHILD") == "unpack" {
			_, err = p.Unpack(context.Background(), october, Options{Wait: time.Minute})
		} else {
			_, err = p.Pack(context.Background(), october, Options{Wait: time.Minute})
		}
		err = errors.Join(err, a.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func child(folder, deed string, step int) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "NFACCT_TEST_CHILD="+deed, fmt.Sprint("NFACCT_TEST_STEP=", step), "NFACCT_TEST_FOLDER="+folder)
	return cmd
}

func killServer(t testing.TB, folder string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "data", "nfacct.pid"))
	if err != nil {
		return // it is down already
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	for range 5000 {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("server %d survives SIGKILL", pid)
}

// heal packs what a killed attempt has left, as the next run does.
func heal(t testing.TB, a *archive.Archive, what string, want map[string]string) {
	t.Helper()
	p := packer(a)
	if err := p.Recover(t.Context(), time.Minute); err != nil {
		t.Fatalf("%s: recover: %v", what, err)
	}
	if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil && !errors.Is(err, archive.ErrPacked) {
		t.Fatalf("%s: %v", what, err)
	}
	if got := tableOf(t, a, october); got != "flows_2026_10c" {
		t.Errorf("%s: the month is in %q", what, got)
	}
	tidy(t, a, want)
	if t.Failed() {
		t.Fatal(what)
	}
}

// anew gives back the live table.
func anew(t testing.TB, a *archive.Archive) {
	t.Helper()
	if strings.HasPrefix(tableOf(t, a, october), "flows_2026_10c") { // perhaps with days that an unpacking has made
		if _, err := packer(a).Unpack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
}

// Of those that run beside each other only this one uses the shared server. The
// program is killed at each step; the next run finishes or starts over.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	a := open(t)
	mustLoad(t, a, file{1, 2000, october.First(), 4}, file{2, 50, november.First(), 3})
	want := ask(t, a)
	for step := 1; ; step++ {
		anew(t, a)
		out, err := child(shared.config.Folder, "pack", step).Output()
		name := strings.TrimSpace(string(out))
		if name == "" {
			if err != nil {
				t.Fatal(err)
			}
			if step < 12 {
				t.Errorf("only %d steps", step)
			}
			return
		}
		got, err := answer(t.Context(), a, october.First(), november.Last())
		if err != nil || len(got) != len(want) {
			t.Errorf("killed at %s, a reader is told %d hosts of %d: %v", name, len(got), len(want), err)
		}
		heal(t, a, "killed at "+name, want)
	}
}

// The server is killed at each step.
func TestServerKilledAtEachStep(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	a := openConfig(t, cfg)
	mustLoad(t, a, file{1, 2000, october.First(), 4}, file{2, 50, november.First(), 3})
	want := ask(t, a)
	for step := 1; ; step++ {
		anew(t, a)
		p := packer(a)
		n, at := 0, ""
		p.step = func(name string) {
			if n++; n == step {
				at = name
				killServer(t, cfg.Folder)
			}
		}
		_, err := p.Pack(t.Context(), october, Options{Wait: time.Minute})
		if at == "" {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		heal(t, a, fmt.Sprintf("server killed at %s (%v)", at, err), want)
	}
}

// killTool puts a program in front of a tool that kills it so long after its start.
func killTool(t testing.TB, name string, after time.Duration) (path string) {
	t.Helper()
	real, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n%s \"$@\" &\nsleep %.4f\nkill -9 $! && exit 137\nwait $!\n", real, after.Seconds())
	if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return folder + ":" + os.Getenv("PATH")
}

// Each tool is killed, early and late.
func TestToolKilled(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 20_000, october.First(), 31}, file{2, 50, november.First(), 3})
	want := ask(t, a)
	path := os.Getenv("PATH")
	for _, tool := range []string{"myisampack", "myisamchk", "cp", "mv"} {
		for _, after := range []time.Duration{0, 8 * time.Millisecond} {
			anew(t, a)
			t.Setenv("PATH", killTool(t, tool, after))
			_, err := packer(a).Pack(t.Context(), october, Options{Wait: time.Minute})
			t.Setenv("PATH", path)
			if err != nil {
				tidy(t, a, want)
			}
			heal(t, a, fmt.Sprintf("%s killed after %v (%v)", tool, after, err), want)
		}
	}
}

// Whatever is killed, whenever: NFACCT_KILL_ROUNDS sets how often this is tried.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	rounds := 8
	if text := os.Getenv("NFACCT_KILL_ROUNDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		rounds = n
	}
	cfg := furnished(t)
	a := openConfig(t, cfg)
	mustLoad(t, a, file{1, 20_000, october.First(), 31}, file{2, 50, november.First(), 3})
	want := ask(t, a)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	whole := map[string]time.Duration{}
	for _, deed := range []string{"pack", "unpack"} {
		began := time.Now()
		if err := child(cfg.Folder, deed, 0).Run(); err != nil {
			t.Fatal(err)
		}
		whole[deed] = time.Since(began)
	}
	killed := map[string]int{}
	for round := range rounds {
		deed, victim := "pack", []string{"nfacct", "mariadbd", "myisampack", "unpack nfacct", "myisamchk", "both", "unpack mariadbd", "unpack both"}[round%8]
		if rest, ok := strings.CutPrefix(victim, "unpack "); ok {
			deed, victim = "unpack", rest
			if tableOf(t, a, october) != "flows_2026_10c" {
				if _, err := packer(a).Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
					t.Fatal(err)
				}
			}
		} else {
			anew(t, a)
		}
		cmd := child(cfg.Folder, deed, 0)
		if strings.HasPrefix(victim, "my") {
			cmd.Env = append(cmd.Env, "PATH="+killTool(t, victim, time.Duration(random.Int64N(int64(20*time.Millisecond)))))
		}
		began := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		after := time.Duration(random.Int64N(int64(whole[deed])))
		if !strings.HasPrefix(victim, "my") {
			time.Sleep(after)
		}
		if victim == "nfacct" || victim == "both" {
			cmd.Process.Kill()
		}
		if victim == "mariadbd" || victim == "both" {
			killServer(t, cfg.Folder)
		}
		err := cmd.Wait()
		if err != nil {
			killed[deed+" "+victim]++
		} else { // so that fewer come too late
			whole[deed] = min(whole[deed], time.Since(began))
		}
		what := fmt.Sprintf("round %d of seed %d: %s, %s killed after %v (%v)", round, seed, deed, victim, after, err)
		told(t, a, what, want)
		if deed == "pack" {
			heal(t, a, what, want)
			continue
		}
		if err := packer(a).Recover(t.Context(), time.Minute); err != nil {
			t.Fatalf("%s: recover: %v", what, err)
		}
		anew(t, a)
		if got := tableOf(t, a, october); got != "flows_2026_10" {
			t.Fatalf("%s: the month is in %q", what, got)
		}
		tidy(t, a, want)
	}
	t.Logf("%d rounds; attempts ended by the death of %v", rounds, killed)
}

// told fails the test unless a reader is told the same, as soon as the server is back.
func told(t *testing.T, a *archive.Archive, what string, want map[string]string) {
	t.Helper()
	got, err := answer(t.Context(), a, october.First(), november.Last())
	for try := 0; errors.Is(err, archive.ErrUnavailable) && try < 5; try++ {
		got, err = answer(t.Context(), a, october.First(), november.Last())
	}
	if err != nil || !cmp.Equal(want, got) {
		t.Fatalf("%s: a reader is told something else: %v", what, err)
	}
}
