package provision

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/collector"
	"nfacct/collector/flow"
)

// heard is a datagram of an exporter, as a Listener heard it.
type heard struct {
	addr    netip.Addr
	version string
	at      time.Time
	refused bool // of an address that no router has
}

// Listener hears what arrives: through the collector that runs, by its status file,
// or when none runs by sockets of its own.
type Listener struct {
	cfg     *config.Config
	sockets []net.PacketConn
	running bool // a collector hears
	// Deaf says why not all can be heard, by address.
	Deaf []string

	mu    sync.Mutex
	last  map[netip.Addr]heard
	group sync.WaitGroup
}

// Listen begins to hear, before anything is written that is to be heard of. Where only
// some of the collector's addresses can be listened at, those do, since routers may
// send there; a caller warns of the others.
func Listen(cfg *config.Config) *Listener {
	e := &Listener{cfg: cfg, last: map[netip.Addr]heard{}}
	var s collector.Saved
	if err := collector.ReadStatus(cfg.State, &s); err == nil && s.Running && !s.Silent(time.Now()) {
		e.running = true
		return e
	}
	for _, address := range cfg.Collector.Listen {
		socket, err := net.ListenPacket("udp", address)
		if err != nil {
			problem := fmt.Sprintf("no collector of this configuration runs, and %s cannot be listened at: %v", address, brief(err))
			if errors.Is(err, syscall.EADDRINUSE) {
				problem = fmt.Sprintf("something else listens at UDP %s: a collector with another state folder?", address)
			}
			e.Deaf = append(e.Deaf, problem)
			continue
		}
		e.sockets = append(e.sockets, socket)
		e.group.Go(func() { e.listen(socket) })
	}
	return e
}

// brief is an error of the network without its addresses, which are said already.
func brief(err error) error {
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}

// listen notes exporters and their versions until the socket is closed.
func (e *Listener) listen(socket net.PacketConn) {
	known := stages.Exporters(e.cfg)
	buffer := make([]byte, 64<<10)
	for {
		n, from, err := socket.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		udp, ok := from.(*net.UDPAddr)
		if err != nil || !ok || n < 2 {
			continue
		}
		version := flow.Version(binary.BigEndian.Uint16(buffer))
		if version != flow.V5 && version != flow.V9 && version != flow.IPFIX {
			continue
		}
		addr := udp.AddrPort().Addr().Unmap()
		e.mu.Lock()
		if len(e.last) < 10_000 {
			e.last[addr] = heard{addr: addr, version: version.String(), at: time.Now(), refused: known[addr] == ""}
		}
		e.mu.Unlock()
	}
}

// Hears says whether it hears by sockets of its own.
func (e *Listener) Hears() bool { return len(e.sockets) > 0 }

// Close ends it.
func (e *Listener) Close() {
	for _, socket := range e.sockets {
		socket.Close()
	}
	e.group.Wait()
}

// heard lists the exporters that were heard, each with its last datagram.
func (e *Listener) heard() []heard {
	var list []heard
	if e.running {
		var s collector.Saved
		if err := collector.ReadStatus(e.cfg.State, &s); err != nil {
			return nil
		}
		for _, x := range s.Exporters {
			list = append(list, heard{addr: x.Address, version: strings.Join(x.Versions, " "), at: x.Received})
		}
		for _, x := range s.Refused {
			list = append(list, heard{addr: x.Address, at: x.Last, refused: true})
		}
		return list
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.last {
		list = append(list, h)
	}
	return list
}

// recent is how old a datagram may be to prove that a router exports that was
// left as it was.
const recent = 5 * time.Minute

// Await waits until the router has been heard, when it is as wanted.
func (r *Result) Await(ctx context.Context, cfg *config.Config, e *Listener, wait time.Duration) {
	if r.State != Written && r.State != Unchanged {
		return
	}
	deaf := !e.running && len(e.sockets) == 0
	until := time.Now().Add(wait)
	ticks := time.NewTicker(200 * time.Millisecond)
	defer ticks.Stop()
	for {
		list := e.heard()
		if r.Datagram = r.hear(exportOf(cfg, r.Router), list); r.Datagram != nil {
			return
		}
		if deaf || ctx.Err() != nil || time.Now().After(until) {
			r.State, r.Check = Silent, r.suspects(cfg, list)
			r.Check = slices.Insert(r.Check, 0, e.Deaf...)
			return
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
}

func exportOf(cfg *config.Config, router string) []netip.Addr {
	at := slices.IndexFunc(cfg.Routers, func(r config.Router) bool { return r.Name == router })
	return cfg.Routers[at].Export
}

// hear finds the first datagram of the router since it was written to.
func (r *Result) hear(export []netip.Addr, list []heard) *Datagram {
	for _, h := range list {
		if h.refused || !slices.Contains(export, h.addr) {
			continue
		}
		d := &Datagram{Exporter: h.addr.String(), Version: h.version}
		switch {
		case r.wrote.IsZero() && time.Since(h.at) < recent:
			return d
		case !r.wrote.IsZero() && h.at.After(r.wrote):
			d.After = max(h.at.Sub(r.wrote).Seconds(), 0.001)
			return d
		}
	}
	return nil
}

// suspects are the likely causes when a router stays silent, most likely first.
func (r *Result) suspects(cfg *config.Config, list []heard) []string {
	to := r.wanted.Collector
	var checks []string
	for _, h := range list {
		if h.refused && time.Since(h.at) < recent {
			checks = append(checks, fmt.Sprintf("datagrams come from %s, which is in no export list: if that is %s, write export = [%q] to it", h.addr, r.Router, h.addr))
		}
	}
	if !ownAddress(to.Addr()) {
		checks = append(checks, fmt.Sprintf("%s is no address of this machine: unless it is translated on the way, set provision.collector", to.Addr()))
	}
	checks = append(checks, fmt.Sprintf("the router's clock and its route here: /system clock print; /ip route check %s", to.Addr()))
	if !r.wanted.Source.IsValid() {
		checks = append(checks, "src-address is left to the router, and some send from 0.0.0.0 then, which this machine drops: put the router's own address into export and provision again")
	}
	listens := strings.Join(cfg.Collector.Listen, " ")
	return append(checks,
		fmt.Sprintf("a firewall: UDP port %d has to come in here (nft list ruleset), and the router's output chain has to let it out", to.Port()),
		fmt.Sprintf("the target: the router sends to %s, and the collector listens at %s", to, listens),
		fmt.Sprintf("nothing passes the interfaces %s: /interface monitor-traffic shows it; and flows come only after the inactive timeout of %s", strings.Join(r.wanted.Interfaces, ","), r.wanted.InactiveTimeout),
	)
}

// ownAddress says whether this machine has the address.
func ownAddress(addr netip.Addr) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true // not known
	}
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && prefix.Addr().Unmap() == addr
	})
}
