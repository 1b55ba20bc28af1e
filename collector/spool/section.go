package spool

import (
	"fmt"
	"math/bits"
)

// maxInterfaces bounds the interfaces that a section may describe.
const maxInterfaces = 1 << 16

// sections reads pcapng (draft-ietf-opsawg-pcapng), spool files among it.
type sections struct {
	*Reader
	dissect    dissector
	order      byteOrder
	ours       bool // the collector wrote this section
	interfaces []interfaceOf
	earlier    Statistics // of the sections before
	places     places
}

// interfaceOf is an interface of the section.
type interfaceOf struct {
	link    uint32
	carried bool
	clock   clock
	stats   Statistics // of its last statistics block
}

// clock turns an interface's ticks into Unix nanoseconds: 10^-n or, if binary,
// 2^-n seconds each, and whole seconds to be added.
type clock struct {
	binary bool
	n      uint8
	scale  uint64 // 10^|9-n|
	offset int64
}

func newClock(resolution uint8, offset int64) clock {
	c := clock{binary: resolution&0x80 != 0, n: resolution & 0x7f, scale: 1, offset: offset}
	for n := c.n; n < 9; n++ {
		c.scale *= 10
	}
	for n := c.n; n > 9 && n <= 9+19; n-- {
		c.scale *= 10
	}
	return c
}

func (c clock) nanoseconds(ticks uint64) int64 {
	var n uint64
	switch {
	case c.binary && c.n >= 64:
	case c.binary:
		// (ticks mod 2^n)·10^9 / 2^n in 128 bits.
		high, low := bits.Mul64(ticks&(1<<c.n-1), 1e9)
		n = ticks>>c.n*1e9 + high<<(64-c.n) + low>>c.n
	case c.n <= 9:
		n = ticks * c.scale
	case c.n <= 9+19:
		n = ticks / c.scale
	}
	return int64(n) + c.offset*1e9
}

func newSections(r *Reader) (*sections, error) {
	s := &sections{Reader: r, dissect: dissector{stats: &r.stats, unread: &r.unread}}
	r.info.Format = FormatPcapng
	// The first section header is read now, so that Info is right from the start.
	kind, body, err := s.block()
	if err == nil && kind == blockSection {
		err = s.begin(body)
	}
	if err != nil {
		return nil, broken(err)
	}
	if s.ours {
		r.info.Format = FormatSpool
	}
	return s, nil
}

func (s *sections) next() (Packet, error) {
	for {
		kind, body, err := s.block()
		if err != nil {
			return Packet{}, err
		}
		switch kind {
		case blockPlace:
			if s.ours && len(body) == placeSize-12 {
				s.places.at(le.Uint64(body), le.Uint32(body[8:]))
			}
		case blockPacket, blockPacketOld:
			if s.places.again {
				continue
			}
			if packet, ok := s.packet(kind, body); ok {
				return packet, nil
			}
		case blockSimple:
			s.stats.Skipped++ // it has no time
		case blockInterface:
			err = s.describe(body)
		case blockStatistics:
			s.statistics(body)
		case blockSection:
			if s.places.numbered && !s.places.ended {
				continue // the same once more: there is one in a file
			}
			err = s.begin(body)
		}
		if err != nil {
			return Packet{}, err
		}
	}
}

// settle says at the end of a file what is missing in it.
func (s *sections) settle(r *Reader) {
	p := &s.places
	if p.numbered && !p.ended && !r.open && r.damage == nil {
		r.stats.Truncated = true
		r.damage = fmt.Errorf("%w: its end is not there", ErrCut)
	}
	r.stats.Missing += p.missing
	if t := &r.stats; s.ours && !p.numbered && r.damage != nil {
		// Files of before there were places: what was written is what came.
		if stored := t.Received - min(t.Received, t.Refused+t.QueueDropped); stored > p.found {
			t.Missing += stored - p.found
		}
	}
	if p.missing > 0 && r.damage == nil {
		r.stats.Truncated = true
		r.damage = fmt.Errorf("%w: a piece of it is not there", ErrCorrupt)
	}
}

// block takes one block and shows what is between its lengths; of blocks that
// are not used here, nothing.
func (s *sections) block() (kind uint32, body []byte, err error) {
	start, err := s.window.peek(12) // the shortest block
	if err != nil {
		return 0, nil, err
	}
	if le.Uint32(start) == blockSection {
		switch uint32(byteOrderMagic) {
		case le.Uint32(start[8:]):
			s.order = byteOrder{}
		case be.Uint32(start[8:]):
			s.order = byteOrder{big: true}
		default:
			return 0, nil, fmt.Errorf("%w: a section header without byte order", ErrCorrupt)
		}
	}
	kind, total := s.order.Uint32(start), s.order.Uint32(start[4:])
	if total < 12 || total%4 != 0 {
		return 0, nil, fmt.Errorf("%w: a block of %d bytes", ErrCorrupt, total)
	}
	switch kind {
	case blockPacket, blockPacketOld, blockSimple, blockInterface, blockStatistics, blockSection:
	default:
		if kind == blockPlace && s.ours && total == placeSize {
			break
		}
		if err := s.window.skip(int64(total)); err != nil {
			return 0, nil, broken(err)
		}
		return kind, nil, nil
	}
	block, err := s.window.take(int(total))
	if err != nil {
		return 0, nil, broken(err)
	}
	if s.order.Uint32(block[total-4:]) != total {
		return 0, nil, fmt.Errorf("%w: a block with two lengths", ErrCorrupt)
	}
	return kind, block[8 : total-4], nil
}

// begin starts a section.
func (s *sections) begin(body []byte) error {
	if len(body) < 16 {
		return fmt.Errorf("%w: a section header of %d bytes", ErrCorrupt, len(body))
	}
	if major := s.order.Uint16(body[4:]); major != 1 {
		return fmt.Errorf("%w: pcapng version %d", ErrCorrupt, major)
	}
	s.earlier = s.total()
	s.places = places{missing: s.places.missing}
	s.interfaces = s.interfaces[:0]
	s.ours = false
	for code, value := range s.options(body[16:]) {
		if code == optUserAppl {
			s.ours = string(value) == application
		}
	}
	return nil
}

// options walks through a block's options.
func (s *sections) options(b []byte) func(yield func(uint16, []byte) bool) {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= 4 {
			code, n := s.order.Uint16(b), int(s.order.Uint16(b[2:]))
			if code == optEnd || 4+n > len(b) || !yield(code, b[4:4+n]) {
				return
			}
			b = b[min(4+(n+3)&^3, len(b)):]
		}
	}
}

func (s *sections) describe(body []byte) error {
	if len(body) < 8 || len(s.interfaces) == maxInterfaces {
		return fmt.Errorf("%w: an interface description of %d bytes after %d interfaces", ErrCorrupt, len(body), len(s.interfaces))
	}
	face := interfaceOf{link: uint32(s.order.Uint16(body))}
	resolution, offset := uint8(6), int64(0) // the format's defaults
	for code, value := range s.options(body[8:]) {
		switch {
		case code == optIfTSResol && len(value) == 1:
			resolution = value[0]
		case code == optIfTSOffset && len(value) == 8:
			offset = int64(s.order.Uint64(value))
		}
	}
	face.clock = newClock(resolution, offset)
	face.carried = s.ours && len(s.interfaces) == Carried
	s.interfaces = append(s.interfaces, face)
	return nil
}

func (s *sections) packet(kind uint32, body []byte) (Packet, bool) {
	const head = 20
	if len(body) < head {
		s.stats.Skipped++
		return Packet{}, false
	}
	index := s.order.Uint32(body)
	if kind == blockPacketOld {
		index = uint32(s.order.Uint16(body)) // followed by a count of drops
	}
	captured := s.order.Uint32(body[12:])
	if uint64(index) >= uint64(len(s.interfaces)) || uint64(captured) > uint64(len(body)-head) {
		s.stats.Skipped++
		return Packet{}, false
	}
	face := &s.interfaces[index]
	if index == Live {
		s.places.found++
	}
	packet, ok := s.dissect.datagram(face.link, body[head:head+captured])
	if ok {
		packet.Received = face.clock.nanoseconds(uint64(s.order.Uint32(body[4:]))<<32 | uint64(s.order.Uint32(body[8:])))
		packet.Carried = face.carried
		if packet.Cut > 0 {
			s.unread.cut(captured, s.order.Uint32(body[16:]))
		}
	}
	return packet, ok
}

// statistics takes an interface's counters, which are those since the start.
func (s *sections) statistics(body []byte) {
	if len(body) < 12 {
		return
	}
	index := s.order.Uint32(body)
	if uint64(index) >= uint64(len(s.interfaces)) {
		return
	}
	var found Statistics
	accepted, filtered := uint64(0), false
	for code, value := range s.options(body[12:]) {
		if len(value) != 8 {
			continue
		}
		n := s.order.Uint64(value)
		switch code {
		case optReceived:
			found.Received = n
		case optDropped:
			found.QueueDropped = n
		case optOSDropped:
			found.KernelDropped = n
		case optAccepted:
			accepted, filtered = n, true
		}
	}
	if s.ours && filtered && accepted <= found.Received {
		found.Refused = found.Received - accepted
	}
	s.interfaces[index].stats = found
	sum := s.total()
	sum.Skipped = s.stats.Skipped
	s.stats = sum
}

// total adds up the counters of all interfaces of all sections.
func (s *sections) total() Statistics {
	sum := s.earlier
	for i := range s.interfaces {
		one := &s.interfaces[i].stats
		sum.Received += one.Received
		sum.Refused += one.Refused
		sum.QueueDropped += one.QueueDropped
		sum.KernelDropped += one.KernelDropped
	}
	return sum
}
