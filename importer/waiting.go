package importer

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// hold lets the sets of the datagram just read, of so many bytes, wait that had no
// template. Where one finds no room the others of the datagram need not try.
func (s *source) hold(router, size int) error {
	unread := s.decoder.Unread()
	s.held.missing += len(unread)
	room := min(maxHeldOf, 8+size/leastSet)
	for i := range unread {
		u := &unread[i]
		if i < room {
			kept, err := s.held.keep(router, u, s.leave)
			if err != nil {
				return err
			}
			if kept {
				continue
			}
			room = i
		}
		if err := s.leave(router, u); err != nil {
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
	s.left.note(notedBit(u.Key()))
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
		bit := notedBit(key)
		s.came.note(bit)
		s.leftKnown = s.leftKnown || s.left.has(bit)
		if s.held.empty() {
			continue
		}
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

// notedBit is the bit of a key.
func notedBit(key netflow.TemplateKey) int {
	addr := key.Exporter.As16()
	low, high := binary.LittleEndian.Uint64(addr[:]), binary.LittleEndian.Uint64(addr[8:])
	h0, h1 := mix(mixer0, mixer1, low, high)
	h0, _ = mix(h0, h1, uint64(key.Domain), uint64(key.Version)<<16|uint64(key.ID))
	return int(h0 % notedBits)
}

func (n *noted) note(bit int) {
	if n.bits == nil {
		n.bits = make([]uint64, notedBits/64)
	}
	n.bits[bit/64] |= 1 << (bit % 64)
}

func (n *noted) has(bit int) bool { return n.bits != nil && n.bits[bit/64]&(1<<(bit%64)) != 0 }
