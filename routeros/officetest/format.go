package officetest

import (
	"slices"
)

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

// layout is an export version and the fields of its IPv4 and IPv6 templates; v5
// has none.
type layout struct {
	version   uint16
	four, six []field
}

func (f Format) layout() layout {
	four, six := f.layouts()
	return layout{f.Version(), four, six}
}

// layouts are the fields of a format's IPv4 and IPv6 template. The v9 orders are
// reconstructed: see the package comment.
func (f Format) layouts() (four, six []field) {
	counter := uint16(4)
	if f == V9With64Bit {
		counter = 8
	}
	switch f {
	case V5:
		return nil, nil
	case IPFIX, IPFIXOld:
		chosen := oldFields
		if f == IPFIX {
			chosen = append([]string{"sys-init-time", "nat-src-port", "nat-dst-port"}, oldFields...)
		}
		return ipfixLayouts(func(toggle string) bool { return slices.Contains(chosen, toggle) })
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
