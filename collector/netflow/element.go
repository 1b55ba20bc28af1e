package netflow

import "nfacct/collector/flow"

// action is what is done with a field of a record.
type action uint8

const (
	skip action = iota
	// opaque fields
	srcIPv4
	srcIPv6
	dstIPv4
	dstIPv6
	nextHopIPv4
	nextHopIPv6
	natSrcIPv4
	natSrcIPv6
	natDstIPv4
	natDstIPv6
	srcMAC
	dstMAC
	// numbers
	octets
	packets
	srcPort
	dstPort
	proto
	tos
	tcpFlags
	inIf
	outIf
	srcAS
	dstAS
	icmpTypeCode
	icmpType
	icmpCode
	natSrcPort
	natDstPort
	startUptime
	endUptime
	startSeconds
	endSeconds
	startMilliseconds
	endMilliseconds
	startNTP
	endNTP
	startDelta
	endDelta
	durationMilliseconds
	durationMicroseconds
	observedSeconds
	observedMilliseconds
	observedNTP
	initMilliseconds
	// numbers about sampling
	samplingInterval
	selectorAlgorithm
	samplingPacketInterval
	samplingPacketSpace
	samplingTimeInterval
	samplingTimeSpace
	samplingSize
	samplingPopulation
	samplingProbability
	hashMin
	hashMax
	selectedMin
	selectedMax
	samplingFlowInterval
	samplingFlowSpacing
	selector
	// scopes of options templates
	scopeInterface
	scopeTemplate
	scopeDomain
	scopeOther
	actions // how many there are
)

// Widths that an element of an action can have.
const (
	widthMAC  = 6
	widthIPv4 = 4
	widthIPv6 = 16
	// Numbers may be shorter than their element says (RFC 7011, section 6.2), or
	// longer: some exporters send ports and interfaces in 4 bytes.
	widthNumber = 8
)

func (a action) fits(length uint16) bool {
	switch a {
	case srcIPv4, dstIPv4, nextHopIPv4, natSrcIPv4, natDstIPv4:
		return length == widthIPv4
	case srcIPv6, dstIPv6, nextHopIPv6, natSrcIPv6, natDstIPv6:
		return length == widthIPv6
	case srcMAC, dstMAC:
		return length == widthMAC
	case scopeOther: // of any form: it only tells things apart
		return length <= 255
	}
	return length <= widthNumber
}

// isNumber says whether the field's value is read as a number.
func (a action) isNumber() bool { return a >= octets }

// isTraffic says whether the field tells something about a flow other than when
// it was and how it was sampled.
func (a action) isTraffic() bool { return a < startUptime }

// sibling is the action that brings the same address in the other family, or skip.
func (a action) sibling() action {
	switch a {
	case srcIPv4, dstIPv4, nextHopIPv4, natSrcIPv4, natDstIPv4:
		return a + 1
	case srcIPv6, dstIPv6, nextHopIPv6, natSrcIPv6, natDstIPv6:
		return a - 1
	}
	return skip
}

// brings is the field of a record that an action fills in, where records mark it.
var brings = [actions]flow.Fields{
	octets:            flow.HasBytes,
	packets:           flow.HasPackets,
	srcPort:           flow.HasSrcPort,
	dstPort:           flow.HasDstPort,
	proto:             flow.HasProto,
	tos:               flow.HasTOS,
	tcpFlags:          flow.HasTCPFlags,
	inIf:              flow.HasInIf,
	outIf:             flow.HasOutIf,
	srcAS:             flow.HasSrcAS,
	dstAS:             flow.HasDstAS,
	srcMAC:            flow.HasSrcMAC,
	dstMAC:            flow.HasDstMAC,
	icmpTypeCode:      flow.HasICMP,
	icmpType:          flow.HasICMP,
	icmpCode:          flow.HasICMP,
	natSrcPort:        flow.HasPostNATSrcPort,
	natDstPort:        flow.HasPostNATDstPort,
	startUptime:       flow.HasStart,
	endUptime:         flow.HasEnd,
	startSeconds:      flow.HasStart,
	endSeconds:        flow.HasEnd,
	startMilliseconds: flow.HasStart,
	endMilliseconds:   flow.HasEnd,
	startNTP:          flow.HasStart,
	endNTP:            flow.HasEnd,
	startDelta:        flow.HasStart,
	endDelta:          flow.HasEnd,
	samplingInterval:  flow.HasSampling,
}

// meaning is what an element is good for. Several elements can say the same
// thing; the one with the lowest rank is used.
type meaning struct {
	action action
	rank   uint8
	// weak: when a better element is there too, this one stands in for it in
	// those records in which the better one is zero. Otherwise it is not read.
	weak bool
}

// The numbers of NetFlow v9 and IPFIX elements are the same where both have
// one: RFC 3954 section 8 and the IANA registry of IPFIX information elements.
var elements = [...]meaning{
	1:   {action: octets},                      // octetDeltaCount
	85:  {action: octets, rank: 1},             // octetTotalCount
	23:  {action: octets, rank: 2, weak: true}, // postOctetDeltaCount, OUT_BYTES
	231: {action: octets, rank: 3},             // initiatorOctets

	2:   {action: packets},
	86:  {action: packets, rank: 1},
	24:  {action: packets, rank: 2, weak: true},
	298: {action: packets, rank: 3},

	4: {action: proto},
	5: {action: tos},
	6: {action: tcpFlags},

	7:   {action: srcPort},
	180: {action: srcPort, rank: 1, weak: true}, // udpSourcePort
	182: {action: srcPort, rank: 1, weak: true}, // tcpSourcePort
	11:  {action: dstPort},
	181: {action: dstPort, rank: 1, weak: true},
	183: {action: dstPort, rank: 1, weak: true},

	8:   {action: srcIPv4},
	12:  {action: dstIPv4},
	15:  {action: nextHopIPv4},
	27:  {action: srcIPv6},
	28:  {action: dstIPv6},
	62:  {action: nextHopIPv6},
	225: {action: natSrcIPv4},
	226: {action: natDstIPv4},
	281: {action: natSrcIPv6},
	282: {action: natDstIPv6},
	227: {action: natSrcPort},
	228: {action: natDstPort},

	10: {action: inIf},
	14: {action: outIf},
	16: {action: srcAS},
	17: {action: dstAS},

	// The address before the exporter rewrote it comes first: 81 and 57 are those
	// of the frame that left. RouterOS sends all four.
	56: {action: srcMAC},
	81: {action: srcMAC, rank: 1, weak: true},
	80: {action: dstMAC},
	57: {action: dstMAC, rank: 1, weak: true},

	32:  {action: icmpTypeCode},
	139: {action: icmpTypeCode, weak: true},
	176: {action: icmpType},
	178: {action: icmpType, weak: true},
	177: {action: icmpCode},
	179: {action: icmpCode, weak: true},

	22:  {action: startUptime},
	21:  {action: endUptime},
	152: {action: startMilliseconds},
	153: {action: endMilliseconds},
	154: {action: startNTP}, // microseconds and nanoseconds have the same form
	155: {action: endNTP},
	156: {action: startNTP},
	157: {action: endNTP},
	158: {action: startDelta},
	159: {action: endDelta},
	150: {action: startSeconds},
	151: {action: endSeconds},
	160: {action: initMilliseconds},
	161: {action: durationMilliseconds},
	162: {action: durationMicroseconds},
	322: {action: observedSeconds},
	323: {action: observedMilliseconds},
	324: {action: observedNTP},
	325: {action: observedNTP},

	34:  {action: samplingInterval},
	50:  {action: samplingInterval, rank: 1, weak: true}, // FLOW_SAMPLER_RANDOM_INTERVAL
	304: {action: selectorAlgorithm},                     // RFC 5477 section 8.2, and so on
	305: {action: samplingPacketInterval},
	306: {action: samplingPacketSpace},
	307: {action: samplingTimeInterval},
	308: {action: samplingTimeSpace},
	309: {action: samplingSize},
	310: {action: samplingPopulation},
	311: {action: samplingProbability},
	329: {action: hashMin},
	330: {action: hashMax},
	331: {action: selectedMin},
	332: {action: selectedMax},
	396: {action: samplingFlowInterval}, // RFC 7014
	397: {action: samplingFlowSpacing},
	48:  {action: selector}, // FLOW_SAMPLER_ID
	302: {action: selector, rank: 1},
}

// Elements that decide what a record is, without being read.
const (
	natEvent          = 230
	responderOctets   = 232
	responderPackets  = 299
	reverseEnterprise = 29305 // RFC 5103, section 6.1
)

func meaningOf(element uint16) meaning {
	if int(element) < len(elements) {
		return elements[element]
	}
	// Old Cisco ASA releases, in v9 only: IPFIX has no numbers above 32767.
	switch element {
	case 40001:
		return meaning{action: natSrcIPv4, rank: 1}
	case 40002:
		return meaning{action: natDstIPv4, rank: 1}
	case 40003:
		return meaning{action: natSrcPort, rank: 1}
	case 40004:
		return meaning{action: natDstPort, rank: 1}
	}
	return meaning{}
}
