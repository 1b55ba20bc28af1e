package archive

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// HostPeers is whom a host talked with on a day.
type HostPeers struct {
	Host     netip.Addr
	Peers    uint64
	TopPeers []PeerUsage    // the biggest first, at most 10
	Services []ServiceUsage // the biggest first, at most 20
	set      []byte
}

// Set are all peers, sorted.
func (h *HostPeers) Set() ([]netip.Addr, error) { return PeerSet(nil, h.set) }

// Whole says that all peers and services are among the biggest.
func (h *HostPeers) Whole() bool {
	return h.Peers <= uint64(len(h.TopPeers)) && len(h.Services) < keptServices
}

// PeerUsage is a host's traffic with a peer.
type PeerUsage struct {
	Peer               netip.Addr
	UpBytes, DownBytes uint64
}

// ServiceUsage is a host's traffic of a protocol and port: the peers', or of a
// published server its own.
type ServiceUsage struct {
	Proto              uint8
	Port               uint16
	UpBytes, DownBytes uint64
}

// MarshalJSON writes [peer, up, down].
func (p PeerUsage) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{p.Peer, p.UpBytes, p.DownBytes})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *PeerUsage) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&p.Peer, &p.UpBytes, &p.DownBytes})
}

// MarshalJSON writes [protocol, port, up, down].
func (s ServiceUsage) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{s.Proto, s.Port, s.UpBytes, s.DownBytes})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *ServiceUsage) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&s.Proto, &s.Port, &s.UpBytes, &s.DownBytes})
}

const (
	keptPeers    = 10
	keptServices = 20
)

// DaysWithoutPeers are the days that are over, whose peers KeepPeers has yet to keep,
// the last first.
func (r Reader) DaysWithoutPeers(ctx context.Context, before Day) ([]Day, error) {
	s, err := r.a.readDayStates(ctx)
	if err != nil {
		return nil, err
	}
	expected, err := r.a.days(ctx, "SELECT day FROM day_tables WHERE key_state = 'off'")
	if err != nil {
		return nil, err
	}
	var days []Day
	for day, stamp := range s.stamps {
		if day.Before(before) && s.stored[day][1] != stamp && !s.unsettled[day] && !slices.Contains(expected, day) {
			days = append(days, day)
		}
	}
	slices.SortFunc(days, func(x, y Day) int { return y.Compare(x) })
	return days, nil
}

// HostPeers says of each host of a day whom it talked with.
func (r Reader) HostPeers(ctx context.Context, day Day) ([]HostPeers, error) {
	stored, hosts, err := r.PeersOf(ctx, day)
	if err == nil && stored {
		return r.a.storedPeers(ctx, day)
	}
	return hosts, err
}

// PeersOf says whether KeepPeers has kept a day, for EachHostPeers. If not, the hosts
// are found in the flows themselves, which takes some seconds for two million of them.
func (r Reader) PeersOf(ctx context.Context, day Day) (stored bool, hosts []HostPeers, err error) {
	s, err := r.a.readDayStates(ctx)
	if err != nil {
		return false, nil, err
	}
	if stamp := s.stamps[day]; stamp != "" && s.stored[day][1] == stamp {
		return true, nil, nil
	}
	if hosts, err = r.a.findPeers(ctx, day); err != nil {
		return false, nil, fmt.Errorf("peers of %s: %w", day, err)
	}
	return false, hosts, nil
}

// KeepPeers finds out whom the hosts of a day talked with, and keeps it. Somebody
// who is at it already is waited for.
func (a *Archive) KeepPeers(ctx context.Context, day Day) error {
	unlock, err := a.advisory(ctx, "peers", peersWait)
	if err != nil {
		return fmt.Errorf("keep peers of %s: %w", day, err)
	}
	defer unlock()
	s, err := a.readDayStates(ctx)
	if err != nil {
		return err
	}
	stamp := s.stamps[day]
	if s.moving || stamp == "" || s.stored[day][1] == stamp {
		return nil
	}
	hosts, err := a.findPeers(ctx, day)
	if err == nil {
		err = a.keepPeers(ctx, day, hosts, stamp)
	}
	if err != nil {
		return fmt.Errorf("keep peers of %s: %w", day, err)
	}
	return nil
}

// peersWait is how long one who keeps peers waits for another.
const peersWait = 10 * time.Second

func (a *Archive) storedPeers(ctx context.Context, day Day) (hosts []HostPeers, err error) {
	err = a.Reader().EachHostPeers(ctx, []Day{day}, func(h *HostPeers) error {
		kept := *h
		kept.set = slices.Clone(h.set)
		hosts = append(hosts, kept)
		return nil
	})
	return hosts, err
}

// EachHostPeers calls each with whom hosts talked with on days that KeepPeers has
// kept, of one host after the other, until it returns an error. Set is valid until
// each returns.
func (r Reader) EachHostPeers(ctx context.Context, days []Day, each func(*HostPeers) error) error {
	if len(days) == 0 {
		return nil
	}
	args := make([]any, len(days))
	for i, day := range days {
		args[i] = day
	}
	rows, err := r.a.db.QueryContext(ctx, "SELECT host, peers, peer_set, top_peers, services FROM host_day_peers WHERE day IN (?"+strings.Repeat(", ?", len(days)-1)+") ORDER BY host", args...)
	if err != nil {
		return wrap("read peers", err)
	}
	defer rows.Close()
	var address, set, peers, services sql.RawBytes
	for rows.Next() {
		var h HostPeers
		if err := rows.Scan(&address, &h.Peers, &set, &peers, &services); err != nil {
			return wrap("read peers", err)
		}
		var ok bool
		if h.Host, ok = netip.AddrFromSlice(address); !ok {
			return fmt.Errorf("read peers: an address of %d bytes", len(address))
		}
		h.set = set
		if err := json.Unmarshal(peers, &h.TopPeers); err != nil {
			return fmt.Errorf("read peers: %w", err)
		}
		if err := json.Unmarshal(services, &h.Services); err != nil {
			return fmt.Errorf("read peers: %w", err)
		}
		if err := each(&h); err != nil {
			return err
		}
	}
	return wrap("read peers", rows.Err())
}

// keepPeers stores what was found, and marks it when it is all there.
func (a *Archive) keepPeers(ctx context.Context, day Day, hosts []HostPeers, stamp string) error {
	if err := a.exec(ctx, "unmark day", "INSERT INTO day_states (day) VALUES (?) ON DUPLICATE KEY UPDATE peers_stamp = ''", day); err != nil {
		return err
	}
	if err := a.exec(ctx, "empty day", "DELETE FROM host_day_peers WHERE day = ?", day); err != nil {
		return err
	}
	for rest := hosts; len(rest) > 0; {
		const most = 4 << 20 // bytes a statement; servers take 16 MB at least
		var args []any
		n, size := 0, 0
		for n < len(rest) && n < 2000 && size < most {
			h := &rest[n]
			peers, err := json.Marshal(h.TopPeers)
			if err != nil {
				return err
			}
			services, err := json.Marshal(h.Services)
			if err != nil {
				return err
			}
			args = append(args, day, h.Host.AsSlice(), h.Peers, h.set, peers, services)
			size += len(h.set) + len(peers) + len(services)
			n++
		}
		values := slices.Repeat([]byte(", (?, ?, ?, ?, ?, ?)"), n)[2:]
		if err := a.exec(ctx, "keep peers", "INSERT INTO host_day_peers (day, host, peers, peer_set, top_peers, services) VALUES "+string(values), args...); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return a.markDay(ctx, day, "peers_stamp", stamp)
}

// biggest sorts by bytes, and what has as many by order, and keeps the first n.
func biggest[T any](list []T, n int, bytes func(T) uint64, order func(a, b T) int) []T {
	slices.SortFunc(list, func(a, b T) int {
		return cmp.Or(cmp.Compare(bytes(b), bytes(a)), order(a, b))
	})
	return slices.Clone(list[:min(n, len(list))])
}
