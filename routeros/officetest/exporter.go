package officetest

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

const (
	// maxPayload is the most that RouterOS puts into a datagram: 30 v5 records.
	maxPayload = 1464
	// templateRefresh: the templates are sent first, and after 20 other datagrams
	// (v9-template-refresh=20).
	templateRefresh = 20
	// patience is how many seconds a datagram waits to be filled (inferred).
	patience = 5

	template4 = 256 // v9; IPFIX uses 258 and 259
	template6 = 257

	v5Header, v9Header, ipfixHeader = 24, 20, 16
)

// Exporter packs records into datagrams as RouterOS does. It keeps IPv4 and IPv6
// records in datagrams of their own; v5 cannot carry IPv6, so those records are
// left out of it.
type Exporter struct {
	// Sent counts datagrams, Records the records in them, Skipped those that the
	// format cannot carry.
	Sent, Records, Skipped uint64

	layout   layout
	boot     int64 // Unix ms
	send     func(at int64, payload []byte) error
	sequence uint32 // v9: datagrams sent; v5 and IPFIX: records sent
	last     int64  // Unix seconds of the last datagram
	four     packing
	six      packing
	template []byte
	err      error

	refresh     uint64 // datagrams between two of the templates
	timeout     int64  // seconds after which they are sent anyway; 0: never
	templates   uint64 // datagrams with templates sent so far
	untemplated uint64 // datagrams since the last of them
	announced   int64  // Unix seconds of the last of them
	sampling    uint32 // for elements 34 and 35; 0: all packets are counted
	swapped     bool   // element 34 has its bytes in the wrong order
}

// packing is a datagram that is being filled.
type packing struct {
	fields  []field
	id      uint16 // of the template
	size    int    // of a record
	room    int    // records that fit
	count   int
	since   int64  // Unix seconds of the first record
	payload []byte // header and set header left free
}

// NewExporter returns an exporter of a device that booted at the given time,
// which must be a whole second. send is given each datagram with the Unix second
// of its header; the payload is valid until it returns. Its first error stops the
// exporter and is what Add returns from then on.
func NewExporter(f Format, boot time.Time, send func(at int64, payload []byte) error) (*Exporter, error) {
	if f >= formats {
		return nil, errors.New("no such export format")
	}
	if boot.Nanosecond() != 0 {
		return nil, errors.New("the boot time must be a whole second, or no collector can know the milliseconds")
	}
	return newExporter(f.layout(), boot, send), nil
}

func newExporter(l layout, boot time.Time, send func(at int64, payload []byte) error) *Exporter {
	e := &Exporter{boot: boot.UnixMilli(), send: send, refresh: templateRefresh}
	e.shape(l)
	return e
}

// shape gives the exporter a layout; what was packed in another has been flushed.
func (e *Exporter) shape(l layout) {
	e.layout = l
	header := e.headerLength()
	e.four = packing{fields: l.four, id: template4, size: 48}
	e.six = packing{fields: l.six, id: template6}
	if l.version == 10 {
		e.four.id, e.six.id = 258, 259
	}
	for _, p := range []*packing{&e.four, &e.six} {
		if p.fields != nil {
			p.size = size(p.fields)
		}
		if p.size > 0 {
			p.room = (maxPayload - header) / p.size
		}
		p.payload = make([]byte, header, maxPayload+4)
	}
	e.template = nil
	if l.version != 5 {
		e.template = e.announcement()
		e.templates = 0
	}
}

// headerLength is that of the datagram's header and, but for v5, the set's.
func (e *Exporter) headerLength() int {
	switch e.layout.version {
	case 5:
		return v5Header
	case 9:
		return v9Header + 4
	}
	return ipfixHeader + 4
}

// uptime is the device's sysUptime in ms at a Unix time in ms; it wraps after
// 49.7 days.
func (e *Exporter) uptime(ms int64) uint32 { return uint32(ms - e.boot) }

// Add packs one record. Records come in the order of their Export time.
func (e *Exporter) Add(r *Record) error {
	e.tick(r.Export)
	p := &e.four
	if !r.Src.Is4() {
		p = &e.six
	}
	if p.room == 0 {
		e.Skipped++
		return e.err
	}
	if p.count == 0 {
		p.since = r.Export
	}
	if e.layout.version == 5 {
		p.payload = e.appendV5(p.payload, r)
	} else {
		p.payload = e.appendFields(p.payload, p.fields, r)
	}
	p.count++
	if p.count == p.room {
		e.flush(p, r.Export)
	}
	return e.err
}

// Flush sends what is waiting; now is the Unix second of the headers.
func (e *Exporter) Flush(now int64) error {
	e.tick(now)
	e.flush(&e.four, now)
	e.flush(&e.six, now)
	return e.err
}

// tick sends what has waited long enough, the older first.
func (e *Exporter) tick(now int64) {
	first, second := &e.four, &e.six
	if second.count > 0 && second.since < first.since {
		first, second = second, first
	}
	for _, p := range []*packing{first, second} {
		if p.count > 0 && now >= p.since+patience {
			e.flush(p, p.since+patience)
		}
	}
}

// flush finishes a datagram and sends it.
func (e *Exporter) flush(p *packing, now int64) {
	if p.count == 0 || e.err != nil {
		return
	}
	if e.due(now) {
		e.finish(e.template, now, 2, 0)
		e.templates++
		e.untemplated, e.announced = 0, e.last
	}
	b := p.payload
	if header := e.headerLength(); e.layout.version != 5 {
		for (len(b)-header)%4 != 0 {
			b = append(b, 0)
		}
		binary.BigEndian.PutUint16(b[header-4:], p.id)
		binary.BigEndian.PutUint16(b[header-2:], uint16(len(b)-header+4))
	}
	e.finish(b, now, p.count, p.count)
	e.untemplated++
	p.payload, p.count = b[:e.headerLength()], 0
}

// due says whether the templates go out before the next datagram.
func (e *Exporter) due(now int64) bool {
	return e.template != nil && (e.templates == 0 || e.untemplated >= e.refresh || e.timeout > 0 && now-e.announced >= e.timeout)
}

// finish writes the header of a datagram with so many records (count as v9 has
// it, templates included) and sends it.
func (e *Exporter) finish(b []byte, now int64, count, records int) {
	if e.err != nil {
		return
	}
	now = max(now, e.last)
	e.last = now
	order := binary.BigEndian
	order.PutUint16(b, e.layout.version)
	switch e.layout.version {
	case 5:
		order.PutUint16(b[2:], uint16(count))
		order.PutUint32(b[4:], e.uptime(now*1000))
		order.PutUint32(b[8:], uint32(now))
		order.PutUint32(b[12:], 0)
		order.PutUint32(b[16:], e.sequence)
		order.PutUint32(b[20:], 0) // engine and sampling
		e.sequence += uint32(records)
	case 9:
		order.PutUint16(b[2:], uint16(count))
		order.PutUint32(b[4:], e.uptime(now*1000))
		order.PutUint32(b[8:], uint32(now))
		order.PutUint32(b[12:], e.sequence)
		order.PutUint32(b[16:], 0) // source id
		e.sequence++
	default:
		order.PutUint16(b[2:], uint16(len(b)))
		order.PutUint32(b[4:], uint32(now))
		order.PutUint32(b[8:], e.sequence)
		order.PutUint32(b[12:], 0) // observation domain
		e.sequence += uint32(records)
	}
	e.Sent++
	e.Records += uint64(records)
	e.err = e.send(now, b)
}

// announcement is the datagram that announces both layouts, header left free.
func (e *Exporter) announcement() []byte {
	header := e.headerLength()
	b := make([]byte, header)
	for _, p := range []*packing{&e.four, &e.six} {
		b = binary.BigEndian.AppendUint16(b, p.id)
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.fields)))
		for _, f := range p.fields {
			b = binary.BigEndian.AppendUint16(b, f.id)
			b = binary.BigEndian.AppendUint16(b, f.length)
		}
	}
	if e.layout.version == 10 {
		binary.BigEndian.PutUint16(b[header-4:], 2) // RFC 7011, section 3.3.2
	}
	binary.BigEndian.PutUint16(b[header-2:], uint16(len(b)-header+4))
	return b
}

// appendV5 appends a 48-byte v5 record. AS numbers and masks are zero.
func (e *Exporter) appendV5(b []byte, r *Record) []byte {
	order := binary.BigEndian
	b = append4(b, r.Src)
	b = append4(b, r.Dst)
	b = append4(b, r.NextHop)
	b = order.AppendUint16(b, uint16(r.InIf))
	b = order.AppendUint16(b, uint16(r.OutIf))
	b = order.AppendUint32(b, uint32(r.Packets))
	b = order.AppendUint32(b, uint32(r.Bytes))
	b = order.AppendUint32(b, e.uptime(r.Start))
	b = order.AppendUint32(b, e.uptime(r.End))
	b = order.AppendUint16(b, r.SrcPort)
	b = order.AppendUint16(b, r.DstPort)
	b = append(b, 0, r.TCPFlags, r.Proto, r.TOS)
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0)
}

func append4(b []byte, a netip.Addr) []byte {
	if !a.Is4() {
		return append(b, 0, 0, 0, 0)
	}
	four := a.As4()
	return append(b, four[:]...)
}

func append16(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		a = netip.IPv6Unspecified()
	}
	sixteen := a.As16()
	return append(b, sixteen[:]...)
}
