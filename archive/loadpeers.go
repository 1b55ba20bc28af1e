package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Whom hosts talk with is summed while their rows are loaded, as findPeers sums
// what it reads: adding a row here takes a third of a microsecond, reading it by the
// key of days six, and a day that has all its files from one session need not be
// read at all. What was summed is kept only if it is as much as the day's books
// say that is loaded: a day that has files from before, or that a load of was given up,
// is left to findPeers.

// maxPairs bounds what is held of all days: about 60 bytes for each pair of host and
// peer.
const maxPairs = 3 << 20

// dayPairs are the sums of a day, for as long as it is loaded.
type dayPairs struct {
	*pairs  // nil: given up
	session *session
	loaded  Loaded // what was added
	used    uint64 // when a load last began with the day
}

// add adds a row that makes so many of the table.
func (d *dayPairs) add(r *Row, rows uint64) {
	if d.pairs == nil {
		return
	}
	before := len(d.byPeer)
	if d.session.held >= d.session.most {
		d.session.held -= before
		d.pairs = nil
		return
	}
	d.loaded.Counts = d.loaded.Plus(Counts{r.Flows, plus(r.UpBytes, r.DownBytes)})
	d.loaded.Rows += rows
	var host, peer [16]byte
	d.pairs.add(addressBytes(&host, r.Host), addressBytes(&peer, r.Peer), servicePort(uint64(r.HostPort), uint64(r.PeerPort)), uint64(r.Proto), r.UpBytes, r.DownBytes)
	d.session.held += len(d.byPeer) - before
}

// addressBytes are the 4 or 16 bytes of an address, which need no memory of their own.
func addressBytes(dst *[16]byte, addr netip.Addr) []byte {
	*dst = addr.As16()
	if addr.Is4() {
		return dst[12:]
	}
	return dst[:]
}

// take ends the sums of a day, of which any row that comes yet would be without those before it.
func (s *session) take(day Day) *dayPairs {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.pairs[day]
	s.pairs[day] = &dayPairs{}
	if d == nil {
		return s.pairs[day]
	}
	if d.pairs != nil {
		s.held -= len(d.byPeer)
	}
	return d
}

// summing returns the sums of a day that a load begins with.
func (s *session) summing(day Day) *dayPairs {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.pairs[day]
	if d == nil {
		d = &dayPairs{pairs: newPairs(), session: s}
		s.pairs[day] = d
	}
	s.begun++
	d.used = s.begun
	return d
}

// renew forgets what was summed of a day that is loaded again from its beginning.
func (s *session) renew(day Day) {
	s.take(day)
	s.mu.Lock()
	delete(s.pairs, day)
	s.mu.Unlock()
}

// keepLoaded keeps what was summed of the days that are not among the busy ones,
// those that were longest not loaded first, until at most so many pairs are held.
func (a *Archive) keepLoaded(ctx context.Context, most int, busy ...Day) error {
	s := &a.session
	s.mu.Lock()
	held := s.held
	days := slices.DeleteFunc(slices.Collect(maps.Keys(s.pairs)), func(day Day) bool {
		return s.pairs[day].pairs == nil || slices.Contains(busy, day)
	})
	slices.SortFunc(days, func(x, y Day) int { return cmp.Compare(s.pairs[x].used, s.pairs[y].used) })
	s.mu.Unlock()
	if held <= most || len(days) == 0 {
		return nil
	}
	states, err := a.readDayStates(ctx)
	if err != nil {
		return err
	}
	for _, day := range days {
		if held <= most {
			break
		}
		d := s.take(day)
		held -= len(d.byPeer)
		if err := a.keepDay(ctx, day, d, states.stamps[day]); err != nil {
			return fmt.Errorf("%s: %w", day, err)
		}
	}
	return nil
}

// keepDay keeps the sums of a day if they are of all that its books hold.
func (a *Archive) keepDay(ctx context.Context, day Day, d *dayPairs, stamp string) error {
	if stamp == "" {
		return nil
	}
	var booked Loaded
	err := a.db.QueryRowContext(ctx, "SELECT "+sumOf("loaded_records")+", "+sumOf("loaded_bytes")+", "+sumOf("loaded_rows")+`
FROM books JOIN imports ON imports.id = import WHERE state = 'loaded' AND day = ?`, day).Scan(&booked.Records, &booked.Bytes, &booked.Rows)
	if err != nil {
		return wrap("read books", err)
	}
	if booked != d.loaded {
		return nil
	}
	hosts, err := d.result()
	if err != nil {
		return err
	}
	unlock, err := a.advisory(ctx, "peers", peersWait)
	if errors.Is(err, ErrLocked) {
		return nil // somebody keeps what was read of a day before
	}
	if err != nil {
		return err
	}
	defer unlock()
	return a.keepPeers(ctx, day, hosts, stamp)
}
