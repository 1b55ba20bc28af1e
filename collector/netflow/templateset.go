package netflow

import "nfacct/collector/flow"

// templateSet reads the records of a template set: RFC 3954 section 5.2, RFC
// 7011 section 3.4.1.
func (d *Decoder) templateSet(s *stream, set []byte, g *Datagram) {
	zeros := trailingZeros(set)
	for len(set) >= 4 && len(set) > zeros {
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
	zeros := trailingZeros(set)
	for len(set) >= head && len(set) > zeros {
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
	zeros := trailingZeros(set)
	for len(set) >= 4 && len(set) > zeros {
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

// trailingZeros is how many zeros b ends with: padding, unless a record needs them.
// It is asked once a set: asking at each record whether only zeros are left
// would take time that grows with the square of a set.
func trailingZeros(b []byte) int {
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return len(b) - n
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
