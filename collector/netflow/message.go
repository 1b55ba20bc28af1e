package netflow

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"nfacct/collector/flow"
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
	sets := message(payload, g)
	s := d.stream(src, h, g)
	if s == nil {
		return dst
	}
	from := len(dst)
	dst = d.readSets(dst, s, h, sets, mode, g)
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
	d.sample(s, 0)
	if len(sets) < setHeader {
		g.Rejects.add(NoSets)
	}
	for first := true; !isTail(sets, first); first = false {
		id, body, rest, wrong := cut(sets)
		if wrong != reasons {
			g.Rejects.add(wrong)
			d.work.uncounted = true
			break
		}
		sets = rest
		switch {
		case id >= firstDataSet:
			var ok bool
			if dst, ok = d.dataSet(dst, s, h, id, body, mode, g); !ok {
				d.wait(s, h, id, body)
			}
		case h.version == flow.V9 && id == v9Templates, h.version == flow.IPFIX && id == ipfixTemplates:
			d.templateSet(s, body, g)
		case h.version == flow.V9 && id == v9Options:
			d.optionsSetV9(s, body, g)
		case h.version == flow.IPFIX && id == ipfixOptions:
			d.optionsSetIPFIX(s, body, g)
		default:
			g.Rejects.add(SetID)
		}
	}
	return d.lookAhead(dst, s, h, mode, g)
}

// dataSet reads or counts the records of a set. ok is false when nothing known
// fits it.
func (d *Decoder) dataSet(dst []flow.Record, s *stream, h *header, id uint16, set []byte, mode mode, g *Datagram) (_ []flow.Record, ok bool) {
	if len(set) == 0 { // no template makes records of it
		g.Rejects.add(SetShorterThanRecord)
		d.work.uncounted = true
		return dst, true
	}
	t := d.lookup(s, id, h.received)
	if t == nil || t.doubtful && !t.plan.fits(set) {
		return dst, false
	}
	p := t.plan
	if mode == learn && p.kind != options {
		return dst, true
	}
	if len(set) < p.size {
		g.Rejects.add(SetShorterThanRecord)
		d.work.uncounted = true
		return dst, true
	}
	d.work.sampling = sampling{}
	if p.shape != nil {
		return d.variableSet(dst, s, t, set, mode, g), true
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
			return dst, true
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
			d.sample(s, 0)
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
	return dst, true
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
				d.sample(s, 0)
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
