package collector

import (
	"encoding/binary"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"nfacct/collector/spool"
)

const (
	// batchSize is how many datagrams one system call takes at most.
	batchSize = 128
	// payloadRoom is maxDatagram and 24 cache lines. Were it a power of two, the
	// payloads of a batch would compete for the same few lines of the cache.
	payloadRoom = maxDatagram + 24*64
)

const canShare = true

// setShare lets several sockets have one address. Linux then chooses one by a
// hash of both addresses and ports: an exporter stays where it is.
func setShare(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

// socket receives datagrams in batches, by recvmmsg(2).
//
// It is a thin layer of our own. golang.org/x/net's ReadBatch makes a net.Addr
// for each message: measured at 2 allocations and 96 bytes a datagram, here
// none. And the descriptor is kept out of Go's network poller, whose
// edge-triggered epoll wakes a thread for every datagram even when nobody waits
// for it: thousands of wake-ups a second, each as dear as several datagrams.
type socket struct {
	at       netip.AddrPort
	fd       int // not an os.File: that would be in the poller
	stop     int // an eventfd(2) that ends every wait once it is written to
	granted  int // bytes of receive buffer
	messages [batchSize]message
	vectors  [batchSize]unix.Iovec
	names    [batchSize][unix.SizeofSockaddrInet6]byte
	payloads []byte
	emptied  time.Time     // when it was empty last
	taken    int           // datagrams since then
	pause    time.Duration // before the next batch

	mu     sync.Mutex
	closed bool
	drops  uint32 // as read last: the kernel's counter wraps
	total  uint64
}

// message is struct mmsghdr of recvmmsg(2).
type message struct {
	header unix.Msghdr
	length uint32
}

func newSocket(conn *net.UDPConn, buffer spool.Size, log *slog.Logger) (*socket, error) {
	defer conn.Close() // and with it, its place in the poller
	s := &socket{at: localAddr(conn), payloads: make([]byte, batchSize*payloadRoom)}
	var err error
	if s.fd, err = duplicate(conn); err != nil {
		return nil, err
	}
	if s.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(s.fd)
		return nil, os.NewSyscallError("eventfd", err)
	}
	s.grow(int(buffer))
	warnBuffer(log, s.at, buffer, spool.Size(s.granted))
	for i := range s.messages {
		s.vectors[i].Base = &s.payloads[i*payloadRoom]
		s.vectors[i].SetLen(maxDatagram)
		header := &s.messages[i].header
		header.Iov = &s.vectors[i]
		header.SetIovlen(1)
		header.Name = &s.names[i][0]
		header.Namelen = uint32(len(s.names[i]))
	}
	return s, nil
}

func duplicate(conn *net.UDPConn) (fd int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	failed := raw.Control(func(of uintptr) { fd, err = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 0) })
	if failed != nil {
		return -1, failed
	}
	return fd, os.NewSyscallError("fcntl", err)
}

// grow asks for a receive buffer and reads back what was granted. The kernel
// doubles what is asked, for its bookkeeping (socket(7)).
func (s *socket) grow(size int) {
	read := func() int {
		n, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		if err != nil {
			return 0
		}
		return n / 2
	}
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) != nil && read() < size {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size) // seen by reading back
	}
	s.granted = read()
}

// A busy socket is left to fill up before the next batch, because a wake-up
// costs as much as several datagrams. Shorter pauses than minPause are not worth
// a timer's while; longer ones than maxPause would save nothing more.
const (
	minPause = 200 * time.Microsecond
	maxPause = 10 * time.Millisecond
)

// receive waits for datagrams until some come, the time is reached (zero: none)
// or stopWaiting is called, and returns how many there are, possibly 0.
func (s *socket) receive(until time.Time) (int, error) {
	if s.pause > 0 {
		time.Sleep(s.pause)
	}
	for {
		// It does not block, so Go's scheduler, whose watchman would take to
		// looking every 20 µs, need not know of it.
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.messages[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			s.judge(int(n), time.Now())
			return int(n), nil
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			s.pause = 0
			if ready, err := s.wait(until); !ready || err != nil {
				return 0, err
			}
		default:
			s.pause = 0
			return 0, os.NewSyscallError("recvmmsg", errno)
		}
	}
}

// judge decides how long to pause before the next batch, after n datagrams.
// There is a pause when all that were there have been taken and they come faster
// than 2,000 a second. It lasts so long that twice of what is to come meanwhile
// takes a quarter of the receive buffer at most.
func (s *socket) judge(n int, now time.Time) {
	s.pause = 0
	if s.taken += n; n == batchSize {
		return
	}
	passed := now.Sub(s.emptied)
	const (
		each = 2560 // bytes of receive buffer that a full datagram takes
		slow = time.Second / 2000
	)
	if passed > 0 && passed < time.Duration(s.taken)*slow {
		s.pause = min(time.Duration(s.granted/8/each)*(passed/time.Duration(s.taken)), maxPause)
		if s.pause < minPause {
			s.pause = 0
		}
	}
	s.emptied, s.taken = now, 0
}

// wait reports whether there is something to receive.
func (s *socket) wait(until time.Time) (bool, error) {
	for {
		var timeout *unix.Timespec
		if !until.IsZero() {
			rest := unix.NsecToTimespec(int64(max(time.Until(until), 0)))
			timeout = &rest
		}
		poll := [...]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}, {Fd: int32(s.stop), Events: unix.POLLIN}}
		n, err := unix.Ppoll(poll[:], timeout, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return false, os.NewSyscallError("ppoll", err)
		}
		return n > 0 && poll[1].Revents == 0, nil
	}
}

// get returns a datagram of the last batch. The payload is valid until the next
// receive.
func (s *socket) get(i int) (src netip.AddrPort, payload []byte) {
	name := &s.names[i]
	port := binary.BigEndian.Uint16(name[2:]) // in sockaddr_in and sockaddr_in6
	switch binary.NativeEndian.Uint16(name[:]) {
	case unix.AF_INET:
		src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(name[4:])), port)
	case unix.AF_INET6:
		src = netip.AddrPortFrom(netip.AddrFrom16([16]byte(name[8:])).Unmap(), port)
	}
	s.messages[i].header.Namelen = uint32(len(name)) // the kernel wrote its own
	return src, s.payloads[i*payloadRoom:][:s.messages[i].length]
}

// stopWaiting makes the present receive and all later ones return at once.
func (s *socket) stopWaiting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	_, _ = unix.Write(s.stop, binary.NativeEndian.AppendUint64(nil, 1))
}

// dropped is how many datagrams the kernel threw away since the socket was
// opened, because its buffer was full: the counter behind SO_RXQ_OVFL, read by
// SO_MEMINFO (Linux 4.12), which unlike that one needs no later datagram to
// bring the news.
func (s *socket) dropped() (n uint64, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return s.total, true
	}
	var info [9]uint32 // SK_MEMINFO_VARS; the last one is SK_MEMINFO_DROPS
	length := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&length)), 0)
	if errno != 0 || length < uint32(unsafe.Sizeof(info)) {
		return 0, false
	}
	s.total += uint64(info[8] - s.drops)
	s.drops = info[8]
	return s.total, true
}

func (s *socket) close() {
	s.dropped() // for those who ask later
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		unix.Close(s.fd)
		unix.Close(s.stop)
	}
}
