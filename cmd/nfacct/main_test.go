package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"nfacct/cmd/internal/exit"

	"github.com/rogpeppe/go-internal/testscript"
)

// Exit codes, as tests write them.
const (
	exitOK        = exit.CodeOK
	exitFailed    = exit.CodeFailed
	exitUsage     = exit.CodeUsage
	exitPartial   = exit.CodePartial
	exitTemporary = exit.CodeTemporary
)

// TestMain puts the program on PATH as nfacct, for scripts and for tests that
// start or kill it as a process: it is this test binary under another name.
func TestMain(m *testing.M) {
	// Under the race detector a process sleeps for a second before it ends, and
	// these tests start many.
	os.Setenv("GORACE", "atexit_sleep_ms=10")
	testscript.Main(m, map[string]func(){"nfacct": func() {
		misbehave()
		main()
	}})
}

// TestScripts runs commands as a person types them.
func TestScripts(t *testing.T) {
	flowTools, err := filepath.Abs("../../collector/spool/testdata/flow-tools")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := filepath.Abs("testdata/cases")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("FLOWTOOLS", flowTools)
			env.Setenv("CASES", cases)
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("COLLECTOR", freePort(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "kills": kills},
	})
}

// exits runs a command line that has to end with the given code, as in
// `exits 75 nfacct report`.
func exits(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) < 2 {
		ts.Fatalf("usage: exits code command [args...]")
	}
	code, failed := 0, (*exec.ExitError)(nil)
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		code = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want := args[0]; strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// kills runs a command line, and kills it when it says a text on stderr, as in
// `kills 'table name=' nfacct -v migrate`.
func kills(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) < 2 {
		ts.Fatalf("usage: kills text command [args...]")
	}
	var cmd *exec.Cmd
	for _, folder := range filepath.SplitList(ts.Getenv("PATH")) {
		if name := filepath.Join(folder, args[1]); exists(name) && cmd == nil {
			cmd = exec.Command(name, args[2:]...)
		}
	}
	if cmd == nil {
		ts.Fatalf("no program %s", args[1])
	}
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GORACE"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	if said, err := killAt(cmd, func(line string) bool { return strings.Contains(line, args[0]) }); err != nil {
		ts.Fatalf("not killed at %q: %v\n%s", args[0], err, said)
	}
}
