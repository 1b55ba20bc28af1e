package netflow

import (
	"iter"

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

// Set is one set of a v9 or IPFIX datagram as it was sent. All of it aliases the
// datagram.
type Set struct {
	Version flow.Version
	Domain  uint32 // v9 source id, IPFIX observation domain
	ID      uint16 // 256 and above: data, and the number of its template
	Header  []byte // the datagram's: 20 bytes in v9, 16 in IPFIX
	Body    []byte // without the set's own number and length
}

// Sets goes through the sets of a datagram, up to the first whose length is
// impossible: those that a Decoder reads. A v5 datagram has none, nor has one
// that is shorter than its header. It does not allocate.
func Sets(payload []byte) iter.Seq[Set] {
	return func(yield func(Set) bool) { eachSet(payload, yield) }
}

func eachSet(payload []byte, yield func(Set) bool) {
	var h header
	size := h.parse(payload)
	if size == 0 || h.version == flow.V5 {
		return
	}
	s := Set{Version: h.version, Domain: h.domain, Header: payload[:size]}
	rest := payload[size:]
	if h.version == flow.IPFIX {
		var g Datagram
		rest = message(payload, &g)
	}
	for first := true; !isTail(rest, first); first = false {
		var wrong Reason
		if s.ID, s.Body, rest, wrong = cut(rest); wrong != reasons || !yield(s) {
			return
		}
	}
}

// isTail says whether no set follows in what is left of a datagram. Fewer than
// four bytes cannot be one: a MikroTik puts the padding of a set, uncleared, behind
// the set's own length (delian/node-netflowv9 pull 20). Some exporters (Palo
// Alto, Cisco ACI) fill the datagram up with zeros.
func isTail(rest []byte, first bool) bool {
	return len(rest) < setHeader || !first && rest[0] == 0 && isZero(rest)
}

// cut takes one set, with its header, from the front of a datagram's sets. wrong is
// why it cannot, or reasons.
func cut(sets []byte) (id uint16, body, rest []byte, wrong Reason) {
	length := int(be.Uint16(sets[2:]))
	switch {
	case length < setHeader:
		return 0, nil, nil, SetLength
	case length > len(sets):
		return 0, nil, nil, SetBeyondDatagram
	}
	return be.Uint16(sets), sets[setHeader:length], sets[length:], reasons
}

// message gives the sets of an IPFIX datagram. Its header's length and the
// lengths of its sets can contradict each other. Before 6.38 RouterOS wrote
// impossible lengths into the header, and others write too small ones; so sets
// that fill the datagram to the byte are better evidence than a length that cuts
// one of them. A length that ends between two sets is believed (RFC 7011
// section 3.1).
func message(payload []byte, g *Datagram) []byte {
	sets := payload[ipfixHeader:]
	length := int(be.Uint16(payload[2:]))
	if length == len(payload) {
		return sets
	}
	if length < ipfixHeader || length > len(payload) {
		g.Rejects.add(MessageLength)
		return sets
	}
	end := length - ipfixHeader
	at, isBetween := 0, end == 0
	for !isTail(sets[at:], at == 0) {
		_, body, _, wrong := cut(sets[at:])
		if wrong != reasons {
			g.Rejects.add(TrailingBytes)
			return sets[:end]
		}
		at += setHeader + len(body)
		isBetween = isBetween || at == end
	}
	if !isBetween && end < at {
		g.Rejects.add(MessageLength)
		return sets
	}
	g.Rejects.add(TrailingBytes)
	return sets[:end]
}
