package routerostest

import "encoding/binary"

// Format is an export version together with the layout that a RouterOS of some
// year gives it.
type Format uint8

const (
	V5 Format = iota
	// V9 is the 81-byte layout of 2025: 4-byte counters, four MACs.
	V9
	// V9With64Bit is the 94-byte layout of 2024: 8-byte counters, and the sampling
	// fields 34 and 35 in every record.
	V9With64Bit
	// V9Old is the 75-byte layout of RouterOS 6 in 2021: three MACs.
	V9Old
	// IPFIX is RouterOS 7's: with 160 (system init time) and the NAT ports.
	IPFIX
	// IPFIXOld is 6.39.2's: the 16 fields of its template 258, byte for byte; no
	// 160, so nobody can know when its flows were.
	IPFIXOld
	formats
)

// String names the format.
func (f Format) String() string {
	return [formats]string{"v5", "v9", "v9-64bit", "v9-old", "ipfix", "ipfix-old"}[f]
}

// Version is the number in the datagram's first two bytes.
func (f Format) Version() uint16 {
	switch f {
	case V5:
		return 5
	case IPFIX, IPFIXOld:
		return 10
	}
	return 9
}

// field is an information element and its length on the wire.
type field struct{ id, length uint16 }

// Information elements (IANA's IPFIX registry; the numbers of NetFlow v9 in
// RFC 3954, section 8, are the same up to 127).
const (
	octetDeltaCount          = 1
	packetDeltaCount         = 2
	protocolIdentifier       = 4
	ipClassOfService         = 5
	tcpControlBits           = 6
	sourceTransportPort      = 7
	sourceIPv4Address        = 8
	sourceIPv4PrefixLength   = 9
	ingressInterface         = 10
	destinationTransportPort = 11
	destinationIPv4Address   = 12
	destinationPrefixLength  = 13
	egressInterface          = 14
	ipNextHopIPv4Address     = 15
	flowEndSysUpTime         = 21
	flowStartSysUpTime       = 22
	sourceIPv6Address        = 27
	destinationIPv6Address   = 28
	sourceIPv6PrefixLength   = 29
	destinationIPv6Prefix    = 30
	flowLabelIPv6            = 31
	samplingInterval         = 34
	samplingAlgorithm        = 35
	sourceMacAddress         = 56
	postDestinationMac       = 57
	ipVersion                = 60
	ipNextHopIPv6Address     = 62
	destinationMacAddress    = 80
	postSourceMacAddress     = 81
	systemInitTime           = 160
	postNATSourceIPv4        = 225
	postNATDestinationIPv4   = 226
	postNAPTSourcePort       = 227
	postNAPTDestinationPort  = 228
)

// layout4 and layout6 are the fields of a format's IPv4 and IPv6 template. The
// v9 orders are reconstructed: see the package comment.
func (f Format) layouts() (four, six []field) {
	counter := uint16(4)
	if f == V9With64Bit {
		counter = 8
	}
	switch f {
	case V5:
		return nil, nil
	case IPFIX, IPFIXOld:
		head := []field{{ipVersion, 1}, {flowStartSysUpTime, 4}, {flowEndSysUpTime, 4}}
		if f == IPFIX {
			head = append(head, field{systemInitTime, 8})
		}
		head = append(head,
			field{packetDeltaCount, 4}, field{octetDeltaCount, 4},
			field{sourceTransportPort, 2}, field{destinationTransportPort, 2},
			field{ingressInterface, 4}, field{egressInterface, 4},
			field{protocolIdentifier, 1}, field{tcpControlBits, 1})
		four = append(append(four, head...),
			field{sourceIPv4Address, 4}, field{destinationIPv4Address, 4}, field{ipNextHopIPv4Address, 4},
			field{postNATSourceIPv4, 4}, field{postNATDestinationIPv4, 4})
		if f == IPFIX {
			four = append(four, field{postNAPTSourcePort, 2}, field{postNAPTDestinationPort, 2})
		}
		six = append(append(six, head...),
			field{sourceIPv6Address, 16}, field{destinationIPv6Address, 16}, field{ipNextHopIPv6Address, 16})
		return four, six
	}
	head := []field{
		{flowEndSysUpTime, 4}, {flowStartSysUpTime, 4},
		{packetDeltaCount, counter}, {octetDeltaCount, counter},
		{ingressInterface, 4}, {egressInterface, 4},
	}
	ports := []field{
		{protocolIdentifier, 1}, {ipClassOfService, 1},
		{sourceTransportPort, 2}, {destinationTransportPort, 2},
	}
	macs := []field{{destinationMacAddress, 6}, {postSourceMacAddress, 6}, {sourceMacAddress, 6}, {postDestinationMac, 6}}
	if f == V9Old {
		macs = macs[:3]
	}
	var tail []field
	if f == V9With64Bit {
		tail = []field{{samplingInterval, 4}, {samplingAlgorithm, 1}}
	}
	four = append(append(four, head...), field{sourceIPv4Address, 4}, field{destinationIPv4Address, 4})
	four = append(append(four, ports...),
		field{ipNextHopIPv4Address, 4}, field{destinationPrefixLength, 1}, field{sourceIPv4PrefixLength, 1}, field{tcpControlBits, 1})
	four = append(append(four, macs...),
		field{postNATSourceIPv4, 4}, field{postNATDestinationIPv4, 4}, field{postNAPTSourcePort, 2}, field{postNAPTDestinationPort, 2})
	four = append(four, tail...)
	six = append(append(six, head...), field{sourceIPv6Address, 16}, field{destinationIPv6Address, 16})
	six = append(append(six, ports...),
		field{ipNextHopIPv6Address, 16}, field{destinationIPv6Prefix, 1}, field{sourceIPv6PrefixLength, 1}, field{tcpControlBits, 1}, field{flowLabelIPv6, 4})
	six = append(append(six, macs...), tail...)
	return four, six
}

// size is a record's length in bytes.
func size(fields []field) int {
	n := 0
	for _, f := range fields {
		n += int(f.length)
	}
	return n
}

// appendFields appends a data record in the given layout.
func (e *Exporter) appendFields(b []byte, fields []field, r *Record) []byte {
	for _, f := range fields {
		switch f.id {
		case flowEndSysUpTime:
			b = binary.BigEndian.AppendUint32(b, e.uptime(r.End))
		case flowStartSysUpTime:
			b = binary.BigEndian.AppendUint32(b, e.uptime(r.Start))
		case packetDeltaCount:
			b = appendCounter(b, f.length, r.Packets)
		case octetDeltaCount:
			b = appendCounter(b, f.length, r.Bytes)
		case ingressInterface:
			b = binary.BigEndian.AppendUint32(b, r.InIf)
		case egressInterface:
			b = binary.BigEndian.AppendUint32(b, r.OutIf)
		case sourceIPv4Address:
			b = append4(b, r.Src)
		case destinationIPv4Address:
			b = append4(b, r.Dst)
		case ipNextHopIPv4Address:
			b = append4(b, r.NextHop)
		case postNATSourceIPv4:
			b = append4(b, r.PostSrc)
		case postNATDestinationIPv4:
			b = append4(b, r.PostDst)
		case sourceIPv6Address:
			b = append16(b, r.Src)
		case destinationIPv6Address:
			b = append16(b, r.Dst)
		case ipNextHopIPv6Address:
			b = append16(b, r.NextHop)
		case sourceTransportPort:
			b = binary.BigEndian.AppendUint16(b, r.SrcPort)
		case destinationTransportPort:
			b = binary.BigEndian.AppendUint16(b, r.DstPort)
		case postNAPTSourcePort:
			b = binary.BigEndian.AppendUint16(b, r.PostSrcPort)
		case postNAPTDestinationPort:
			b = binary.BigEndian.AppendUint16(b, r.PostDstPort)
		case protocolIdentifier:
			b = append(b, r.Proto)
		case ipClassOfService:
			b = append(b, r.TOS)
		case tcpControlBits:
			b = append(b, r.TCPFlags)
		case sourceMacAddress:
			b = append(b, r.SrcMAC[:]...)
		case destinationMacAddress:
			b = append(b, r.DstMAC[:]...)
		case postSourceMacAddress:
			b = append(b, r.PostSrcMAC[:]...)
		case postDestinationMac:
			b = append(b, r.PostDstMAC[:]...)
		case ipVersion:
			version := byte(6)
			if r.Src.Is4() {
				version = 4
			}
			b = append(b, version)
		case systemInitTime:
			b = binary.BigEndian.AppendUint64(b, uint64(e.boot))
		default: // masks, flow label, sampling: zero
			b = appendCounter(b, f.length, 0)
		}
	}
	return b
}

func appendCounter(b []byte, length uint16, n uint64) []byte {
	for shift := int(length-1) * 8; shift >= 0; shift -= 8 {
		b = append(b, byte(n>>shift))
	}
	return b
}
