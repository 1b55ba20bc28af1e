package netflow

import "nfacct/collector/flow"

// field is one field of a template, as it was sent.
type field struct {
	element    uint16
	length     uint16
	enterprise uint32 // 0: IANA's
	scope      bool   // of an options template
}

// variable is the length of a field whose length stands before its value (RFC
// 7011, section 7). H3C uses it in v9 too, where it could mean nothing else.
const variable = 0xffff

// plan is a template made ready for reading records: only the fields of use
// here, each with its place. A record is read by going through it once.
type plan struct {
	steps []step
	size  int // bytes of a record; of the shortest one when there are variable fields
	// shape lists all fields of a template with variable ones, to find the places
	// of the steps in each record; nil when the places are fixed.
	shape []shape

	kind    kind
	has     flow.Fields // what every record brings
	reverse *plan       // of the records of the opposite direction, or nil
	useful  bool        // of an options template: it tells of sampling or of start-up time
	selects bool        // records name the sampler that chose them
	samples bool        // see plan.sample
	tells   bool        // records give a rate, and not only the sampler

	clock       clock
	hasInit     bool
	hasStart    bool
	hasEnd      bool
	hasDuration bool
	hasObserved bool
	onlyStart   bool // of uptimeClock's two elements
	onlyEnd     bool
	checkIPv6   bool // dst and next hop are there: see repairDst
}

// step reads one field.
type step struct {
	offset uint16
	width  uint8 // of a number; 0 for other values
	action action
	weak   bool // only where the record has no value yet, or only a zero one
}

type shape struct {
	length uint16
	step   int16 // index, or -1
}

// kind is what a template's records are.
type kind uint8

const (
	traffic kind = iota
	natEvents
	other
	options
)

// clock is what a template's records tell the time by.
type clock uint8

const (
	noClock       clock = iota
	uptimeClock         // elements 21 and 22
	absoluteClock       // 150 to 159
	observedClock       // 322 to 325: when the exporter saw it
)

// validate says how many fields of a template have a length that cannot be; they
// are stepped over. ok is false when records would have no length, or one that no
// set can hold.
func validate(version flow.Version, fields []field, isOptions bool) (bad int, ok bool) {
	size, _ := sizeOf(fields)
	if size == 0 || size > maxSet-setHeader {
		return 0, false
	}
	for _, f := range fields {
		if _, wrong := f.use(version, isOptions); wrong {
			bad++
		}
	}
	return bad, true
}

// sizeOf is the length of a template's records, or of the shortest one when there
// are fields of variable length.
func sizeOf(fields []field) (size int, varies bool) {
	for _, f := range fields {
		if f.length == variable {
			varies = true
			size++
		} else {
			size += int(f.length)
		}
	}
	return size, varies
}

// layout is compile for one direction.
func layout(version flow.Version, fields []field, isOptions bool) *plan {
	p := &plan{}
	var varies bool
	p.size, varies = sizeOf(fields)
	if varies {
		p.shape = make([]shape, len(fields))
		for i, f := range fields {
			p.shape[i] = shape{f.length, -1}
		}
	}

	// Of several fields for the same thing the best is read first, and then those
	// that may stand in for it.
	best := choose(version, fields, isOptions)
	isNATEvent := false
	for _, weak := range []bool{false, true} {
		offset := 0
		for i, f := range fields {
			m, _ := f.use(version, isOptions)
			isBest := m.action != skip && best[m.action] == i+1
			sibling := best[m.action.sibling()]
			isWeak := isBest && sibling != 0 && sibling < i+1 || !isBest && m.weak
			if m.action != skip && (isBest || isWeak) && isWeak == weak {
				p.read(f, i, offset, m.action, weak)
			}
			offset += int(f.length)
			isNATEvent = isNATEvent || f.enterprise == 0 && f.element == natEvent
		}
	}
	p.describe(isOptions, isNATEvent)
	return p
}

// choose finds the best field of each action: index + 1, or 0.
func choose(version flow.Version, fields []field, isOptions bool) (best [actions]int) {
	var rank [actions]uint8
	for i, f := range fields {
		m, _ := f.use(version, isOptions)
		if m.action != skip && (best[m.action] == 0 || m.rank < rank[m.action]) {
			best[m.action], rank[m.action] = i+1, m.rank
		}
	}
	return best
}

// use gives the meaning of a field, and whether its length is wrong for it.
func (f field) use(version flow.Version, isOptions bool) (m meaning, wrong bool) {
	// v9 exporters give length 0 to what they do not know.
	if f.length == 0 {
		return meaning{}, false
	}
	if f.enterprise != 0 {
		if f.scope && f.length <= 255 {
			return meaning{action: scopeOther}, false
		}
		return meaning{}, false
	}
	m = meaningOf(f.element)
	switch {
	case f.scope && (version == flow.V9 || m.action < samplingInterval && m.action != initMilliseconds):
		// Scope fields of v9 have numbers of their own (RFC 3954, section 6.1).
		if m = (meaning{action: scopeAction(version, f.element)}); !m.action.fits(f.length) {
			return meaning{}, false
		}
		return m, false
	case isOptions && (f.element == ingressInterface || f.element == egressInterface) && f.length <= widthNumber:
		return meaning{action: scopeInterface, rank: 1}, false // named, though not as a scope
	case isOptions && m.action < samplingInterval && m.action != initMilliseconds:
		return meaning{}, false
	}
	if m.action != skip && !m.action.fits(f.length) {
		return meaning{}, true
	}
	return m, false
}

func (p *plan) read(f field, index, offset int, a action, weak bool) {
	s := step{offset: uint16(offset), action: a, weak: weak}
	if a.isNumber() {
		s.width = uint8(f.length)
	}
	if p.shape != nil {
		p.shape[index].step = int16(len(p.steps))
	}
	p.steps = append(p.steps, s)
}

// describe sums up what the steps bring.
func (p *plan) describe(isOptions, isNATEvent bool) {
	var does [actions]bool
	isTraffic := false
	for _, s := range p.steps {
		does[s.action] = true
		p.has |= brings[s.action]
		isTraffic = isTraffic || s.action.isTraffic()
		if s.action == octets && !s.weak && s.width <= 4 {
			p.has |= flow.NarrowBytes
		}
	}
	switch {
	case isOptions:
		p.kind = options
		for a := range action(scopeInterface) {
			p.useful = p.useful || does[a]
		}
		p.has = 0
		return
	case isNATEvent && !does[octets] && !does[packets]:
		p.kind = natEvents
	case !isTraffic:
		p.kind = other
	}
	p.selects = does[selector]
	p.hasInit = does[initMilliseconds]
	p.hasStart = does[startSeconds] || does[startMilliseconds] || does[startNTP] || does[startDelta]
	p.hasEnd = does[endSeconds] || does[endMilliseconds] || does[endNTP] || does[endDelta]
	p.hasDuration = does[durationMilliseconds] || does[durationMicroseconds]
	p.hasObserved = does[observedSeconds] || does[observedMilliseconds] || does[observedNTP]
	p.checkIPv6 = does[dstIPv6] && does[nextHopIPv6]
	switch {
	case p.hasStart || p.hasEnd:
		p.clock = absoluteClock
	case does[startUptime] && does[endUptime]:
		p.clock = uptimeClock
	case does[startUptime]:
		p.clock = uptimeClock
		p.onlyStart = true
	case does[endUptime]:
		p.clock = uptimeClock
		p.onlyEnd = true
	case p.hasObserved:
		p.clock = observedClock
	}
	for a := selectorAlgorithm; a < selector; a++ {
		p.tells = p.tells || does[a]
	}
	p.samples = p.tells || p.selects
}

// find puts the steps of a template with variable fields where they belong in
// the record that b begins with, and gives the record's length. ok is false when
// the record would end after b.
func (p *plan) find(b []byte) (length int, ok bool) {
	at := 0
	for _, s := range p.shape {
		n := int(s.length)
		if s.length == variable {
			if at >= len(b) {
				return 0, false
			}
			n = int(b[at])
			at++
			if n == 255 {
				if len(b)-at < 2 {
					return 0, false
				}
				n = int(b[at])<<8 | int(b[at+1])
				at += 2
			}
		}
		if n > len(b)-at {
			return 0, false
		}
		if s.step >= 0 {
			p.steps[s.step].offset = uint16(at)
		}
		at += n
	}
	return at, true
}
