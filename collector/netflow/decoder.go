// Package netflow turns NetFlow v5, v9 and IPFIX datagrams into flow records,
// and keeps what that needs: templates, sampling, sequence numbers. It is pure:
// no socket, no clock, no log.
//
// # What is remembered
//
// A stream is what one process of an exporter sends: address and UDP port of
// the exporter, export version, and domain (v9 source id, IPFIX observation
// domain, v5 engine). Templates, sampling, start-up time and sequence numbers
// belong to a stream, so no exporter can overwrite another's. Limits bound it
// all, and what has to make room is always the same exporter's own. Where a
// stream has no template of a number, one of another port of the same address,
// version and domain serves if it fits the set to the byte.
//
// # What holds for a datagram
//
// What was known before a datagram holds until the datagram replaces it. A set
// that nothing known fits looks ahead to the templates and options behind it in the
// same datagram; if there are none, it is kept back for itself, not with its
// datagram: see Unread.
//
// After a reboot (start-up time moved) templates are not used before they are sent
// again; after a mere jump of the sequence number they are, for sets that they fit
// to the byte.
//
// # What becomes a record
//
// One data record becomes one flow.Record, except for:
//   - records of options templates, which describe the exporter. What they say
//     about sampling and start-up time is used.
//   - NAT events (element 230 without counters): counted, no traffic.
//   - records of templates in which nothing is of use here: counted as Other.
//
// The reverse direction of a biflow (RFC 5103, enterprise 29305, and Cisco's
// responder counters 232 and 299) is never added to the forward counters: it
// went the other way. Where it counted anything it becomes a second record, with
// both ends in each other's place.
//
// Octets are element 1, else 85 (a total: right for exporters that send a flow
// once), else 23 (out), else 231 (initiator); packets 2, 86, 24, 298. Element
// 23 also stands in for a 1 that is zero, because some exporters fill only the
// one of the direction that they watch; they are never added up.
package netflow

import (
	"net/netip"

	"nfacct/collector/flow"
)

// Decoder holds what must be remembered between datagrams, for any number of
// exporters. It is not safe for concurrent use.
type Decoder struct {
	limits    Limits
	exporters map[netip.Addr]*exporter
	unproven  queue[exporter] // those that never sent flow records
	proven    queue[exporter]
	streams   map[key]*stream
	kin       map[key][]*stream // those that differ only by port: see key.anyPort
	last      *stream           // of the datagram before: most come in a row
	tick      uint64            // counts every use, the clock of "least recently used"

	header header      // of the datagram being read
	base   flow.Record // what all its records share
	work   work

	specifiers []field // see fields

	unread  []Unread // see Unread and Defined
	defined []TemplateKey
}

// NewDecoder returns a decoder within the given limits; zero fields mean defaults.
func NewDecoder(limits Limits) *Decoder {
	return &Decoder{
		limits:    limits.orDefault(),
		exporters: make(map[netip.Addr]*exporter),
		streams:   make(map[key]*stream),
		kin:       make(map[key][]*stream),
	}
}

// mode is what a datagram is read for.
type mode uint8

const (
	decode mode = iota // make records
	scan               // count them
	learn              // a carried datagram: only templates, options and the place in the sequence
)

// Decode appends the datagram's records to dst. It takes received as Unix
// nanoseconds by the collector's clock. Whatever is wrong with the datagram is
// counted in Datagram.Rejects; the rest of it is used as far as it can be
// trusted. The datagram's bytes are not kept.
func (d *Decoder) Decode(dst []flow.Record, src netip.AddrPort, received int64, payload []byte) ([]flow.Record, Datagram) {
	var g Datagram
	dst = d.read(dst, src, received, payload, decode, &g)
	return dst, g
}

// Scan does all that Decode does but making records: its Datagram is the same.
func (d *Decoder) Scan(src netip.AddrPort, received int64, payload []byte) Datagram {
	var g Datagram
	d.read(nil, src, received, payload, scan, &g)
	return g
}

// Learn takes a datagram that Carry made: templates, sampling and the place in
// the sequence, so that the next datagram's Loss counts from there. It counts
// nothing and loses nothing that is already known.
func (d *Decoder) Learn(src netip.AddrPort, received int64, payload []byte) {
	var g Datagram
	d.read(nil, src, received, payload, learn, &g)
}

// header is what the three versions' headers have in common.
type header struct {
	version  flow.Version
	domain   uint32
	sequence uint32
	uptime   uint32 // milliseconds since the exporter's start; not in IPFIX
	export   int64  // Unix nanoseconds, the exporter's clock
	received int64  // Unix nanoseconds, the collector's clock
}

// Header sizes: Cisco's NetFlow export datagram format (v5), RFC 3954 section
// 5.1 (v9), RFC 7011 section 3.1 (IPFIX).
const (
	v5Header    = 24
	v9Header    = 20
	ipfixHeader = 16
)

const second = 1_000_000_000 // nanoseconds

// parse reads the header of a datagram and gives its size, or 0 when the datagram
// is too short or of no known version.
func (h *header) parse(payload []byte) (size int) {
	if len(payload) < 2 {
		return 0
	}
	h.version = flow.Version(be.Uint16(payload))
	switch h.version {
	case flow.V5:
		if len(payload) < v5Header {
			return 0
		}
		h.uptime = be.Uint32(payload[4:])
		h.export = int64(be.Uint32(payload[8:]))*second + int64(be.Uint32(payload[12:]))
		h.sequence = be.Uint32(payload[16:])
		h.domain = uint32(be.Uint16(payload[20:])) // engine type and id
		return v5Header
	case flow.V9:
		if len(payload) < v9Header {
			return 0
		}
		h.uptime = be.Uint32(payload[4:])
		h.export = int64(be.Uint32(payload[8:])) * second
		h.sequence = be.Uint32(payload[12:])
		h.domain = be.Uint32(payload[16:])
		return v9Header
	case flow.IPFIX:
		if len(payload) < ipfixHeader {
			return 0
		}
		h.export = int64(be.Uint32(payload[4:])) * second
		h.sequence = be.Uint32(payload[8:])
		h.domain = be.Uint32(payload[12:])
		return ipfixHeader
	}
	return 0
}

func (d *Decoder) read(dst []flow.Record, src netip.AddrPort, received int64, payload []byte, mode mode, g *Datagram) []flow.Record {
	d.unread, d.defined = d.unread[:0], d.defined[:0]
	h := &d.header
	*h = header{received: received}
	size := h.parse(payload)
	g.Version = h.version
	if size == 0 {
		if isKnown := h.version == flow.V5 || h.version == flow.V9 || h.version == flow.IPFIX; isKnown || len(payload) < 2 {
			g.Rejects.add(ShortHeader)
		} else {
			g.Rejects.add(UnknownVersion)
		}
		return dst
	}
	h.describe(g)
	switch h.version {
	case flow.V5:
		return d.readV5(dst, src, h, payload, mode, g)
	case flow.V9:
		return d.readV9(dst, src, h, payload[v9Header:], mode, g)
	}
	return d.readIPFIX(dst, src, h, payload, mode, g)
}

func (h *header) describe(g *Datagram) {
	g.Domain, g.Sequence, g.ExportTime = h.domain, h.sequence, h.export
}

// prepare fills in what all records of a datagram share.
func (d *Decoder) prepare(exporter netip.Addr, h *header) {
	d.base = flow.Record{
		Has:      flow.HasSequence,
		Version:  h.version,
		Domain:   h.domain,
		Sequence: h.sequence,
		Exporter: exporter,
		Received: h.received,
	}
}

// sample gives the records of the next data set the sampling that was known when
// it came, else what the exporter says of its template or of all.
func (d *Decoder) sample(rates *rates, id uint16, before uint32) {
	d.work.rates = rates
	n := before
	if n == 0 {
		n = rates.of(id)
	}
	d.base.Sampling = n
	d.base.Has &^= flow.HasSampling
	if n != 0 {
		d.base.Has |= flow.HasSampling
	}
}
