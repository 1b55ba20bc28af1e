package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain puts the program on PATH as nfacct, for scripts and for tests that
// start or kill it as a process: it is this test binary under another name.
func TestMain(m *testing.M) {
	// Under the race detector a process sleeps for a second before it ends, and
	// these tests start many.
	os.Setenv("GORACE", "atexit_sleep_ms=10")
	testscript.Main(m, map[string]func(){"nfacct": main})
}

// TestScripts runs commands as a person types them.
func TestScripts(t *testing.T) {
	flowTools, err := filepath.Abs("../../collector/spool/testdata/flow-tools")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("FLOWTOOLS", flowTools)
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("COLLECTOR", freePort(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
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
