//go:build !linux && !freebsd

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

// attributes make a child a group of its own. These systems do not tell it when its
// parent dies: it ends with its own work, or its deadline.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func rlimit(n uint64) *unix.Rlimit { return &unix.Rlimit{Cur: n, Max: n} }
