package netflow

import (
	"bytes"
	"net/netip"
	"slices"

	"nfacct/collector/flow"
)

// carrySize is where a carried datagram ends, if it can: below any usual MTU.
const carrySize = 1400

// Carry emits datagrams that bring a fresh Decoder to this one's state, when it
// is given them by Learn: templates, options templates, the last options records
// that tell of sampling or start-up time, and for each stream its place in the
// sequence, so that loss across the seam is seen. They hold no traffic:
//   - v5: a header with no record, whose sequence number is the next one.
//   - v9: sets under the number of the last datagram, so the next one's is one more.
//   - IPFIX: sets under the next number. Where that is not known, because the last
//     datagram had data without a template, a data set of zeros without a template
//     is among them, and says so.
//
// How an IPFIX exporter numbers its messages, where it is not as RFC 7011 wants it,
// goes along in a set of number 4: one that no exporter sends (RFC 7011 section
// 3.3.2 reserves it), and that others pass over.
//
// received is that of the stream's last datagram. The payload is valid until
// emit returns. The order is that of Streams. What is carried is bounded, and
// shared out fairly: see CarryMost.
func (d *Decoder) Carry(emit func(src netip.AddrPort, received int64, payload []byte)) {
	c := carrier{emit: emit}
	for _, p := range d.chosen() {
		c.carry(p.stream, p.all)
	}
}

// carrier writes carried datagrams.
type carrier struct {
	emit func(src netip.AddrPort, received int64, payload []byte)
	s    *stream
	buf  []byte
	head int // size of the header
	set  int // where the open set begins, or 0
	id   uint16
}

func (c *carrier) carry(s *stream, all bool) {
	c.s = s
	c.begin()
	if s.key.version == flow.V5 {
		c.emit(s.key.src, s.received, c.buf)
		return
	}
	templateSet, optionsSet := uint16(v9Templates), uint16(v9Options)
	if s.key.version == flow.IPFIX {
		templateSet, optionsSet = ipfixTemplates, ipfixOptions
	}
	for _, t := range s.byID() {
		if !all && t.isIdle(s) {
			continue
		}
		if t.isOptions {
			c.put(optionsSet, t.raw)
			for _, record := range t.records() {
				c.put(t.id, record)
			}
		} else {
			c.put(templateSet, t.raw)
		}
	}
	if style := s.sequence.style; style != styles[0] && s.key.version == flow.IPFIX {
		c.put(carriedStyle, style.raw())
	}
	if s.sequence.newest.units.unknown && s.key.version == flow.IPFIX {
		if id, ok := s.unused(); ok {
			c.put(id, make([]byte, setHeader))
		}
	}
	c.flush()
}

// begin writes the header. v9's count and IPFIX's length are set by flush.
func (c *carrier) begin() {
	s, at := c.s, &c.s.sequence.newest
	b := be.AppendUint16(c.buf[:0], uint16(s.key.version))
	b = be.AppendUint16(b, 0)
	seconds := uint32(at.export / second)
	switch s.key.version {
	case flow.V5:
		b = be.AppendUint32(b, at.uptime)
		b = be.AppendUint32(b, seconds)
		b = be.AppendUint32(b, uint32(at.export%second))
		b = be.AppendUint32(b, s.sequence.next())
		b = be.AppendUint16(b, uint16(s.key.domain))
		b = be.AppendUint16(b, uint16(s.rates.system&0x3fff))
	case flow.V9:
		b = be.AppendUint32(b, at.uptime)
		b = be.AppendUint32(b, seconds)
		b = be.AppendUint32(b, at.sequence)
		b = be.AppendUint32(b, s.key.domain)
	case flow.IPFIX:
		b = be.AppendUint32(b, seconds)
		b = be.AppendUint32(b, s.sequence.next())
		b = be.AppendUint32(b, s.key.domain)
	}
	if s.key.version != flow.V5 && !s.isProven() {
		b = be.AppendUint16(b, carriedYoung)
		b = be.AppendUint16(b, setHeader)
	}
	c.buf, c.head, c.set = b, len(b), 0
}

// put appends a record to a set of the given number, in a new datagram if this
// one is full.
func (c *carrier) put(id uint16, record []byte) {
	if len(c.buf) > c.head && len(c.buf)+setHeader+len(record) > carrySize {
		c.flush()
		c.begin()
	}
	if c.set == 0 || c.id != id {
		c.close()
		c.set, c.id = len(c.buf), id
		c.buf = be.AppendUint16(c.buf, id)
		c.buf = be.AppendUint16(c.buf, 0)
	}
	c.buf = append(c.buf, record...)
	if c.s.key.version == flow.V9 {
		be.PutUint16(c.buf[2:], be.Uint16(c.buf[2:])+1)
	}
}

func (c *carrier) close() {
	if c.set != 0 {
		be.PutUint16(c.buf[c.set+2:], uint16(len(c.buf)-c.set))
	}
}

func (c *carrier) flush() {
	c.close()
	if c.s.key.version == flow.IPFIX {
		be.PutUint16(c.buf[2:], uint16(len(c.buf)))
	}
	c.emit(c.s.key.src, c.s.received, c.buf)
}

func (s *stream) byID() []*template {
	all := make([]*template, 0, len(s.templates))
	for _, t := range s.templates {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *template) int { return int(a.id) - int(b.id) })
	return all
}

// records are the kept ones of an options template, always in one order.
func (t *template) records() (all [][]byte) {
	for _, record := range t.kept {
		all = append(all, record)
	}
	slices.SortFunc(all, bytes.Compare)
	return all
}

// unused finds a number that is no template's.
func (s *stream) unused() (id uint16, ok bool) {
	for id := uint16(0xffff); id >= firstDataSet; id-- {
		if s.templates[id] == nil {
			return id, true
		}
	}
	return 0, false
}
