package collector

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPause: how long a socket is left alone after what it has brought.
func TestPause(t *testing.T) {
	for _, test := range []struct {
		name    string
		granted int
		passed  time.Duration
		batches []int
		want    time.Duration
	}{
		{"idle", 32 << 20, time.Minute, []int{1}, 0},
		{"1,900 a second", 32 << 20, time.Second, []int{19}, 0},
		{"10,000 a second", 32 << 20, 10 * time.Millisecond, []int{100}, maxPause},
		{"60,000 a second", 32 << 20, 10 * time.Millisecond, []int{128, 128, 128, 128, 88}, maxPause},
		{"not emptied yet", 32 << 20, 10 * time.Millisecond, []int{128, 128}, 0},
		{"10,000 a second, small buffer", 212_992, 10 * time.Millisecond, []int{100}, time.Millisecond},
		{"60,000 a second, small buffer", 212_992, time.Millisecond, []int{60}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			start := time.Now()
			s := &socket{granted: test.granted, emptied: start}
			for _, n := range test.batches {
				s.judge(n, start.Add(test.passed))
			}
			if s.pause.Round(time.Millisecond) != test.want {
				t.Errorf("pause of %v, want %v", s.pause, test.want)
			}
		})
	}
}

// TestNotInPoller: Go's network poller must not know of the socket, for then
// every datagram would wake it.
func TestNotInPoller(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	known := func(fd int) bool {
		var stat unix.Stat_t
		if err := unix.Fstat(fd, &stat); err != nil {
			t.Fatal(err)
		}
		for _, line := range pollers(t) {
			if strings.Contains(line, fmt.Sprintf(" ino:%x ", stat.Ino)) {
				return true
			}
		}
		return false
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if !known(int(fd)) {
			t.Error("this test cannot see what the poller knows")
		}
	}); err != nil {
		t.Fatal(err)
	}
	s, err := newSocket(conn, 1<<20, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if known(s.fd) {
		t.Error("the socket is in the network poller")
	}
}

// pollers are the entries of this process's epoll instances, see proc(5).
func pollers(t *testing.T) (lines []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if target, err := os.Readlink(name); err != nil || target != "anon_inode:[eventpoll]" {
			continue
		}
		text, err := os.ReadFile("/proc/self/fdinfo/" + filepath.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Split(string(text), "\n")...)
	}
	return lines
}
