package daemon

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// program is this program, also when its file was replaced meanwhile.
func program() string { return "/proc/self/exe" }

// attributes make a child a group of its own, which ends with the parent.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func rlimit(n uint64) *unix.Rlimit { return &unix.Rlimit{Cur: n, Max: n} }
