package netflow

import "nfacct/collector/flow"

// rates is what an exporter said of its sampling: of all, or of a part of what
// it sees.
type rates struct {
	system uint32 // 1 in N of what no part is named for; 0 unknown
	parts  map[scope]uint32

	// Of parts, counted when they change:
	counted    bool
	common     uint32 // what all agree on, or 0
	interfaces bool
	templates  bool
}

// scope is what a statement is about: RFC 3954 section 6.1, RFC 7011 section
// 3.4.2.1.
type scope struct {
	kind  scopeKind
	value uint64
}

type scopeKind uint8

const (
	wholeExporter scopeKind = iota
	someSampler             // value: its selector
	someInterface           // its ifIndex
	someTemplate            // its number
	someOther               // a line card, an observation point: records do not tell of which they are
)

// Scope field types of v9: RFC 3954 section 6.1.
const (
	v9Interface = 2
	v9LineCard  = 3
	v9Template  = 5
)

// Elements that are scopes of statements about sampling in IPFIX.
const (
	ingressInterface         = 10
	egressInterface          = 14
	exporterIPv4Address      = 130
	exporterIPv6Address      = 131
	meteringProcessID        = 143
	exportingProcessID       = 144
	templateID               = 145
	observationDomainID      = 149
	ingressPhysicalInterface = 252
	egressPhysicalInterface  = 253
)

// maxParts bounds the parts of a stream; further ones are not kept.
const maxParts = 256

// scopeAction is what a scope field of an options template is good for.
func scopeAction(version flow.Version, element uint16) action {
	if version == flow.V9 {
		switch element {
		case v9Interface:
			return scopeInterface
		case v9LineCard:
			return scopeOther
		case v9Template:
			return scopeTemplate
		}
		return skip // the system or its cache: all
	}
	switch element {
	case ingressInterface, egressInterface, ingressPhysicalInterface, egressPhysicalInterface:
		return scopeInterface
	case templateID:
		return scopeTemplate
	case observationDomainID:
		return scopeDomain
	case exporterIPv4Address, exporterIPv6Address, meteringProcessID, exportingProcessID:
		return skip // all
	}
	return scopeOther
}

// set notes a statement; 0 takes it back.
func (r *rates) set(about scope, rate uint32) {
	if about.kind == wholeExporter {
		r.system = rate
		return
	}
	was, known := r.parts[about]
	switch {
	case known && was == rate, !known && (rate == 0 || len(r.parts) >= maxParts):
		return
	case rate == 0:
		delete(r.parts, about)
	case r.parts == nil:
		r.parts = map[scope]uint32{about: rate}
	default:
		r.parts[about] = rate
	}
	r.counted = false
}

func (r *rates) count() {
	r.counted, r.common, r.interfaces, r.templates = true, 0, false, false
	same := true
	for about, rate := range r.parts {
		r.interfaces = r.interfaces || about.kind == someInterface
		r.templates = r.templates || about.kind == someTemplate
		same = same && (r.common == 0 || r.common == rate)
		r.common = rate
	}
	if !same {
		r.common = 0
	}
}

// whole is the sampling of records that belong to no part that is known: what the
// exporter said of all, or what it said of every part. Parts that disagree say
// nothing about the rest.
func (r *rates) whole() uint32 {
	if r.system != 0 || len(r.parts) == 0 {
		return r.system
	}
	if !r.counted {
		r.count()
	}
	return r.common
}

// of is the sampling of a template's records.
func (r *rates) of(id uint16) uint32 {
	if len(r.parts) == 0 {
		return r.system
	}
	if !r.counted {
		r.count()
	}
	if r.templates {
		if n := r.parts[scope{someTemplate, uint64(id)}]; n != 0 {
			return n
		}
	}
	return r.whole()
}

// sampler is the sampling of records that name their sampler.
func (r *rates) sampler(id uint64) uint32 {
	if n := r.parts[scope{someSampler, id}]; n != 0 {
		return n
	}
	return r.system
}

// said says whether anything is known.
func (r *rates) said() bool { return r.system != 0 || len(r.parts) > 0 }

// differ says whether records have to be asked which part they belong to.
func (r *rates) differ() bool {
	if len(r.parts) == 0 {
		return false
	}
	if !r.counted {
		r.count()
	}
	return r.interfaces || r.common == 0 && r.system == 0
}

// apply gives records the sampling of their interface: of that they came in by,
// else of that they went out by. Those that belong to no known part, where parts
// disagree, get none, and say so.
func (r *rates) apply(records []flow.Record) {
	for i := range records {
		record := &records[i]
		n := uint32(0)
		if record.Has&flow.HasInIf != 0 {
			n = r.parts[scope{someInterface, uint64(record.InIf)}]
		}
		if n == 0 && record.Has&flow.HasOutIf != 0 {
			n = r.parts[scope{someInterface, uint64(record.OutIf)}]
		}
		switch {
		case n != 0:
			record.Sampling = n
			record.Has |= flow.HasSampling
		case record.Sampling == 0:
			record.Has |= flow.UnknownSampling
		}
	}
}

// option reads one record of an options template: what it says of sampling and
// start-up time. It gives what the record is about.
func (p *plan) option(b []byte, s *stream, h *header) scope {
	var saying sampling
	var about, part scope
	said := false
	for i := range p.steps {
		step := &p.steps[i]
		field := b[step.offset:][:step.width]
		v := number(field)
		switch step.action {
		case initMilliseconds:
			s.start(h, v)
			continue
		case scopeInterface:
			part = scope{someInterface, v}
		case scopeTemplate:
			part = scope{someTemplate, v}
		case scopeDomain:
			part = scope{}
			if v != 0 && v != uint64(s.key.domain) {
				part = scope{someOther, v}
			}
		case scopeOther:
			if step.width > widthNumber {
				v = digest(field)
			}
			part = scope{someOther, v}
		default:
			said = true
			saying.take(step.action, v, step.width, step.weak)
		}
		// The narrowest scope counts; an interface 0 is all of them.
		if part.kind != wholeExporter && (about.kind == wholeExporter || part.kind < about.kind) && (part.kind == someOther || part.value != 0) {
			about = part
		}
	}
	if saying.named {
		about = scope{someSampler, saying.selector}
	}
	if !said {
		return about
	}
	if n, ok := saying.rate(); ok {
		s.rates.set(about, n)
	} else if saying.isOff() {
		s.rates.set(about, 0)
	}
	return about
}

// isOff says that a record names no quantity at all, not even of an algorithm
// that is not known: sampling is switched off.
func (s *sampling) isOff() bool {
	return *s == sampling{selector: s.selector, named: s.named, spaced: s.spaced, paused: s.paused}
}

// digest tells long values apart (FNV-1a).
func digest(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// What is kept of a stream for Carry: records of all its options templates
// together, their bytes, and bytes of each.
const (
	maxKept      = 256
	maxKeptTotal = 64 << 10
	maxKeptBytes = 1024
)

// keep remembers the last record of an options template for each of the things
// that it is about. It allocates only for one that is new.
func (s *stream) keep(t *template, about scope, record []byte) {
	if len(record) > maxKeptBytes {
		return
	}
	was, known := t.kept[about]
	if !known && s.kept >= maxKept || s.keptBytes-len(was)+len(record) > maxKeptTotal {
		return
	}
	if !known {
		s.kept++
		if t.kept == nil {
			t.kept = map[scope][]byte{}
		}
	}
	s.keptBytes += len(record) - len(was)
	if len(was) == len(record) {
		copy(was, record)
		return
	}
	t.kept[about] = append(was[:0:0], record...)
}
