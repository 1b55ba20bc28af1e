package daemon

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// manager listens as a service manager does.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return conn
}

// heard is the next word to the manager; empty when there is none for so long.
func heard(t *testing.T, conn *net.UnixConn, wait time.Duration) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4096)
	n, _ := conn.Read(b)
	return string(b[:n])
}

// The watchdog is fed as long as the daemon lives, and not when a part of it hangs.
func TestWatchdog(t *testing.T) {
	conn := manager(t)
	t.Setenv("WATCHDOG_USEC", "400000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	var hangs atomic.Bool
	since := time.Now().Add(-time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Notifier{Log: slog.New(slog.DiscardHandler)}.Watchdog(ctx, func() time.Time {
			if hangs.Load() {
				return since
			}
			return time.Now()
		})
	}()
	for range 3 {
		if word := heard(t, conn, 10*time.Second); word != "WATCHDOG=1" {
			t.Fatalf("%q", word)
		}
	}
	hangs.Store(true)
	for heard(t, conn, 300*time.Millisecond) != "" { // one may be on its way
	}
	if word := heard(t, conn, 500*time.Millisecond); word != "" {
		t.Errorf("fed while a part hangs: %q", word)
	}
	cancel()
	<-ended
}

// What systemd wants of a reload; and a manager that reads nothing holds nothing up.
func TestNotifier(t *testing.T) {
	conn := manager(t)
	n := Notifier{Log: slog.New(slog.DiscardHandler)}
	n.Reloading()
	n.Ready()
	word := heard(t, conn, 5*time.Second)
	if !strings.HasPrefix(word, "RELOADING=1\nMONOTONIC_USEC=") || heard(t, conn, 5*time.Second) != "READY=1" {
		t.Errorf("%q", word)
	}
	began := time.Now()
	for range 1000 { // the queue of a socket takes a dozen or so
		if err := send(os.Getenv("NOTIFY_SOCKET"), "STATUS=x"); err != nil {
			break
		}
	}
	if took := time.Since(began); took < time.Second || took > 10*time.Second {
		t.Errorf("given up after %v", took)
	}
}
