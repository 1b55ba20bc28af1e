//go:build !linux

package collector

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"nfacct/collector/spool"
)

// batchSize: here each system call takes one datagram.
const batchSize = 1

// socket receives datagrams one by one, as every system can.
type socket struct {
	at      netip.AddrPort
	conn    *net.UDPConn
	granted int // bytes of receive buffer, 0 unknown
	src     netip.AddrPort
	payload []byte
	length  int
	stopped atomic.Bool
}

func newSocket(conn *net.UDPConn, buffer spool.Size, log *slog.Logger) (*socket, error) {
	s := &socket{at: localAddr(conn), conn: conn, payload: make([]byte, maxDatagram)}
	// The BSDs refuse what exceeds the limit instead of granting less.
	for size := int(buffer); size >= 64<<10; size /= 2 {
		if conn.SetReadBuffer(size) == nil {
			s.granted = size
			break
		}
	}
	warnBuffer(log, s.at, buffer, spool.Size(s.granted))
	return s, nil
}

// receive waits for a datagram until one comes, the time is reached (zero:
// none) or stopWaiting is called, and returns 1 or 0.
func (s *socket) receive(until time.Time) (int, error) {
	if err := s.conn.SetReadDeadline(until); err != nil {
		return 0, err
	}
	if s.stopped.Load() {
		// Looked at after the deadline was set: a later stop moves it again. What
		// has come until now is still taken.
		if err := s.conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return 0, err
		}
	}
	n, _, _, src, err := s.conn.ReadMsgUDPAddrPort(s.payload, nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	s.length = n
	s.src = netip.AddrPortFrom(src.Addr().Unmap().WithZone(""), src.Port())
	return 1, nil
}

// get returns the datagram. The payload is valid until the next receive.
func (s *socket) get(int) (src netip.AddrPort, payload []byte) {
	return s.src, s.payload[:s.length]
}

// stopWaiting makes the present receive and all later ones return at once.
func (s *socket) stopWaiting() {
	s.stopped.Store(true)
	_ = s.conn.SetReadDeadline(time.Unix(1, 0))
}

// dropped: these systems do not say it of a single socket.
func (s *socket) dropped() (n uint64, known bool) { return 0, false }

func (s *socket) close() { s.conn.Close() }
