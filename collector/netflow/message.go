package netflow

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"nfacct/collector/flow"
)

// Set numbers: RFC 3954 sections 5.2 and 6.1, RFC 7011 section 3.3.2.
const (
	v9Templates    = 0
	v9Options      = 1
	ipfixTemplates = 2
	ipfixOptions   = 3
	firstDataSet   = 256
)

var be = binary.BigEndian

func (d *Decoder) readV9(dst []flow.Record, src netip.AddrPort, h *header, sets []byte, mode mode, g *Datagram) []flow.Record {
	s := d.stream(src, h, g)
	if s == nil {
		return dst
	}
	if mode == learn {
		s.sequence.seed(h, units{data: 1})
	} else if g.Loss = s.sequence.account(h, units{data: 1}); g.Loss.Restart {
		s.doubt()
	}
	dst = d.readSets(dst, s, h, sets, mode, g)
	if mode != learn {
		s.count(g)
	}
	return dst
}

func (d *Decoder) readIPFIX(dst []flow.Record, src netip.AddrPort, h *header, payload []byte, mode mode, g *Datagram) []flow.Record {
	// Before 6.38 RouterOS wrote wrong lengths here, so an impossible one is no
	// reason to lose the datagram: its sets have lengths of their own.
	switch length := int(be.Uint16(payload[2:])); {
	case length < ipfixHeader || length > len(payload):
		g.Rejects.add(MessageLength)
	case length < len(payload):
		g.Rejects.add(TrailingBytes)
		payload = payload[:length]
	}
	s := d.stream(src, h, g)
	if s == nil {
		return dst
	}
	from := len(dst)
	dst = d.readSets(dst, s, h, payload[ipfixHeader:], mode, g)
	u := units{
		data:    uint32(g.Records + g.NATEvents + g.Other),
		options: uint32(g.Options),
		unknown: d.work.uncounted,
	}
	if mode == learn {
		s.sequence.seed(h, units{unknown: u.unknown})
		return dst
	}
	if g.Loss = s.sequence.account(h, u); g.Loss.Restart {
		s.doubt()
		s.hasInit = false
		s.boot = boot{}
	}
	d.estimate(s, h, dst[from:])
	s.count(g)
	return dst
}

// doubt marks the templates of an exporter that restarted.
func (s *stream) doubt() {
	for _, t := range s.templates {
		t.doubtful = true
	}
}

// readSets goes through the sets of a v9 or IPFIX datagram.
func (d *Decoder) readSets(dst []flow.Record, s *stream, h *header, sets []byte, mode mode, g *Datagram) []flow.Record {
	d.work = work{h: h, stream: s}
	d.prepare(s, h)
	if n := s.rate(); n != 0 {
		d.base.Sampling = n
		d.base.Has |= flow.HasSampling
	}
	if len(sets) == 0 {
		g.Rejects.add(NoSets)
	}
	for first := true; len(sets) > 0; first = false {
		// Some exporters (Palo Alto, Cisco ACI) fill the datagram up with zeros.
		if !first && sets[0] == 0 && isZero(sets) {
			break
		}
		if len(sets) < setHeader {
			g.Rejects.add(SetLength)
			d.work.uncounted = true
			break
		}
		id, length := be.Uint16(sets), int(be.Uint16(sets[2:]))
		if length < setHeader || length > len(sets) {
			if length < setHeader {
				g.Rejects.add(SetLength)
			} else {
				g.Rejects.add(SetBeyondDatagram)
			}
			d.work.uncounted = true
			break
		}
		set := sets[setHeader:length]
		sets = sets[length:]
		switch {
		case id >= firstDataSet:
			dst = d.dataSet(dst, s, h, id, set, mode, g)
		case h.version == flow.V9 && id == v9Templates, h.version == flow.IPFIX && id == ipfixTemplates:
			d.templateSet(s, set, g)
		case h.version == flow.V9 && id == v9Options:
			d.optionsSetV9(s, set, g)
		case h.version == flow.IPFIX && id == ipfixOptions:
			d.optionsSetIPFIX(s, set, g)
		default:
			g.Rejects.add(SetID)
		}
	}
	return dst
}

// dataSet reads or counts the records of a set.
func (d *Decoder) dataSet(dst []flow.Record, s *stream, h *header, id uint16, set []byte, mode mode, g *Datagram) []flow.Record {
	t := d.lookup(s, id, h.received)
	if t == nil || t.doubtful && !t.plan.fits(set) {
		g.NoTemplate++
		d.work.uncounted = true
		return dst
	}
	p := t.plan
	if mode == learn && p.kind != options {
		return dst
	}
	if len(set) < p.size {
		g.Rejects.add(SetShorterThanRecord)
		d.work.uncounted = true
		return dst
	}
	d.work.sampling = sampling{}
	if p.shape != nil {
		return d.variableSet(dst, s, t, set, mode, g)
	}

	n := len(set) / p.size
	rest := set[n*p.size:]
	// Up to three bytes are padding, whatever they hold: not every exporter clears
	// them. More than that is padding when it is zero. Otherwise the records were
	// not made by this template (RouterOS before 6.38 sent records a byte longer):
	// all but the first begin at an unknown place.
	if len(rest) > 3 && !isZero(rest) {
		g.Rejects.add(SetMismatch)
		d.work.uncounted = true
		if n > 1 {
			return dst
		}
	}
	g.add(p, n)
	switch {
	case p.kind == options:
		if p.useful {
			for ; len(set) >= p.size; set = set[p.size:] {
				saying := p.option(set, s)
				s.keep(t, saying.selector, set[:p.size])
			}
		}
	case p.kind == traffic && mode == decode:
		at := len(dst)
		dst = slices.Grow(dst, n)[:at+n]
		for i := range n {
			r := &dst[at+i]
			*r = d.base
			p.fill(r, set[i*p.size:][:p.size], &d.work)
		}
	}
	return dst
}

// variableSet is dataSet for a template with variable-length fields.
func (d *Decoder) variableSet(dst []flow.Record, s *stream, t *template, set []byte, mode mode, g *Datagram) []flow.Record {
	p := t.plan
	for len(set) >= p.size {
		length, ok := p.find(set)
		if !ok {
			// Padding that happens to be as long as the shortest record.
			if !isZero(set) || len(set) > 3 {
				g.Rejects.add(FieldBeyondSet)
				d.work.uncounted = true
			}
			break
		}
		g.add(p, 1)
		switch {
		case p.kind == options:
			if p.useful {
				saying := p.option(set, s)
				s.keep(t, saying.selector, set[:length])
			}
		case p.kind == traffic && mode == decode:
			dst = append(dst, d.base)
			p.fill(&dst[len(dst)-1], set[:length], &d.work)
		}
		set = set[length:]
	}
	return dst
}

// add counts n records of a template.
func (g *Datagram) add(p *plan, n int) {
	switch p.kind {
	case traffic:
		g.Records += n
		if p.biflow {
			g.Biflows += n
		}
	case natEvents:
		g.NATEvents += n
	case other:
		g.Other += n
	case options:
		g.Options += n
	}
}

// fits says whether a set holds whole records of a template and nothing else but
// padding to four bytes.
func (p *plan) fits(set []byte) bool {
	if p.shape != nil {
		for len(set) >= p.size {
			length, ok := p.find(set)
			if !ok {
				return false
			}
			set = set[length:]
		}
	} else {
		if len(set) < p.size {
			return false
		}
		set = set[len(set)/p.size*p.size:]
	}
	return len(set) <= 3 // RouterOS does not clear padding
}
