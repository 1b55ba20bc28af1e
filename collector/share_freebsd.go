package collector

import "golang.org/x/sys/unix"

const canShare = true

// setShare lets several sockets have one address and spreads exporters over
// them, which FreeBSD's SO_REUSEPORT alone does not (setsockopt(2)).
func setShare(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT_LB, 1)
}
