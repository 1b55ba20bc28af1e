package spool

import (
	"encoding/binary"
	"fmt"
)

// capture reads pcap files (draft-ietf-opsawg-pcap) of either byte order, with
// micro- or nanoseconds.
type capture struct {
	*Reader
	dissect dissector
	order   byteOrder
	unit    int64 // nanoseconds of a fraction's step
	link    uint32
}

// byteOrder spares the hot path the calls through an interface.
type byteOrder struct{ big bool }

func (o byteOrder) Uint16(b []byte) uint16 {
	if o.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (o byteOrder) Uint32(b []byte) uint32 {
	if o.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (o byteOrder) Uint64(b []byte) uint64 {
	if o.big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

func newCapture(r *Reader, magic []byte) (*capture, error) {
	c := &capture{Reader: r, dissect: dissector{stats: &r.stats, unread: &r.unread}}
	switch be.Uint32(magic) {
	case 0xa1b2c3d4:
		c.order, c.unit = byteOrder{big: true}, 1000
	case 0xa1b23c4d:
		c.order, c.unit = byteOrder{big: true}, 1
	case 0xd4c3b2a1:
		c.unit = 1000
	case 0x4d3cb2a1:
		c.unit = 1
	default:
		return nil, fmt.Errorf("%w: it begins with % x; spool, pcap, pcapng and flow-tools files are, plain or within zstd or gzip", ErrFormat, magic)
	}
	header, err := r.window.take(24)
	if err != nil {
		return nil, broken(err)
	}
	r.info.Format = FormatPcap
	c.link = c.order.Uint32(header[20:]) & 0xffff // above it: the length of checksums
	if !knownLink(c.link) {
		return nil, fmt.Errorf("%w: a capture of link type %d; capture on Ethernet, or with `tcpdump -i any`", ErrFormat, c.link)
	}
	return c, nil
}

func (c *capture) next() (Packet, error) {
	for {
		header, err := c.window.take(16)
		if err != nil {
			return Packet{}, err
		}
		seconds, fraction := c.order.Uint32(header), c.order.Uint32(header[4:])
		length, whole := c.order.Uint32(header[8:]), c.order.Uint32(header[12:])
		frame, err := c.window.take(int(length))
		if err != nil {
			return Packet{}, broken(err)
		}
		if packet, ok := c.dissect.datagram(c.link, frame); ok {
			packet.Received = int64(seconds)*1e9 + int64(fraction)*c.unit
			if packet.Cut > 0 {
				c.unread.cut(length, whole)
			}
			return packet, nil
		}
	}
}
