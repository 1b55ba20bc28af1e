package archive

import (
	"os"

	"golang.org/x/sys/unix"
)

// enlarge gives a FIFO the most that an ordinary user may: decoding and loading
// then wait for each other less often. Refused, it works all the same.
func enlarge(pipe *os.File) {
	if raw, err := pipe.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) })
	}
}
