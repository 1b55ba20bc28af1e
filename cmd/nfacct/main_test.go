package main

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain puts the program on PATH as nfacct, for scripts and for tests that
// start or kill it as a process: it is this test binary under another name.
func TestMain(m *testing.M) {
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
			return nil
		},
	})
}
