package importer

import (
	"net/netip"
	"slices"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// hold lets the sets of the datagram just read wait that had no template.
func (s *source) hold(router int) error {
	for i, u := range s.decoder.Unread() {
		s.held.missing++
		if i >= maxHeldOf {
			if err := s.leave(router, &u); err != nil {
				return err
			}
			continue
		}
		if err := s.held.keep(router, &u, s.leave); err != nil {
			return err
		}
	}
	return nil
}

// leave is for a set that there is no room for. When the file is read for such
// sets, what comes behind it is known already.
func (s *source) leave(router int, u *netflow.Unread) error {
	if s.ahead != nil {
		if read, err := s.late(s.ahead, router, u); read || err != nil {
			return err
		}
	}
	s.left.note(u.Key())
	return nil
}

// late decodes a set by what a decoder knows now, if it can.
func (s *source) late(decoder *netflow.Decoder, router int, u *netflow.Unread) (read bool, err error) {
	if err := s.room(router); err != nil {
		return false, err
	}
	before := len(s.batch.records)
	records, g := decoder.DecodeUnread(s.batch.records, u)
	if g.NoTemplate > 0 {
		s.batch.records = records[:before]
		return false, nil
	}
	s.batch.records = records
	s.held.missing--
	t := s.tally(u.Received(), router)
	if !s.plain {
		key := u.Key()
		if err := s.once(t, router, streamKey{u.Source, key.Version, key.Domain}, before); err != nil {
			return false, err
		}
		s.correct(t, s.batch.records[before:], &g, beyond(u.Received()-g.ExportTime))
	}
	t.noTemplate--
	t.rejects.Add(&g.Rejects)
	if g.Version == flow.V9 {
		t.v9Records += uint64(g.Records)
	}
	return true, nil
}

// release decodes what has waited for the templates that the last datagram made
// known, and says how much that was.
func (s *source) release() (sets int, err error) {
	for _, key := range s.decoder.Defined() {
		s.came.note(key)
		s.leftKnown = s.leftKnown || s.left.noted(key)
		pile := s.held.piles[key]
		if pile == nil {
			continue
		}
		n, err := s.retry(pile)
		sets += n
		if err != nil {
			return sets, err
		}
	}
	return sets, nil
}

// retry decodes those sets of a list that can be by now.
func (s *source) retry(pile *heldList) (sets int, err error) {
	for set := pile.first; set != nil; {
		next := set.links[inPile].next
		if err := s.pace.spend(len(set.Body)); err != nil {
			return sets, err
		}
		read, err := s.late(s.decoder, set.router, &set.Unread)
		if err != nil {
			return sets, err
		}
		if read {
			s.held.remove(set)
			sets++
		} else {
			s.held.tire(set)
		}
		set = next
	}
	return sets, nil
}

// lookBehind decodes what still waits at a file's end, by templates that are not
// known any more or not yet: those that are remembered of a given file, those that
// stand in the file itself and had to make room, and those of the files that follow.
func (s *source) lookBehind(in *input, result *decoded) error {
	if in.memory != nil {
		result.memory = &memory{Before: in.memory.Before, Late: in.memory.Late}
	}
	var late []carried
	if in.memory != nil {
		for _, c := range in.memory.Late {
			if err := s.learnLate(c.Src, c.Received, c.Payload, &late); err != nil {
				return err
			}
		}
	}
	if s.evicted && in.path != "" {
		if err := s.lookInto(in.path, false, nil); err != nil {
			return err
		}
	}
	for i, path := range in.following {
		head := in.spool && 0 < i && i < len(in.following)-1
		if err := s.lookInto(path, head, &late); err != nil {
			return err
		}
	}
	if _, err := s.retry(&s.held.tired); err != nil {
		return err
	}
	if result.memory != nil && len(late) > 0 {
		result.memory.Late = late
	}
	if !s.held.empty() && !s.plain {
		if result.memory == nil {
			result.memory = new(memory)
		}
		result.memory.Wanted = s.held.wanted()
	}
	return nil
}

// lookInto searches a file for the templates that are missing. In a file of the
// spool that another follows its head is enough: what comes in it stands at the
// head of the next one, as the collector carries it on.
func (s *source) lookInto(path string, head bool, late *[]carried) error {
	if s.held.empty() {
		return nil
	}
	return s.routers.replay(&s.pace, path, func(_ int, packet *spool.Packet) error {
		switch {
		case s.held.empty(), head && !packet.Carried:
			return errEnough
		case !s.held.waitsFor(packet.Src.Addr()):
			return nil
		}
		return s.learnLate(packet.Src, packet.Received, packet.Payload, late)
	})
}

// learnLate learns from a datagram that comes behind the data, and decodes what has
// waited for it. What was of use is added to late.
func (s *source) learnLate(src netip.AddrPort, received int64, payload []byte, late *[]carried) error {
	s.decoder.Learn(src, received, payload)
	sets, err := s.release()
	if err != nil || sets == 0 || late == nil {
		return err
	}
	size := len(payload)
	for _, c := range *late {
		size += len(c.Payload) + 64
	}
	if size <= maxCarried {
		*late = append(*late, carried{src, received, slices.Clone(payload)})
	}
	return nil
}

// lookBefore learns what lookBehind would find, before the file is read: so that
// the sets that there was no room for the last time can be read.
func (s *source) lookBefore(in *input) error {
	s.ahead = netflow.NewDecoder(netflow.Limits{})
	learn := func(_ int, packet *spool.Packet) error {
		s.ahead.Learn(packet.Src, packet.Received, packet.Payload)
		return nil
	}
	for _, path := range append([]string{in.path}, in.following...) {
		if err := s.routers.replay(&s.pace, path, learn); err != nil {
			return err
		}
	}
	return nil
}

// noted remembers keys, all of them and a few more, in as little room as can be:
// by one bit each. It has no seed: what is decided by it is the same each time.
type noted struct{ bits []uint64 }

const notedBits = 1 << 20

func (n *noted) place(key netflow.TemplateKey) uint64 {
	d := digestOf(netip.AddrPortFrom(key.Exporter, key.ID), []byte{byte(key.Version), byte(key.Domain), byte(key.Domain >> 8), byte(key.Domain >> 16), byte(key.Domain >> 24)})
	return d[0] % notedBits
}

func (n *noted) note(key netflow.TemplateKey) {
	if n.bits == nil {
		n.bits = make([]uint64, notedBits/64)
	}
	at := n.place(key)
	n.bits[at/64] |= 1 << (at % 64)
}

func (n *noted) noted(key netflow.TemplateKey) bool {
	if n.bits == nil {
		return false
	}
	at := n.place(key)
	return n.bits[at/64]&(1<<(at%64)) != 0
}
