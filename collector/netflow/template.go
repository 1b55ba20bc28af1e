package netflow

import (
	"bytes"

	"nfacct/collector/flow"
)

// template is a template or options template of a stream.
type template struct {
	id       uint16
	raw      []byte // the template record as sent
	plan     *plan
	tick     uint64 // when last sent or used
	received int64  // likewise, Unix nanoseconds
	// doubtful: the exporter restarted since this was sent. It may have other
	// templates now (RFC 3954 section 9 would forget this one), but mostly has the
	// same. So it is used for sets that it fits to the byte.
	doubtful bool
	kept     []kept
}

// setHeader is the size of a set's number and length.
const (
	setHeader = 4
	maxSet    = 65535
)

// lookup finds the template of a data set, or nil.
func (d *Decoder) lookup(s *stream, id uint16, received int64) *template {
	t := s.recent
	if t == nil || t.id != id {
		if t = s.templates[id]; t == nil {
			return nil
		}
	}
	if received-t.received > int64(d.limits.Age) {
		s.withdraw(t)
		return nil
	}
	s.recent = t
	d.tick++
	t.tick, t.received = d.tick, received
	return t
}

func (s *stream) withdraw(t *template) {
	delete(s.templates, t.id)
	s.kept -= len(t.kept)
	if s.recent == t {
		s.recent = nil
	}
}

// withdrawAll forgets all templates, or all options templates (RFC 7011,
// section 8.1).
func (s *stream) withdrawAll(isOptions bool) {
	for _, t := range s.templates {
		if (t.plan.kind == options) == isOptions {
			s.withdraw(t)
		}
	}
}

// define stores a template. raw is its record, fields what it lists.
func (d *Decoder) define(s *stream, id uint16, raw []byte, fields []field, isOptions bool, g *Datagram) {
	d.tick++
	known := s.templates[id]
	if known != nil && (known.plan.kind == options) == isOptions && bytes.Equal(known.raw, raw) {
		if known.doubtful {
			d.announce(s, id)
		}
		known.tick, known.received, known.doubtful = d.tick, s.received, false
		g.Templates++
		return
	}
	p, bad, ok := compile(s.key.version, fields, isOptions)
	if !ok {
		g.Rejects.add(TemplateLength)
		return
	}
	for range bad {
		g.Rejects.add(FieldLength)
	}
	switch {
	case known != nil:
		g.Rejects.add(TemplateChanged)
		s.withdraw(known)
	case len(s.templates) >= d.limits.Templates:
		g.Rejects.add(TemplateEvicted)
		var oldest *template
		for _, t := range s.templates {
			if oldest == nil || t.tick < oldest.tick {
				oldest = t
			}
		}
		s.withdraw(oldest)
	}
	if s.templates == nil {
		s.templates = make(map[uint16]*template)
	}
	d.announce(s, id)
	s.templates[id] = &template{id: id, raw: bytes.Clone(raw), plan: p, tick: d.tick, received: s.received}
	g.Templates++
}

// announce notes that a template became known.
func (d *Decoder) announce(s *stream, id uint16) {
	d.defined = append(d.defined, TemplateKey{s.key.src.Addr(), s.key.version, s.key.domain, id})
}

// templateSet reads the records of a template set: RFC 3954 section 5.2, RFC
// 7011 section 3.4.1.
func (d *Decoder) templateSet(s *stream, set []byte, g *Datagram) {
	for len(set) >= 4 && !isZero(set) {
		id, n := be.Uint16(set), int(be.Uint16(set[2:]))
		if n == 0 {
			if s.key.version == flow.IPFIX {
				d.withdrawal(s, id, false, g)
			} else {
				g.Rejects.add(TemplateEmpty)
			}
			set = set[4:]
			continue
		}
		fields, rest, ok := d.fields(s.key.version, set[4:], n, 0)
		if !ok {
			g.Rejects.add(TemplateBeyondSet)
			return
		}
		d.check(s, id, n, set[:len(set)-len(rest)], fields, false, g)
		set = rest
	}
	if s.key.version == flow.IPFIX && !isZero(set) {
		g.Rejects.add(TemplateRemainder)
	}
}

// optionsSetV9 reads the records of a v9 options template set: RFC 3954 section
// 6.1. The lengths that it gives are in bytes.
func (d *Decoder) optionsSetV9(s *stream, set []byte, g *Datagram) {
	const head = 6
	for len(set) >= head && !isZero(set) {
		id, scope, option := be.Uint16(set), int(be.Uint16(set[2:])), int(be.Uint16(set[4:]))
		if scope%4 != 0 || option%4 != 0 || scope+option > len(set)-head {
			g.Rejects.add(OptionsLength)
			return
		}
		n := (scope + option) / 4
		if n == 0 {
			g.Rejects.add(TemplateEmpty)
			set = set[head:]
			continue
		}
		fields, rest, _ := d.fields(flow.V9, set[head:], n, scope/4)
		d.check(s, id, n, set[:len(set)-len(rest)], fields, true, g)
		set = rest
	}
	// Some exporters (Cisco's wireless controllers) pad with bytes left over.
	if len(set) > 3 && !isZero(set) {
		g.Rejects.add(TemplateRemainder)
	}
}

// optionsSetIPFIX reads the records of an IPFIX options template set: RFC 7011
// section 3.4.2.2.
func (d *Decoder) optionsSetIPFIX(s *stream, set []byte, g *Datagram) {
	const head = 6
	for len(set) >= 4 && !isZero(set) {
		id, n := be.Uint16(set), int(be.Uint16(set[2:]))
		if n == 0 {
			d.withdrawal(s, id, true, g)
			set = set[4:]
			continue
		}
		if len(set) < head {
			g.Rejects.add(TemplateBeyondSet)
			return
		}
		scope := int(be.Uint16(set[4:]))
		fields, rest, ok := d.fields(flow.IPFIX, set[head:], n, min(scope, n))
		if !ok {
			g.Rejects.add(TemplateBeyondSet)
			return
		}
		if scope == 0 || scope > n {
			g.Rejects.add(OptionsScope)
		} else {
			d.check(s, id, n, set[:len(set)-len(rest)], fields, true, g)
		}
		set = rest
	}
	if !isZero(set) {
		g.Rejects.add(TemplateRemainder)
	}
}

// check stores a template of n fields unless its number or size forbids it.
func (d *Decoder) check(s *stream, id uint16, n int, raw []byte, fields []field, isOptions bool, g *Datagram) {
	switch {
	case id < firstDataSet:
		g.Rejects.add(TemplateID)
	case n > d.limits.Fields:
		g.Rejects.add(TemplateFields)
	default:
		d.define(s, id, raw, fields, isOptions, g)
	}
}

// withdrawal takes back one template, or all of a kind when id is the set's own.
func (d *Decoder) withdrawal(s *stream, id uint16, isOptions bool, g *Datagram) {
	all := uint16(ipfixTemplates)
	if isOptions {
		all = ipfixOptions
	}
	switch {
	case id == all:
		s.withdrawAll(isOptions)
	case id < firstDataSet:
		g.Rejects.add(TemplateID)
		return
	default:
		if t := s.templates[id]; t != nil {
			s.withdraw(t)
		}
	}
	g.Withdrawn++
}

// fields reads n field specifiers, of which the first are scope fields. The
// result is valid until the next call, and stops at Limits.Fields: templates
// with more are read to their end, but not used. ok is false when b is too short.
func (d *Decoder) fields(version flow.Version, b []byte, n, scope int) (fields []field, rest []byte, ok bool) {
	fields = d.specifiers[:0]
	for i := range n {
		if len(b) < 4 {
			return nil, b, false
		}
		f := field{element: be.Uint16(b), length: be.Uint16(b[2:]), scope: i < scope}
		b = b[4:]
		if version == flow.IPFIX && f.element&0x8000 != 0 {
			if len(b) < 4 {
				return nil, b, false
			}
			f.element &= 0x7fff
			f.enterprise = be.Uint32(b)
			b = b[4:]
		}
		if i < d.limits.Fields {
			fields = append(fields, f)
		}
	}
	d.specifiers = fields
	return fields, b, true
}

// isZero says whether b holds only zeros: padding.
func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
