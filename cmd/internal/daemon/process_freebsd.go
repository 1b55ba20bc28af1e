package daemon

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// program is this program.
func program() string {
	name, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return name
}

// attributes make a child a group of its own, which ends with the parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func rlimit(n uint64) *unix.Rlimit { return &unix.Rlimit{Cur: int64(n), Max: int64(n)} }
