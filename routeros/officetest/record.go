package officetest

import "net/netip"

// Record is one entry of the flow cache as the router exports it: one direction
// of one conversation, at most one active timeout long. The fields after the
// wire's are what only the office knows: who really talked.
type Record struct {
	Export     int64 // Unix seconds at which the router exports the record
	Start, End int64 // Unix milliseconds of the first and the last packet

	Src, Dst         netip.Addr // as the packet entered the router
	NextHop          netip.Addr // unspecified when the device leaves it out
	PostSrc, PostDst netip.Addr // after NAT; Src and Dst again where there is none; zero for IPv6
	SrcPort, DstPort uint16
	PostSrcPort      uint16
	PostDstPort      uint16
	InIf, OutIf      uint32 // ifIndex; 0 is the router itself

	Bytes   uint64 // IP layer, below 2^32
	Packets uint64

	Proto    uint8
	TOS      uint8
	TCPFlags uint8 // of the first packet
	ICMPType uint8
	ICMPCode uint8

	SrcMAC, DstMAC         [6]byte // as received: sender, and the router's port
	PostSrcMAC, PostDstMAC [6]byte // as sent on: the router's port, and the receiver

	Class Class
	Cause Cause
	Host  netip.Addr // the inside side of up and down records, else zero
	Peer  netip.Addr // the outside side of up and down records, else zero

	slot int32 // in the flow cache
}

// Class is what a record is to the accounting of the office.
type Class uint8

const (
	Up Class = iota
	Down
	RouterLocal
	Internal
	Transit
	// Unattributed: the router exported a download without saying for whom.
	Unattributed
	classes
)

// String gives the class its name in nfacct's books.
func (c Class) String() string {
	return [classes]string{"up", "down", "router_local", "internal", "transit", "unattributed"}[c]
}

// Cause is why an up or down record may be left out of the accounting.
type Cause uint8

const (
	// Direct is traffic past the proxy: what is to be accounted.
	Direct Cause = iota
	DNS
	ICMP
	Multicast
	Broadcast
	Proxy
	// ProxyDNS is both: a query of the proxy's own.
	ProxyDNS
	causes
)

// String names the cause.
func (c Cause) String() string {
	return [causes]string{"direct", "dns", "icmp", "multicast", "broadcast", "proxy", "proxy dns"}[c]
}
