package routeros_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"nfacct/routeros"
)

// deafPort is a port at which the kernel drops every SYN, as a firewall does: its
// queue of connections, which nobody accepts, is full.
func deafPort(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(name.(*syscall.SockaddrInet4).Port)).String()
	one, err := net.Dial("tcp", at) // a queue of 0 takes one
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { one.Close() })
	return at
}

// A connection that is never answered ends at its own deadline, or at that of the
// router, with what to look at.
func TestNoAnswerToSYN(t *testing.T) {
	at := deafPort(t)
	const remedy = "see whether the router is on, and whether a firewall between lets TCP through to 127.0.0.1:"
	for _, api := range []string{"api", "api-ssl"} {
		cfg := routeros.Config{Name: "gw-1", Address: at, API: api, Fingerprint: strings.Repeat("00", 32), PasswordFile: passwordFile(t, secret)}
		for name, c := range map[string]struct {
			timeout, limit time.Duration
			want           string
			heals          bool
		}{
			"its own":      {100 * time.Millisecond, time.Hour, "connect to " + at + ": no answer within 100ms", true},
			"the router's": {time.Hour, 100 * time.Millisecond, "connect to " + at + ": no answer in the time that one router may take", false},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), c.limit)
			cfg.Timeout = c.timeout
			_, err := routeros.Dial(ctx, cfg, quiet())
			var e *routeros.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(e.Remedy, remedy) || e.Heals != c.heals {
				t.Errorf("%s, %s: %v", api, name, err)
			}
			cancel()
		}
	}
}
