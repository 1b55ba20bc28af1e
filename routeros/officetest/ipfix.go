package officetest

// oldFields are the toggles that were on where the template of 6.39.2 was
// captured.
var oldFields = []string{
	"first-forwarded", "last-forwarded", "packets", "bytes", "src-port", "dst-port", "in-interface", "out-interface",
	"protocol", "tcp-flags", "src-address", "dst-address", "gateway", "nat-src-address", "nat-dst-address",
}

// ipfixOrder is what each toggle puts into the templates, in the order of the
// records: that of 6.39.2 as far as its capture goes, with the system's start
// after 22 and 21 as on RouterOS 7; the places of the others are inferred. A zero
// field is in neither or only in one of the templates.
var ipfixOrder = []struct {
	toggle    string
	four, six field
}{
	{"", field{ipVersion, 1}, field{ipVersion, 1}},
	{"first-forwarded", field{flowStartSysUpTime, 4}, field{flowStartSysUpTime, 4}},
	{"last-forwarded", field{flowEndSysUpTime, 4}, field{flowEndSysUpTime, 4}},
	{"sys-init-time", field{systemInitTime, 8}, field{systemInitTime, 8}},
	{"packets", field{packetDeltaCount, 4}, field{packetDeltaCount, 4}},
	{"bytes", field{octetDeltaCount, 4}, field{octetDeltaCount, 4}},
	{"src-port", field{sourceTransportPort, 2}, field{sourceTransportPort, 2}},
	{"dst-port", field{destinationTransportPort, 2}, field{destinationTransportPort, 2}},
	{"in-interface", field{ingressInterface, 4}, field{ingressInterface, 4}},
	{"out-interface", field{egressInterface, 4}, field{egressInterface, 4}},
	{"protocol", field{protocolIdentifier, 1}, field{protocolIdentifier, 1}},
	{"tos", field{ipClassOfService, 1}, field{ipClassOfService, 1}},
	{"tcp-flags", field{tcpControlBits, 1}, field{tcpControlBits, 1}},
	{"src-mac-address", field{postSourceMacAddress, 6}, field{postSourceMacAddress, 6}},
	{"dst-mac-address", field{destinationMacAddress, 6}, field{destinationMacAddress, 6}},
	{"tcp-seq-num", field{tcpSequenceNumber, 4}, field{tcpSequenceNumber, 4}},
	{"tcp-ack-num", field{tcpAcknowledgement, 4}, field{tcpAcknowledgement, 4}},
	{"tcp-window-size", field{tcpWindowSize, 2}, field{tcpWindowSize, 2}},
	{"ttl", field{ipTTL, 1}, field{ipTTL, 1}},
	{"is-multicast", field{isMulticast, 1}, field{isMulticast, 1}},
	{"ip-header-length", field{ipHeaderLength, 1}, field{ipHeaderLength, 1}},
	{"ip-total-length", field{ipTotalLength, 8}, field{ipTotalLength, 8}},
	{"udp-length", field{udpMessageLength, 2}, field{udpMessageLength, 2}},
	{"ipv6-flow-label", field{}, field{flowLabelIPv6, 4}},
	{"src-address", field{sourceIPv4Address, 4}, field{sourceIPv6Address, 16}},
	{"src-address-mask", field{sourceIPv4PrefixLength, 1}, field{sourceIPv6PrefixLength, 1}},
	{"dst-address", field{destinationIPv4Address, 4}, field{destinationIPv6Address, 16}},
	{"dst-address-mask", field{destinationPrefixLength, 1}, field{destinationIPv6Prefix, 1}},
	{"gateway", field{ipNextHopIPv4Address, 4}, field{ipNextHopIPv6Address, 16}},
	{"icmp-type", field{icmpTypeIPv4, 1}, field{icmpTypeIPv6, 1}},
	{"icmp-code", field{icmpCodeIPv4, 1}, field{icmpCodeIPv6, 1}},
	{"igmp-type", field{igmpType, 1}, field{}},
	{"nat-src-address", field{postNATSourceIPv4, 4}, field{}},
	{"nat-dst-address", field{postNATDestinationIPv4, 4}, field{}},
	{"nat-src-port", field{postNAPTSourcePort, 2}, field{}},
	{"nat-dst-port", field{postNAPTDestinationPort, 2}, field{}},
	{"nat-events", field{natEvent, 1}, field{}},
}

// ipfixLayouts are the templates that toggles choose.
func ipfixLayouts(on func(toggle string) bool) (four, six []field) {
	for _, f := range ipfixOrder {
		if f.toggle != "" && !on(f.toggle) {
			continue
		}
		if f.four.length > 0 {
			four = append(four, f.four)
		}
		if f.six.length > 0 {
			six = append(six, f.six)
		}
	}
	return four, six
}
