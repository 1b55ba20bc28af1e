package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/klauspost/compress/zlib"
)

// flowTools reads stream version 3 of flow-tools with records of NetFlow v5
// (lib/ftlib.h and lib/ftio.c of flow-tools), and rebuilds v5 datagrams from
// the records, so that there is one road for all that follows.
type flowTools struct {
	order    binary.ByteOrder
	window   *window
	held     [recordV5]byte // first record of the next datagram
	holds    bool
	sequence uint32
	payload  []byte
}

const (
	recordV5         = 64
	flagCompressed   = 2
	maxFlowToolsHead = 16384
)

func newFlowTools(w *window) (*flowTools, error) {
	start, err := w.peek(8)
	if err != nil {
		return nil, fmt.Errorf("flow-tools header: %w", inside(err))
	}
	f := &flowTools{window: w}
	switch start[2] {
	case 1:
		f.order = binary.LittleEndian
	case 2:
		f.order = binary.BigEndian
	default:
		return nil, fmt.Errorf("flow-tools byte order %d: %w", start[2], ErrFormat)
	}
	if start[3] != 3 {
		return nil, fmt.Errorf("flow-tools stream version %d: only version 3 (flow-tools 0.50 and later) is read; convert it with flow-cat", start[3])
	}
	length := f.order.Uint32(start[4:])
	if length < 8 || length > maxFlowToolsHead {
		return nil, fmt.Errorf("flow-tools header of %d bytes: %w", length, ErrFormat)
	}
	header, err := w.take(int(length))
	if err != nil {
		return nil, fmt.Errorf("flow-tools header: %w", inside(err))
	}
	version, flags := f.tlvs(header[8:])
	if version != 5 {
		return nil, fmt.Errorf("flow-tools file of export version %d: only version 5 is read", version)
	}
	if flags&flagCompressed != 0 {
		rest := io.MultiReader(&remains{w}, w.in)
		z, err := zlib.NewReader(rest)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			f.window = &window{err: io.EOF} // a crash left the header alone
			return f, nil
		}
		if err != nil {
			return nil, fmt.Errorf("flow-tools data: %w", err)
		}
		f.window = &window{in: z}
	}
	return f, nil
}

// remains reads what a window has buffered.
type remains struct{ w *window }

func (r *remains) Read(p []byte) (int, error) {
	n := copy(p, r.w.buf[r.w.from:r.w.to])
	r.w.from += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// tlvs finds export version (type 2) and flags (type 8).
func (f *flowTools) tlvs(b []byte) (version uint16, flags uint32) {
	for len(b) >= 4 {
		kind, n := f.order.Uint16(b), int(f.order.Uint16(b[2:]))
		if 4+n > len(b) {
			break
		}
		value := b[4 : 4+n]
		switch {
		case kind == 2 && n >= 2:
			version = f.order.Uint16(value)
		case kind == 8 && n >= 4:
			flags = f.order.Uint32(value)
		}
		b = b[4+n:]
	}
	return version, flags
}

// next collects up to 30 records that came in one datagram, as far as their
// copies of its header tell.
func (f *flowTools) next() (Packet, error) {
	if !f.holds {
		if err := f.read(); err != nil {
			return Packet{}, err
		}
	}
	o, be := f.order, binary.BigEndian
	first := f.held
	p := be.AppendUint16(f.payload[:0], 5)
	p = be.AppendUint16(p, 0)
	p = be.AppendUint32(p, o.Uint32(first[8:])) // sysUpTime
	p = be.AppendUint32(p, o.Uint32(first[0:])) // unix_secs
	p = be.AppendUint32(p, o.Uint32(first[4:])) // unix_nsecs
	p = be.AppendUint32(p, f.sequence)          // not kept by flow-tools
	p = append(p, first[56], first[57], 0, 0)   // engine
	count := uint16(0)
	var err error
	for count < 30 && f.holds && sameDatagram(&first, &f.held) {
		p = f.appendRecord(p)
		count++
		if err = f.read(); err != nil {
			break // met again by the next call
		}
	}
	be.PutUint16(p[2:], count)
	f.payload = p
	f.sequence += uint32(count)
	var exporter [4]byte
	be.PutUint32(exporter[:], o.Uint32(first[12:]))
	return Packet{
		Received:  int64(o.Uint32(first[0:]))*1e9 + int64(o.Uint32(first[4:])),
		Src:       netip.AddrPortFrom(netip.AddrFrom4(exporter), 0),
		Payload:   p,
		Synthetic: true,
	}, nil
}

// read takes the next record into held.
func (f *flowTools) read() error {
	f.holds = false
	b, err := f.window.take(recordV5)
	if err != nil {
		return err
	}
	f.held = [recordV5]byte(b)
	f.holds = true
	return nil
}

// sameDatagram compares seconds, nanoseconds, uptime, exporter and engine.
func sameDatagram(a, b *[recordV5]byte) bool {
	return [16]byte(a[:16]) == [16]byte(b[:16]) && a[56] == b[56] && a[57] == b[57]
}

// appendRecord turns fts3rec_v5 into the 48 bytes of the wire.
func (f *flowTools) appendRecord(p []byte) []byte {
	r, o, be := &f.held, f.order, binary.BigEndian
	for at := 16; at < 28; at += 4 { // source, destination, next hop
		p = be.AppendUint32(p, o.Uint32(r[at:]))
	}
	p = be.AppendUint16(p, o.Uint16(r[28:]))
	p = be.AppendUint16(p, o.Uint16(r[30:]))
	for at := 32; at < 48; at += 4 { // packets, octets, first, last
		p = be.AppendUint32(p, o.Uint32(r[at:]))
	}
	p = be.AppendUint16(p, o.Uint16(r[48:]))
	p = be.AppendUint16(p, o.Uint16(r[50:]))
	p = append(p, 0, r[54], r[52], r[53]) // flags, protocol, tos
	p = be.AppendUint16(p, o.Uint16(r[60:]))
	p = be.AppendUint16(p, o.Uint16(r[62:]))
	return append(p, r[58], r[59], 0, 0) // masks
}
