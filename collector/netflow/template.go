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
