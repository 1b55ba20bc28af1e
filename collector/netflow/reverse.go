package netflow

import (
	"slices"

	"nfacct/collector/flow"
)

// compile makes the plan of a valid template.
func compile(version flow.Version, fields []field, isOptions bool) *plan {
	p := layout(version, fields, isOptions)
	if p.kind != traffic {
		return p
	}
	// The reverse direction has its own counters and times; all else it shares with
	// the forward one. A forward counter never stands in for a reverse one.
	var hasReverse [actions]bool
	for _, f := range fields {
		if element := f.reverse(); element != 0 {
			hasReverse[meaningOf(element).action] = true
		}
	}
	if !hasReverse[octets] && !hasReverse[packets] {
		return p
	}
	backward := slices.Clone(fields)
	for i := range backward {
		f := &backward[i]
		m, _ := f.use(version, isOptions)
		switch element := f.reverse(); {
		case element != 0:
			f.element, f.enterprise = element, 0
		case m.action == octets || m.action == packets || hasReverse[m.action]:
			f.element, f.enterprise = 0, 1 // stepped over
		}
	}
	p.reverse = layout(version, backward, isOptions)
	return p
}

// counts says whether a record of a reverse plan counted anything.
func (p *plan) counts(b []byte) bool {
	for i := range p.steps {
		if s := &p.steps[i]; (s.action == octets || s.action == packets) && !isZero(b[s.offset:][:s.width]) {
			return true
		}
	}
	return false
}

// reverse gives the forward element that a field is the reverse of (RFC 5103, and
// Cisco's responder counters), or 0. Only what differs by direction has one.
func (f field) reverse() uint16 {
	switch f.enterprise {
	case 0:
		switch f.element {
		case responderOctets:
			return 1
		case responderPackets:
			return 2
		}
	case reverseEnterprise:
		switch a := meaningOf(f.element).action; {
		case a == octets, a == packets, a == tos, a == tcpFlags, a >= startUptime && a <= observedNTP:
			return f.element
		}
	}
	return 0
}
