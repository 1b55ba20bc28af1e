package officetest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"time"
)

// errEnough stops an export after the datagrams that were asked for.
var errEnough = errors.New("enough datagrams")

// Datagrams exports the office's traffic from the given time on until n datagrams
// have been sent: real-looking input for benchmarks. send is given the Unix second
// of each header, and a payload that is valid until it returns.
func (o *Office) Datagrams(f Format, from time.Time, n int, send func(at int64, payload []byte) error) error {
	e, err := NewExporter(f, Boot(from), func(at int64, payload []byte) error {
		if n--; n < 0 {
			return errEnough
		}
		return send(at, payload)
	})
	if err != nil {
		return err
	}
	for r := range o.Records(from, from.AddDate(10, 0, 0)) {
		if err := e.Add(r); err == errEnough {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Boot is when a device has been started whose story is not told: nine days, four
// hours and some seconds before.
func Boot(from time.Time) time.Time {
	return from.Truncate(time.Second).Add(-9*24*time.Hour - 4*time.Hour - 17*time.Second)
}

// Capture writes datagrams as a pcap file with nanoseconds and link type RAW (the
// IPv4 and UDP headers are rebuilt), which every capture tool reads.
type Capture struct {
	w        *bufio.Writer
	src, dst netip.AddrPort
	scratch  []byte
}

// NewCapture begins a file. Both addresses are IPv4. Call Flush at the end.
func NewCapture(w io.Writer, src, dst netip.AddrPort) (*Capture, error) {
	if !src.Addr().Is4() || !dst.Addr().Is4() {
		return nil, errors.New("capture: addresses must be IPv4")
	}
	c := &Capture{w: bufio.NewWriterSize(w, 1<<16), src: src, dst: dst}
	order := binary.LittleEndian
	b := order.AppendUint32(nil, 0xa1b23c4d)
	b = order.AppendUint32(b, 2|4<<16) // version 2.4
	b = order.AppendUint64(b, 0)
	b = order.AppendUint32(b, 65535)
	b = order.AppendUint32(b, 101) // LINKTYPE_RAW
	_, err := c.w.Write(b)
	return c, err
}

// Write adds a datagram that was received at the given Unix nanosecond.
func (c *Capture) Write(received int64, payload []byte) error {
	length := uint32(28 + len(payload))
	order := binary.LittleEndian
	b := order.AppendUint32(c.scratch[:0], uint32(received/1e9))
	b = order.AppendUint32(b, uint32(received%1e9))
	b = order.AppendUint32(b, length)
	b = order.AppendUint32(b, length)
	at := len(b)
	network := binary.BigEndian
	b = append(b, 0x45, 0)
	b = network.AppendUint16(b, uint16(length))
	b = append(b, 0, 0, 0, 0, 64, udp, 0, 0)
	b = append4(b, c.src.Addr())
	b = append4(b, c.dst.Addr())
	var sum uint32
	for i := at; i < at+20; i += 2 {
		sum += uint32(network.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	network.PutUint16(b[at+10:], ^uint16(sum>>16+sum))
	b = network.AppendUint16(b, c.src.Port())
	b = network.AppendUint16(b, c.dst.Port())
	b = network.AppendUint16(b, uint16(8+len(payload)))
	b = append(b, 0, 0) // no UDP checksum
	b = append(b, payload...)
	c.scratch = b
	_, err := c.w.Write(b)
	return err
}

// Flush writes out what is buffered.
func (c *Capture) Flush() error { return c.w.Flush() }
