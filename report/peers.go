package report

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"nfacct/archive"
)

// readPeers reads whom the hosts talked with. Over several days the peers are
// counted exactly, and the biggest are the biggest of the days' biggest, which TopsAtLeast says.
func (q *question) readPeers(ctx context.Context) error {
	var stored []archive.Day
	loose := map[netip.Addr][]*archive.HostPeers{} // of days that could not be stored
	for day := q.Period.From; !q.Period.To.Before(day); day = day.Add(1) {
		is, hosts, err := q.archive.Reader().PeersOf(ctx, day)
		if errors.Is(err, archive.ErrBusy) { // so will be the days after it
			for ; !q.Period.To.Before(day); day = day.Add(1) {
				q.busy = append(q.busy, day)
			}
			break
		}
		if err != nil {
			return err
		}
		if is {
			stored = append(stored, day)
		}
		for i := range hosts {
			loose[hosts[i].Host] = append(loose[hosts[i].Host], &hosts[i])
		}
	}
	var p peering
	finish := func() error {
		for _, found := range loose[p.host] {
			if err := q.addPeers(&p, found); err != nil {
				return err
			}
		}
		delete(loose, p.host)
		q.keepPeers(&p)
		return nil
	}
	err := q.archive.Reader().EachHostPeers(ctx, stored, func(found *archive.HostPeers) error {
		if found.Host != p.host && p.host.IsValid() {
			if err := finish(); err != nil {
				return err
			}
		}
		return q.addPeers(&p, found)
	})
	if err == nil && p.host.IsValid() {
		err = finish()
	}
	for _, host := range slices.SortedFunc(maps.Keys(loose), netip.Addr.Compare) {
		if err == nil {
			p = peering{host: host}
			err = finish()
		}
	}
	return err
}

// peering is whom a host talked with.
type peering struct {
	host     netip.Addr
	count    uint64 // of a single day
	set      []netip.Addr
	peers    []archive.PeerUsage
	services []archive.ServiceUsage
}

// addPeers adds a day of a host.
func (q *question) addPeers(p *peering, found *archive.HostPeers) error {
	if p.host = found.Host; q.hosts.of(p.host) == nil {
		return nil
	}
	if q.Period.Days == 1 {
		p.count, p.peers, p.services = found.Peers, found.TopPeers, found.Services
		return nil
	}
	q.u.TopsAtLeast = q.u.TopsAtLeast || !found.Whole()
	set, err := found.Set()
	if err != nil {
		return fmt.Errorf("peers of %s: %w", found.Host, err)
	}
	p.set = union(p.set, set)
	for _, one := range found.TopPeers {
		at := slices.IndexFunc(p.peers, func(sum archive.PeerUsage) bool { return sum.Peer == one.Peer })
		if at < 0 {
			p.peers = append(p.peers, one)
			continue
		}
		p.peers[at].UpBytes = plus(p.peers[at].UpBytes, one.UpBytes)
		p.peers[at].DownBytes = plus(p.peers[at].DownBytes, one.DownBytes)
	}
	for _, one := range found.Services {
		at := slices.IndexFunc(p.services, func(sum archive.ServiceUsage) bool { return sum.Proto == one.Proto && sum.Port == one.Port })
		if at < 0 {
			p.services = append(p.services, one)
			continue
		}
		p.services[at].UpBytes = plus(p.services[at].UpBytes, one.UpBytes)
		p.services[at].DownBytes = plus(p.services[at].DownBytes, one.DownBytes)
	}
	return nil
}

// keepPeers keeps what is to be shown of a host that is over.
func (q *question) keepPeers(p *peering) {
	t := q.hosts.of(p.host)
	if t != nil {
		t.peers = max(p.count, uint64(len(p.set)))
		slices.SortFunc(p.peers, func(a, b archive.PeerUsage) int {
			return cmp.Or(cmp.Compare(b.UpBytes+b.DownBytes, a.UpBytes+a.DownBytes), a.Peer.Compare(b.Peer))
		})
		slices.SortFunc(p.services, func(a, b archive.ServiceUsage) int {
			return cmp.Or(cmp.Compare(b.UpBytes+b.DownBytes, a.UpBytes+a.DownBytes), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
		})
		q.packTops(t, p.peers[:min(len(p.peers), q.cfg.TopPeers)], p.services[:min(len(p.services), q.cfg.TopServices)])
	}
	*p = peering{}
}

// packTops keeps a host's biggest peers and services as numbers: how many services,
// four of each, and then of each peer whether it is of IPv4, two halves of its
// address and two counters.
func (q *question) packTops(t *tally, peers []archive.PeerUsage, services []archive.ServiceUsage) {
	if len(peers)+len(services) == 0 {
		return
	}
	numbers := []uint64{uint64(len(services))}
	for _, s := range services {
		numbers = append(numbers, uint64(s.Proto), uint64(s.Port), s.UpBytes, s.DownBytes)
	}
	for _, p := range peers {
		var four uint64
		if p.Peer.Is4() {
			four = 1
		}
		address := p.Peer.As16()
		numbers = append(numbers, four, binary.BigEndian.Uint64(address[:8]), binary.BigEndian.Uint64(address[8:]), p.UpBytes, p.DownBytes)
	}
	t.tops = q.hosts.pack(numbers)
}

// makeTops gives a host its biggest peers and services.
func (q *question) makeTops(h *Host, t *tally) {
	numbers := q.hosts.unpack(t.tops)
	if numbers == nil {
		return
	}
	services := numbers[1 : 1+4*numbers[0]]
	for ; len(services) > 0; services = services[4:] {
		proto, port := uint8(services[0]), uint16(services[1])
		h.TopServices = append(h.TopServices, Service{Proto: proto, Port: port, Name: serviceName(proto, port), UpBytes: services[2], DownBytes: services[3]})
	}
	for peers := numbers[1+4*numbers[0]:]; len(peers) > 0; peers = peers[5:] {
		var address [16]byte
		binary.BigEndian.PutUint64(address[:8], peers[1])
		binary.BigEndian.PutUint64(address[8:], peers[2])
		peer := netip.AddrFrom16(address)
		if peers[0] == 1 {
			peer = peer.Unmap()
		}
		h.TopPeers = append(h.TopPeers, Peer{Peer: peer.String(), UpBytes: peers[3], DownBytes: peers[4]})
	}
}

// union merges two sorted lists, each address once.
func union(a, b []netip.Addr) []netip.Addr {
	if len(a) == 0 {
		return b
	}
	out := make([]netip.Addr, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].Compare(b[0]); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}
