package officetest

import "encoding/binary"

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
	igmpType                 = 33
	icmpTypeIPv4             = 176
	icmpCodeIPv4             = 177
	icmpTypeIPv6             = 178
	icmpCodeIPv6             = 179
	tcpSequenceNumber        = 184
	tcpAcknowledgement       = 185
	tcpWindowSize            = 186
	ipHeaderLength           = 189
	ipTTL                    = 192
	udpMessageLength         = 205
	isMulticast              = 206
	ipTotalLength            = 224
	postNATSourceIPv4        = 225
	postNATDestinationIPv4   = 226
	postNAPTSourcePort       = 227
	postNAPTDestinationPort  = 228
	natEvent                 = 230
)

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
		case icmpTypeIPv4, icmpTypeIPv6:
			b = append(b, r.ICMPType)
		case icmpCodeIPv4, icmpCodeIPv6:
			b = append(b, r.ICMPCode)
		case ipHeaderLength:
			b = append(b, 5)
		case ipTTL:
			b = append(b, 64)
		case isMulticast:
			b = append(b, flagOf(r.Dst.IsMulticast()))
		case ipTotalLength:
			b = appendCounter(b, f.length, r.Bytes/max(r.Packets, 1))
		case samplingInterval:
			if e.swapped {
				b = binary.LittleEndian.AppendUint32(b, e.sampling)
			} else {
				b = binary.BigEndian.AppendUint32(b, e.sampling)
			}
		case samplingAlgorithm:
			b = append(b, flagOf(e.sampling > 0)) // 1: deterministic
		default: // masks, flow label, what is of one packet only: zero
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

func flagOf(set bool) byte {
	if set {
		return 1
	}
	return 0
}
