package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// maxBlock bounds a block or packet of a capture: far more than a UDP datagram.
const maxBlock = 16 << 20

var errBlock = errors.New("impossible block length")

// capture reads pcap files of either byte order, with micro- or nanoseconds.
type capture struct {
	reader *Reader
	window *window
	order  binary.ByteOrder
	unit   int64 // nanoseconds of a fraction's step
	link   uint32
}

func newCapture(r *Reader, w *window) (*capture, error) {
	header, err := w.peek(24)
	if err != nil {
		return nil, ErrFormat
	}
	c := &capture{reader: r, window: w}
	switch binary.BigEndian.Uint32(header) {
	case 0xa1b2c3d4:
		c.order, c.unit = binary.BigEndian, 1000
	case 0xa1b23c4d:
		c.order, c.unit = binary.BigEndian, 1
	case 0xd4c3b2a1:
		c.order, c.unit = binary.LittleEndian, 1000
	case 0x4d3cb2a1:
		c.order, c.unit = binary.LittleEndian, 1
	default:
		return nil, ErrFormat
	}
	c.link = c.order.Uint32(header[20:]) & 0x0fffffff
	w.from += 24
	return c, nil
}

func (c *capture) next() (Packet, error) {
	for {
		header, err := c.window.take(16)
		if err != nil {
			return Packet{}, err
		}
		seconds, fraction := c.order.Uint32(header), c.order.Uint32(header[4:])
		length := c.order.Uint32(header[8:])
		if length > maxBlock {
			return Packet{}, errBlock
		}
		frame, err := c.window.take(int(length))
		if err != nil {
			return Packet{}, inside(err)
		}
		if packet, ok := datagram(c.link, frame); ok {
			packet.Received = int64(seconds)*1e9 + int64(fraction)*c.unit
			return packet, nil
		}
		c.reader.stats.Skipped++
	}
}

// sections reads pcapng.
type sections struct {
	reader     *Reader
	window     *window
	order      binary.ByteOrder
	interfaces []face
}

// face is an interface of a pcapng section.
type face struct {
	link    uint32
	decimal bool // ticks are 10^-exponent seconds, else 2^-exponent
	exp     uint8
	carried bool
}

func (s *sections) next() (Packet, error) {
	for {
		body, kind, err := s.block()
		if err != nil {
			return Packet{}, err
		}
		switch kind {
		case blockInterface:
			s.describe(body)
		case blockStatistics:
			s.statistics(body)
		case blockPacket, blockPacketOld:
			if packet, ok := s.packet(kind, body); ok {
				return packet, nil
			}
			s.reader.stats.Skipped++
		case blockSimple:
			s.reader.stats.Skipped++ // it has no time
		}
	}
}

// block takes one block and returns what is between its lengths.
func (s *sections) block() ([]byte, uint32, error) {
	start, err := s.window.peek(12)
	if err != nil {
		return nil, 0, err
	}
	if binary.LittleEndian.Uint32(start) == blockSection {
		switch uint32(byteOrderMagic) {
		case binary.LittleEndian.Uint32(start[8:]):
			s.order = binary.LittleEndian
		case binary.BigEndian.Uint32(start[8:]):
			s.order = binary.BigEndian
		default:
			return nil, 0, fmt.Errorf("section header without byte order: %w", errBlock)
		}
		s.interfaces = s.interfaces[:0]
	}
	kind, total := s.order.Uint32(start), s.order.Uint32(start[4:])
	if total < 12 || total > maxBlock || total%4 != 0 {
		return nil, 0, errBlock
	}
	block, err := s.window.take(int(total))
	if err != nil {
		return nil, 0, inside(err)
	}
	return block[8 : total-4], kind, nil
}

func (s *sections) describe(body []byte) {
	if len(body) < 8 {
		return
	}
	f := face{link: uint32(s.order.Uint16(body)), decimal: true, exp: 6}
	s.options(body[8:], func(code uint16, value []byte) {
		switch {
		case code == optIfTSResol && len(value) == 1:
			f.decimal, f.exp = value[0]&0x80 == 0, value[0]&0x7f
		case code == optIfName:
			f.carried = string(value) == "carried" && f.link == linkRaw && len(s.interfaces) == Carried
		}
	})
	if len(s.interfaces) < 1<<16 {
		s.interfaces = append(s.interfaces, f)
	}
}

func (s *sections) options(b []byte, each func(code uint16, value []byte)) {
	for len(b) >= 4 {
		code, n := s.order.Uint16(b), int(s.order.Uint16(b[2:]))
		if code == optEnd || 4+n > len(b) {
			return
		}
		each(code, b[4:4+n])
		b = b[min(4+n+(-n&3), len(b)):]
	}
}

func (s *sections) packet(kind uint32, body []byte) (Packet, bool) {
	if len(body) < 20 {
		return Packet{}, false
	}
	index := s.order.Uint32(body)
	if kind == blockPacketOld {
		index = uint32(s.order.Uint16(body))
	}
	captured := s.order.Uint32(body[12:])
	if uint64(index) >= uint64(len(s.interfaces)) || uint64(captured) > uint64(len(body)-20) {
		return Packet{}, false
	}
	f := &s.interfaces[index]
	packet, ok := datagram(f.link, body[20:20+captured])
	packet.Received = f.nanoseconds(uint64(s.order.Uint32(body[4:]))<<32 | uint64(s.order.Uint32(body[8:])))
	packet.Carried = f.carried
	return packet, ok
}

// nanoseconds turns ticks since 1970 into nanoseconds.
func (f *face) nanoseconds(ticks uint64) int64 {
	if !f.decimal {
		if f.exp > 63 {
			return 0
		}
		whole := ticks >> f.exp
		part := ticks & (1<<f.exp - 1)
		return int64(whole)*1e9 + int64(float64(part)/float64(uint64(1)<<f.exp)*1e9)
	}
	exp := f.exp
	for ; exp < 9; exp++ {
		ticks *= 10
	}
	for ; exp > 9; exp-- {
		ticks /= 10
	}
	return int64(ticks)
}

// statistics takes the counters of the live interface; the last block has the
// final ones.
func (s *sections) statistics(body []byte) {
	if len(body) < 12 || s.order.Uint32(body) != Live {
		return
	}
	values := map[uint16]uint64{}
	s.options(body[12:], func(code uint16, value []byte) {
		if len(value) == 8 {
			values[code] = s.order.Uint64(value)
		}
	})
	st := &s.reader.stats
	st.Received, st.KernelDropped = values[optReceived], values[optOSDropped]
	if accepted, ok := values[optAccepted]; ok && accepted <= st.Received {
		st.Refused = st.Received - accepted
		if delivered, ok := values[optDelivered]; ok && delivered <= accepted {
			st.QueueDropped = accepted - delivered
		}
	}
}
