package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nfacct/collector/spool"
)

// TestMain lets this binary play the children that the tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "play" {
		play(os.Args[2], os.Args[3:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// play is what a child does. files are those of an import.
func play(part string, files []string) {
	progress := Join()
	for _, file := range files {
		progress.Begin(file)
	}
	switch part {
	case "works":
		for range 50 {
			progress.Alive()
			time.Sleep(100 * time.Millisecond)
		}
	case "fails":
		fmt.Fprintln(os.Stderr, "time=now level=WARN msg=trouble job=x")
		fmt.Fprintln(os.Stderr, "nfacct: no room\non the disk")
		os.Exit(75)
	case "eats":
		if err := Limit(100 * MiB); err != nil {
			panic(err)
		}
		var all [][]byte
		for {
			all = append(all, bytes.Repeat([]byte{1}, 1<<20))
			runtime.KeepAlive(all)
		}
	case "hangs": // and is deaf
		signal.Ignore(syscall.SIGTERM)
		select {}
	case "waits":
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM)
		<-ended
	case "crashes":
		panic("boo")
	case "is killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "import":
		imports(progress, files)
	case "parent": // prints its child's number, and waits for it
		p := &Parent{Said: os.Stdout, Log: slog.New(slog.DiscardHandler)}
		_ = p.Run(context.Background(), Task{Name: "child", Args: []string{"play", "tells"}, Memory: 100 * MiB, Silence: time.Hour})
	case "tells":
		fmt.Fprintf(os.Stderr, "time=now pid=%d\n", os.Getpid())
		time.Sleep(time.Hour)
	}
}

func parent(said *bytes.Buffer) *Parent {
	return &Parent{Said: said, Log: slog.New(slog.NewTextHandler(said, nil)), Grace: 300 * time.Millisecond}
}

// However a child ends, its parent knows why, and says what to do about it.
func TestChildEnds(t *testing.T) {
	for _, c := range []struct {
		part  string
		cause Cause
		code  int
		says  string
	}{
		{"works", "", 0, ""},
		{"fails", Failed, 75, "no room\non the disk"},
		{"eats", NoMemory, 2, "memory limit of 100 MiB"},
		{"hangs", Silent, -1, "without progress"},
		{"crashes", Crashed, 2, "panic: boo"},
		{"is killed", Killed, -1, "killed from outside (killed)"},
	} {
		t.Run(c.part, func(t *testing.T) {
			t.Parallel()
			var said bytes.Buffer
			err := parent(&said).Run(t.Context(), Task{Name: c.part, Args: []string{"play", c.part, "a file"}, Memory: 100 * MiB, Silence: 3 * time.Second})
			if c.cause == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var f *Fault
			if !errors.As(err, &f) || f.Cause != c.cause || f.Code != c.code && c.cause != NoMemory || !strings.Contains(f.Error(), c.says) {
				t.Fatalf("%v, %+v\n%s", err, f, &said)
			}
			if f.Cause != Failed && (f.Remedy() == "" || !slices.Equal(f.Files, []string{"a file"})) {
				t.Errorf("remedy %q, files %v", f.Remedy(), f.Files)
			}
			if c.part == "fails" && !strings.Contains(said.String(), "msg=trouble job=x") {
				t.Errorf("log lines are not passed on: %s", &said)
			}
			if strings.Count(said.String(), "\n") > 45 {
				t.Errorf("too much is said:\n%s", &said)
			}
		})
	}
}

// All that may run at once is allowed no more than the total that the help states.
func TestTotal(t *testing.T) {
	if sum := ParentMemory + DatabaseMemory + WriterMemory + ReportMemory + RouterMemory + PageMemory; sum != Total || sum > 1536*MiB {
		t.Errorf("%d MiB, and the total is %d", sum/MiB, Total/MiB)
	}
}

// A child that is told to end is no fault.
func TestChildIsToldToEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	var said bytes.Buffer
	err := parent(&said).Run(ctx, Task{Name: "waits", Args: []string{"play", "waits"}, Memory: 100 * MiB, Silence: time.Minute})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A child ends with its parent, however that ends.
func TestChildDiesWithParent(t *testing.T) {
	cmd := exec.Command(os.Args[0], "play", "parent")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100)
	n, err := out.Read(line)
	_, number, found := strings.Cut(strings.TrimSpace(string(line[:n])), "pid=")
	pid, conversion := strconv.Atoi(number)
	if err != nil || !found || conversion != nil {
		t.Fatalf("%q, %v", line[:n], err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for end := time.Now().Add(5 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); bytes.Contains(stat, []byte(") Z ")) {
			return // dead, and its new parent has not looked yet
		}
		if time.Now().After(end) {
			t.Fatal("the child lives on")
		}
	}
}

// imports plays an import: each argument is a file, and its content what happens. All
// files of the folder are those that are not on the list. What was imported is moved.
func imports(progress *Progress, args []string) {
	folder, alone := args[0], args[1:]
	progress.End(folder)
	files := alone
	if len(alone) == 0 {
		list, _ := spool.ReadAside(folder)
		entries, _ := os.ReadDir(folder)
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), "f") && !slices.ContainsFunc(list, func(a spool.Aside) bool { return a.File == entry.Name() }) {
				files = append(files, filepath.Join(folder, entry.Name()))
			}
		}
	}
	for _, file := range files {
		progress.End(file)
		progress.Begin(filepath.Base(file))
		text, _ := os.ReadFile(file)
		switch what := strings.TrimSpace(string(text)); {
		case what == "panic":
			panic(what)
		case what == "panic once" && len(alone) == 0:
			panic(what)
		case what == "kill" || what == "kill once" && len(alone) == 0:
			play("is killed", nil)
		}
		_ = os.Rename(file, filepath.Join(folder, "done-"+filepath.Base(file)))
		progress.End(filepath.Base(file))
	}
}

// A file that ends its import twice, the second time alone, is set aside, and those
// around it are imported. One that does so once, and one that was killed from
// outside, are not.
func TestImportSetsAside(t *testing.T) {
	folder := t.TempDir()
	for name, what := range map[string]string{"f1": "", "f2": "panic", "f3": "panic once", "f4": "kill once", "f5": ""} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(what), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	task := func(files ...string) Task {
		return Task{Name: "import", Args: append([]string{"play", "import", folder}, files...), Memory: 100 * MiB, Silence: time.Minute}
	}
	if err := parent(&said).Import(t.Context(), folder, task); err != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
	list, err := spool.ReadAside(folder)
	if err != nil || len(list) != 1 || list[0].File != "f2" || !list[0].Set || list[0].Strikes != 2 || !strings.Contains(list[0].Reason, "panic") {
		t.Errorf("%+v, %v", list, err)
	}
	for _, name := range []string{"done-f1", "f2", "done-f3", "done-f4", "done-f5"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(said.String(), "a file is set aside") {
		t.Errorf("nothing said:\n%s", &said)
	}

	// Killed again and again, alone too: that is the file's doing after all.
	if err := os.WriteFile(filepath.Join(folder, "f6"), []byte("kill"), 0o600); err != nil {
		t.Fatal(err)
	}
	for run := range 4 {
		err := parent(&said).Import(t.Context(), folder, task)
		list, _ := spool.ReadAside(folder)
		if i := slices.IndexFunc(list, func(a spool.Aside) bool { return a.File == "f6" }); i >= 0 && list[i].Set {
			if run == 0 {
				t.Error("set aside at once")
			}
			return
		}
		if err == nil {
			t.Error("no error")
		}
	}
	t.Errorf("not set aside:\n%s", &said)
}
