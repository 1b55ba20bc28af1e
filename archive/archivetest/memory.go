// Package archivetest has tests with databases of their own end soon.
package archivetest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

const (
	memory = "/dev/shm"
	// least is what it must have free: a database takes some 20 MB, and the largest test
	// about as much as all others.
	least = 2 << 30
)

// InMemory has temporary folders of this process made in memory, where the machine has
// room there and lets programs run from it. A database of tests waits for the disk half
// the time (31 s and 14 s for the same tests), and a killed process loses nothing that it
// has written to either. TMPDIR in the environment stays as it is.
func InMemory() {
	var stat unix.Statfs_t
	if os.Getenv("TMPDIR") != "" || unix.Statfs(memory, &stat) != nil || uint64(max(stat.Bavail, 0))*uint64(stat.Bsize) < least {
		return
	}
	folder, err := os.MkdirTemp(memory, "nfacct-test-")
	if err != nil {
		return
	}
	defer os.RemoveAll(folder)
	script := filepath.Join(folder, "script")
	if os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755) == nil && exec.Command(script).Run() == nil {
		os.Setenv("TMPDIR", memory)
	}
}

// AtOnce has more tests run beside each other than there are cores: most wait for
// servers to start and processes to end.
func AtOnce() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", fmt.Sprint(2*runtime.GOMAXPROCS(0)))
	}
}
