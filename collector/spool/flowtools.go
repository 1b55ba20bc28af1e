package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/klauspost/compress/zlib"
)

// flowTools reads stream version 3 of flow-tools (its lib/ftlib.h and
// lib/ftio.c). A file is a header of type-length-value fields in the byte order
// that its third byte tells, then records of one size, back to back; with the
// flag "compressed" these are one zlib stream. A file that a crash left has a
// stream without an end.
//
// The records become v5 datagrams again, so that there is one road for all that
// follows: records with the same time, uptime, exporter and engine in a row came
// in one datagram. Its sequence number was not kept.
type flowTools struct {
	order   byteOrder
	window  *window
	layout  layout
	first   []byte // record of the datagram
	payload []byte
	flows   uint32 // that the header counts; 0 in a file left by a crash
	read    uint32 // so far
}

// layout is where the fields stand that differ between export versions. All
// begin alike: secs, nsecs, uptime, exporter, addresses, interfaces, counters,
// times and ports, to byte 52.
type layout struct {
	size                      int
	protocol, tos, flags      int
	engine, masks, autonomous int // 0: the version has none
}

var layouts = map[uint16]layout{
	1:    {size: 60, protocol: 52, tos: 53, flags: 54},
	5:    {size: 64, protocol: 52, tos: 53, flags: 54, engine: 56, masks: 58, autonomous: 60},
	7:    {size: 68, protocol: 52, tos: 53, flags: 54, engine: 56, masks: 58, autonomous: 60},
	1005: {size: 72, protocol: 52, tos: 53, flags: 54, engine: 56, masks: 58, autonomous: 60},
}

const (
	flowToolsMaxHeader  = 16384
	flowToolsCompressed = 2 // of the flags

	v5Head    = 24
	v5Record  = 48
	v5Records = 30 // at most, in a datagram
)

func newFlowTools(r *Reader) (*flowTools, error) {
	r.info.Format = FormatFlowTools
	start, err := r.window.peek(8)
	if err != nil {
		return nil, fmt.Errorf("flow-tools header: %w", broken(err))
	}
	f := &flowTools{window: r.window, payload: make([]byte, 0, v5Head+v5Records*v5Record)}
	switch start[2] {
	case 1:
	case 2:
		f.order.big = true
	default:
		return nil, fmt.Errorf("flow-tools header: %w: byte order %d", ErrCorrupt, start[2])
	}
	if start[3] != 3 {
		return nil, fmt.Errorf("%w: flow-tools stream version %d; version 3 is, which flow-cat of a flow-tools since 2001 makes of it", ErrFormat, start[3])
	}
	length := f.order.Uint32(start[4:])
	if length < 8 || length > flowToolsMaxHeader {
		return nil, fmt.Errorf("flow-tools header: %w: %d bytes long", ErrCorrupt, length)
	}
	header, err := r.window.take(int(length))
	if err != nil {
		return nil, fmt.Errorf("flow-tools header: %w", broken(err))
	}
	version, flags := f.fields(header[8:], &r.info)
	layout, ok := layouts[version]
	if !ok {
		return nil, fmt.Errorf("%w: flow-tools records of export version %d; 1, 5, 7 and 1005 are", ErrFormat, version)
	}
	f.layout, f.flows = layout, r.info.Flows
	if flags&flowToolsCompressed != 0 {
		return f, f.inflate(r)
	}
	return f, nil
}

// inflate puts zlib between the window and the records.
func (f *flowTools) inflate(r *Reader) error {
	z, err := zlib.NewReader(r.window)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		// The collector was killed before zlib wrote anything: no record is whole.
		f.window = newWindow(failing{ErrCut})
	case err != nil:
		return fmt.Errorf("flow-tools records: %w", broken(err))
	default:
		f.window = newWindow(z)
	}
	r.window = f.window
	return nil
}

// failing is a stream that has nothing but an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// fields walks through the header's fields. Unknown ones are skipped, as are
// the interface names of types 17 and 18.
func (f *flowTools) fields(b []byte, info *Info) (version uint16, flags uint32) {
	for len(b) >= 4 {
		kind, n := f.order.Uint16(b), int(f.order.Uint16(b[2:]))
		if 4+n > len(b) {
			break
		}
		value := b[4 : 4+n]
		b = b[4+n:]
		switch {
		case kind == 2 && n >= 2:
			version = f.order.Uint16(value)
		case kind == 15:
			info.Host = text(value)
		case kind == 16:
			info.Comment = text(value)
		case n < 4:
		case kind == 6:
			info.Start = clockTime(f.order.Uint32(value))
		case kind == 7:
			info.End = clockTime(f.order.Uint32(value))
		case kind == 8:
			flags = f.order.Uint32(value)
		case kind == 10:
			info.Flows = f.order.Uint32(value)
		case kind == 11:
			info.Lost = f.order.Uint32(value)
		case kind == 12:
			info.Misordered = f.order.Uint32(value)
		case kind == 13:
			info.Corrupt = f.order.Uint32(value)
		case kind == 14:
			info.Resets = f.order.Uint32(value)
		}
	}
	return version, flags
}

// text is a string in C's manner. Big-endian files may have more behind its NUL.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

func clockTime(seconds uint32) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

func (f *flowTools) next() (Packet, error) {
	record, err := f.window.take(f.layout.size)
	if errors.Is(err, io.EOF) && f.read < f.flows {
		return Packet{}, fmt.Errorf("%w: its header counts %d flows, and %d are there", ErrCut, f.flows, f.read)
	}
	if err != nil {
		return Packet{}, err
	}
	f.first = append(f.first[:0], record...)
	o, first := f.order, f.first
	seconds, nanoseconds := o.Uint32(first), o.Uint32(first[4:])
	p := be.AppendUint32(f.payload[:0], 5<<16)
	p = be.AppendUint32(p, o.Uint32(first[8:])) // uptime
	p = be.AppendUint32(p, seconds)
	p = be.AppendUint32(p, nanoseconds)
	p = be.AppendUint32(p, 0) // sequence
	if at := f.layout.engine; at > 0 {
		p = append(p, first[at], first[at+1], 0, 0)
	} else {
		p = append(p, 0, 0, 0, 0)
	}
	p = f.appendRecord(p, first)
	count := 1
	for ; count < v5Records; count++ {
		record, err := f.window.peek(f.layout.size)
		if err != nil || !f.together(first, record) {
			break // met again by the next call
		}
		p = f.appendRecord(p, record)
		f.window.from += f.layout.size
	}
	be.PutUint16(p[2:], uint16(count))
	f.payload = p
	f.read += uint32(count)
	var exporter [4]byte
	be.PutUint32(exporter[:], o.Uint32(first[12:]))
	return Packet{
		Received:  int64(seconds)*1e9 + int64(nanoseconds),
		Src:       netip.AddrPortFrom(netip.AddrFrom4(exporter), 0),
		Payload:   p,
		Synthetic: true,
	}, nil
}

// together reports whether two records came in one datagram, as far as their
// copies of its header tell.
func (f *flowTools) together(a, b []byte) bool {
	at := f.layout.engine
	return bytes.Equal(a[:16], b[:16]) && (at == 0 || a[at] == b[at] && a[at+1] == b[at+1])
}

// appendRecord makes the 48 bytes of a v5 record.
func (f *flowTools) appendRecord(p, r []byte) []byte {
	o, l := f.order, f.layout
	for at := 16; at < 28; at += 4 { // source, destination, next hop
		p = be.AppendUint32(p, o.Uint32(r[at:]))
	}
	p = be.AppendUint16(p, o.Uint16(r[28:])) // interfaces
	p = be.AppendUint16(p, o.Uint16(r[30:]))
	for at := 32; at < 48; at += 4 { // packets, octets, first, last
		p = be.AppendUint32(p, o.Uint32(r[at:]))
	}
	p = be.AppendUint16(p, o.Uint16(r[48:])) // ports
	p = be.AppendUint16(p, o.Uint16(r[50:]))
	p = append(p, 0, r[l.flags], r[l.protocol], r[l.tos])
	if l.autonomous == 0 {
		return append(p, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	p = be.AppendUint16(p, o.Uint16(r[l.autonomous:]))
	p = be.AppendUint16(p, o.Uint16(r[l.autonomous+2:]))
	return append(p, r[l.masks], r[l.masks+1], 0, 0)
}
