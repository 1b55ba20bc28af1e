package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"nfacct/archive"
)

// readPeers reads whom the hosts talked with. Over several days the peers are
// counted exactly, and the biggest are the biggest of the days' biggest, which TopsAtLeast says.
func (q *question) readPeers(ctx context.Context) error {
	sets := map[netip.Addr][]netip.Addr{}
	peers := map[netip.Addr]map[netip.Addr]archive.PeerUsage{}
	services := map[netip.Addr]map[[2]uint16]archive.ServiceUsage{}
	single := q.Period.Days == 1
	for day := q.Period.From; !q.Period.To.Before(day); day = day.Add(1) {
		hosts, err := q.archive.HostPeers(ctx, day)
		if errors.Is(err, archive.ErrBusy) { // so will be the days after it
			for ; !q.Period.To.Before(day); day = day.Add(1) {
				q.busy = append(q.busy, day)
			}
			break
		}
		if err != nil {
			return err
		}
		for i := range hosts {
			found := &hosts[i]
			h := q.byAddr[found.Host]
			switch {
			case h == nil:
				continue
			case single:
				h.Peers = found.Peers
				q.setTop(h, found.TopPeers, found.Services)
				continue
			}
			q.u.TopsAtLeast = q.u.TopsAtLeast || !found.Whole()
			set, err := found.Set()
			if err != nil {
				return fmt.Errorf("%s of %s: %w", found.Host, day, err)
			}
			sets[found.Host] = union(sets[found.Host], set)
			if peers[found.Host] == nil {
				peers[found.Host], services[found.Host] = map[netip.Addr]archive.PeerUsage{}, map[[2]uint16]archive.ServiceUsage{}
			}
			for _, p := range found.TopPeers {
				sum := peers[found.Host][p.Peer]
				peers[found.Host][p.Peer] = archive.PeerUsage{Peer: p.Peer, UpBytes: sum.UpBytes + p.UpBytes, DownBytes: sum.DownBytes + p.DownBytes}
			}
			for _, s := range found.Services {
				key := [2]uint16{uint16(s.Proto), s.Port}
				sum := services[found.Host][key]
				services[found.Host][key] = archive.ServiceUsage{Proto: s.Proto, Port: s.Port, UpBytes: sum.UpBytes + s.UpBytes, DownBytes: sum.DownBytes + s.DownBytes}
			}
		}
	}
	for addr, set := range sets {
		h := q.byAddr[addr]
		h.Peers = uint64(len(set))
		var topPeers []archive.PeerUsage
		for _, p := range peers[addr] {
			topPeers = append(topPeers, p)
		}
		slices.SortFunc(topPeers, func(a, b archive.PeerUsage) int {
			return cmp.Or(cmp.Compare(b.UpBytes+b.DownBytes, a.UpBytes+a.DownBytes), a.Peer.Compare(b.Peer))
		})
		var topServices []archive.ServiceUsage
		for _, s := range services[addr] {
			topServices = append(topServices, s)
		}
		slices.SortFunc(topServices, func(a, b archive.ServiceUsage) int {
			return cmp.Or(cmp.Compare(b.UpBytes+b.DownBytes, a.UpBytes+a.DownBytes), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
		})
		q.setTop(h, topPeers, topServices)
	}
	return nil
}

// setTop keeps as many of the biggest as are to be shown.
func (q *question) setTop(h *Host, peers []archive.PeerUsage, services []archive.ServiceUsage) {
	for _, p := range peers[:min(len(peers), q.cfg.TopPeers)] {
		h.TopPeers = append(h.TopPeers, Peer{Peer: p.Peer.String(), UpBytes: p.UpBytes, DownBytes: p.DownBytes})
	}
	for _, s := range services[:min(len(services), q.cfg.TopServices)] {
		h.TopServices = append(h.TopServices, Service{Proto: s.Proto, Port: s.Port, Name: serviceName(s.Proto, s.Port), UpBytes: s.UpBytes, DownBytes: s.DownBytes})
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
