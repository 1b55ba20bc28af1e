package netflow

import (
	"bytes"

	"nfacct/collector/flow"
)

// template is a template or options template of a stream.
type template struct {
	id        uint16
	isOptions bool
	raw       []byte // the template record as sent
	plan      *plan  // nil until the first data come: see compiled
	received  int64  // when last sent or used, Unix nanoseconds
	announced int64  // when last sent
	trust     trust
	place     place[template] // in the stream's untried or tried
	kept      map[scope][]byte
}

// trust is what may be read by a template after its exporter began anew.
type trust uint8

const (
	// sound: sent since.
	sound trust = iota
	// doubtful: the sequence began anew. The exporter may have other templates now
	// (RFC 3954 section 9 would forget this one), but mostly has the same: a
	// sequence number alone is no reboot. It is used for sets that it fits to the
	// byte.
	doubtful
	// aside: the exporter rebooted. A layout of the same size may come under the
	// same number, and nothing in the data would tell. It is not used before it is
	// sent again.
	aside
)

// setHeader is the size of a set's number and length.
const (
	setHeader = 4
	maxSet    = 65535
)

// find gives the template to read a data set by, or nil: the stream's own. A set
// that came in another port's stream may be read by isSibling too.
func (d *Decoder) find(s *stream, id uint16, set []byte, received int64) *template {
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
	if t.trust != sound && (t.trust == aside || !d.compiled(s, t).fits(set)) {
		return nil
	}
	s.recent = t
	return t
}

// use marks a template as used: those that data came for make room last.
func (s *stream) use(t *template, received int64) {
	s.tried.use(&t.place)
	t.received = max(t.received, received)
}

// maxProbes bounds how many templates of other streams are looked up for one
// datagram.
const maxProbes = 1024

// borrow gives a template of another port of the exporter, of the same version
// and source id, that fits a set to the byte; nil when there is none. RFC 3954
// section 5.1 names only address and source id, and there are exporters that
// send templates and data from different ports. RFC 7011 section 8 ties
// templates to the transport session, yet some do the same in IPFIX (pmacct's
// test 112). own is where the set came, or nil when that stream is forgotten.
func (d *Decoder) borrow(own *stream, k key, h *header, id uint16, set []byte) (*stream, *template) {
	if own != nil && own.templates[id] != nil {
		return nil, nil // it has one, and waits for it to be sent again
	}
	for _, s := range d.kin[k.anyPort()] {
		if s == own || d.work.probes >= maxProbes {
			continue
		}
		d.work.probes++
		t := s.templates[id]
		if t == nil || t.trust == aside || h.received-t.received > int64(d.limits.Age) {
			continue
		}
		now := instant{uptime: h.uptime, export: h.export, received: h.received}
		if k.version == flow.V9 && s.sequence.newest.moved(&now) {
			continue // it is of a time before a reboot, or of another exporter
		}
		if d.compiled(s, t).fits(set) {
			return s, t
		}
	}
	return nil, nil
}

func (s *stream) withdraw(t *template) {
	delete(s.templates, t.id)
	t.place.leave()
	for _, record := range t.kept {
		s.kept--
		s.keptBytes -= len(record)
	}
	t.kept = nil
	if s.recent == t {
		s.recent = nil
	}
}

// withdrawAll forgets all templates, or all options templates (RFC 7011,
// section 8.1).
func (s *stream) withdrawAll(isOptions bool) {
	for _, t := range s.templates {
		if t.isOptions == isOptions {
			s.withdraw(t)
		}
	}
}

// distrust marks the templates of an exporter that began anew. since is when, by
// the collector's clock: those that were sent later are its present ones.
func (s *stream) distrust(how trust, since int64) {
	for _, t := range s.templates {
		if t.announced <= since {
			t.trust = max(t.trust, how)
		}
	}
}

// began acts on what the sequence number of a datagram said.
func (s *stream) began(loss Loss, received int64) {
	switch {
	case s.sequence.rebooted:
		s.distrust(aside, received)
	case loss.Restart:
		s.distrust(doubtful, received)
	case loss.Shared && !s.shared: // there was no reboot
		for _, t := range s.templates {
			t.trust = min(t.trust, doubtful)
		}
	}
	s.shared = loss.Shared
}

// define stores a template. raw is its record, fields what it lists. It is not
// compiled before data come for it: an exporter that announces templates without
// end must cost little.
func (d *Decoder) define(s *stream, id uint16, raw []byte, fields []field, isOptions bool, g *Datagram) {
	t := s.templates[id]
	if t != nil && t.isOptions == isOptions && bytes.Equal(t.raw, raw) {
		if t.trust != sound {
			d.announce(s, id)
		}
		t.place.in.use(&t.place)
		t.received, t.announced, t.trust = s.received, s.received, sound
		g.Templates++
		return
	}
	bad, ok := validate(s.key.version, fields, isOptions)
	if !ok {
		g.Rejects.add(TemplateLength)
		return
	}
	g.Rejects[FieldLength] += uint16(bad)
	switch {
	case t != nil:
		g.Rejects.add(TemplateChanged)
		s.withdraw(t)
	case len(s.templates) >= d.limits.Templates:
		g.Rejects.add(TemplateEvicted)
		t = s.leastUseful(int64(d.limits.Age))
		s.withdraw(t)
	default:
		t = &template{}
	}
	if s.templates == nil {
		s.templates = make(map[uint16]*template)
	}
	*t = template{id: id, isOptions: isOptions, raw: append(t.raw[:0], raw...), received: s.received, announced: s.received}
	t.place.of = t
	s.templates[id] = t
	s.untried.use(&t.place)
	if d.work.mode == learn && !d.work.young {
		s.tried.use(&t.place) // it was carried because it is of use
	}
	d.announce(s, id)
	g.Templates++
}

// leastUseful is the template that makes room for another: the oldest that no data
// came for, unless one that had data is out of use for longer than age.
func (s *stream) leastUseful(age int64) *template {
	used, unused := s.tried.first(), s.untried.first()
	if unused == nil || used != nil && s.received-used.received > age {
		return used
	}
	return unused
}

// compiled gives a template's plan.
func (d *Decoder) compiled(s *stream, t *template) *plan {
	if t.plan != nil {
		return t.plan
	}
	head, scope := 4, 0
	n := int(be.Uint16(t.raw[2:]))
	if t.isOptions {
		head = 6
		scope = int(be.Uint16(t.raw[4:]))
		if s.key.version == flow.V9 {
			n, scope = (n+scope)/4, n/4
		}
	}
	fields, _, _ := d.fields(s.key.version, t.raw[head:], n, scope)
	t.plan = compile(s.key.version, fields, t.isOptions)
	return t.plan
}

// announce notes that a template became known.
func (d *Decoder) announce(s *stream, id uint16) {
	d.defined = append(d.defined, TemplateKey{s.key.src.Addr(), s.key.version, s.key.domain, id})
}

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
