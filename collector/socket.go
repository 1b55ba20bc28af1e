package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"syscall"

	"nfacct/collector/spool"
)

// listen opens the sockets of the configuration.
func listen(cfg *Config, log *slog.Logger) ([]*socket, error) {
	var sockets []*socket
	fail := func(err error) ([]*socket, error) {
		for _, s := range sockets {
			s.close()
		}
		return nil, err
	}
	for _, address := range cfg.Listen {
		share := cfg.Sockets
		if share > 1 && !canShare {
			log.Warn("this system cannot spread datagrams over several sockets: one is used", "listen", address, "sockets", share)
			share = 1
		}
		if share > 1 {
			// Sockets that share an address would also share it with another
			// program of the same user, and each would see half of the exporters.
			// A socket that does not share finds out.
			probe, err := listenOne(address, false)
			if err != nil {
				return fail(err)
			}
			address = probe.LocalAddr().String() // of port 0, the one that was chosen
			probe.Close()
		}
		for range share {
			conn, err := listenOne(address, share > 1)
			if err != nil {
				return fail(err)
			}
			s, err := newSocket(conn, cfg.ReceiveBuffer, log)
			if err != nil {
				return fail(fmt.Errorf("receive at %s: %w", address, err))
			}
			sockets = append(sockets, s)
		}
	}
	return sockets, nil
}

func listenOne(address string, share bool) (*net.UDPConn, error) {
	var config net.ListenConfig
	if share {
		config.Control = func(_, _ string, raw syscall.RawConn) error {
			var err error
			if failed := raw.Control(func(fd uintptr) { err = setShare(int(fd)) }); failed != nil {
				return failed
			}
			return err
		}
	}
	conn, err := config.ListenPacket(context.Background(), "udp", address)
	if err != nil {
		return nil, explain(address, err)
	}
	return conn.(*net.UDPConn), nil
}

// explain says what a person can do about an address that cannot be had.
func explain(address string, err error) error {
	var reason error = err
	if sys := syscall.Errno(0); errors.As(err, &sys) {
		reason = sys
	}
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		who := fmt.Sprintf("ss -lunp 'sport = :%s'", port)
		if runtime.GOOS != "linux" {
			who = fmt.Sprintf("sockstat -l -P udp -p %s", port)
		}
		return fmt.Errorf("receive at %s: %w: another collector holds it (nfacct itself, nfcapd, flow-capture, nfacctd?); `%s` as root names it", address, reason, who)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("receive at %s: %w: no interface of this machine has that address (yet?); \":%s\" receives at all of them", address, reason, port)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("receive at %s: %w: ports below 1024 are root's; choose a higher one", address, reason)
	}
	return fmt.Errorf("receive at %s: %w", address, reason)
}

// warnBuffer says what to do when the kernel grants less receive buffer than
// was asked for.
func warnBuffer(log *slog.Logger, at netip.AddrPort, asked, granted spool.Size) {
	if granted >= asked {
		return
	}
	remedy := fmt.Sprintf("sysctl -w net.core.rmem_max=%d (to keep it: in /etc/sysctl.d/nfacct.conf), or start with CAP_NET_ADMIN, or ask for less with collector.receive_buffer", asked)
	if runtime.GOOS != "linux" {
		// The BSDs count bookkeeping into the limit: sbreserve grants 8/9 of it.
		remedy = fmt.Sprintf("sysctl kern.ipc.maxsockbuf=%d (to keep it: in /etc/sysctl.conf), or ask for less with collector.receive_buffer", asked*5/4)
	}
	log.Warn("receive buffer is smaller than asked: bursts of datagrams may be lost", "listen", at, "asked", asked, "granted", granted, "remedy", remedy)
}

// localAddr is a socket's own address, never an IPv4-mapped one.
func localAddr(conn *net.UDPConn) netip.AddrPort {
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
