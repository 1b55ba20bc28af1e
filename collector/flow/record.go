// Package flow holds Record, one flow record as all of nfacct understands it,
// whichever export version carried it.
package flow

import (
	"math/bits"
	"net/netip"
)

// Version is the export version that carried a record, as it stands in the
// datagram's first two bytes.
type Version uint16

const (
	V5    Version = 5  // NetFlow v5
	V9    Version = 9  // NetFlow v9, RFC 3954
	IPFIX Version = 10 // RFC 7011
)

// String gives goflow2's name of the version, used in `flows --json`.
func (v Version) String() string {
	switch v {
	case V5:
		return "NETFLOW_V5"
	case V9:
		return "NETFLOW_V9"
	case IPFIX:
		return "IPFIX"
	}
	return "UNKNOWN"
}

// Fields is the set of optional fields that the exporter sent. A field outside
// the set is unknown, which is not the same as zero.
type Fields uint32

const (
	HasBytes Fields = 1 << iota
	HasPackets
	HasStart
	HasEnd
	HasSrcPort
	HasDstPort
	HasProto
	HasTOS
	HasTCPFlags
	HasICMP
	HasInIf
	HasOutIf
	HasSrcAS
	HasDstAS
	HasSrcMAC
	HasDstMAC
	HasPostNATSrcPort
	HasPostNATDstPort
	HasSampling
	HasSequence
	// EstimatedTime: the datagram allowed no absolute time (RouterOS 6 IPFIX has
	// no uptime and no element 160), so Start and End are estimates.
	EstimatedTime
	// RepairedDst: the IPv6 destination equalled the source and was taken from
	// the next hop instead (RouterOS 6.39.2).
	RepairedDst
	// RepairedSampling: the sampling interval was smaller with its bytes swapped
	// (RouterOS 6.49 writes element 34 little-endian) and was swapped.
	RepairedSampling
	// NarrowBytes: the exporter's octet counter has 32 bits at most, so that it
	// begins anew after 4 GiB, 34 s at 1 Gbit/s (all of v5; RouterOS 6 in v9).
	NarrowBytes
	// AmbiguousSampling: the sampling interval could be meant either way. The
	// smaller reading was taken; OtherSampling gives the other.
	AmbiguousSampling
	// UnknownSampling: the exporter samples its interfaces (or other parts) at
	// rates that differ, and said none for this record's.
	UnknownSampling
	// Reverse: made of the reverse counters of a biflow (RFC 5103), beside the
	// record of its forward direction.
	Reverse
)

// Record is one flow record. Addresses that the exporter did not send are the
// zero netip.Addr; IPv4 addresses are never in their IPv6-mapped form.
type Record struct {
	Has      Fields
	Version  Version
	Domain   uint32     // v9 source id, IPFIX observation domain, v5 engine type<<8 | id
	Sequence uint32     // of the datagram, in the version's own unit
	Sampling uint32     // 1 in N packets; 0 and 1 mean every packet
	Exporter netip.Addr // the address that the datagram came from
	Received int64      // Unix nanoseconds, the collector's clock
	Start    int64      // Unix nanoseconds, the exporter's clock
	End      int64      // Unix nanoseconds, the exporter's clock

	Src, Dst       netip.Addr
	NextHop        netip.Addr
	PostNATSrc     netip.Addr // element 225 or 281
	PostNATDst     netip.Addr // element 226 or 282
	SrcPort        uint16
	DstPort        uint16
	PostNATSrcPort uint16 // element 227
	PostNATDstPort uint16 // element 228

	Bytes   uint64 // IP-layer octets, as exported: not multiplied by Sampling
	Packets uint64
	InIf    uint32 // ifIndex; 0 is the router itself
	OutIf   uint32
	SrcAS   uint32
	DstAS   uint32

	Proto    uint8
	TOS      uint8
	TCPFlags uint8
	ICMPType uint8
	ICMPCode uint8
	SrcMAC   [6]byte
	DstMAC   [6]byte
}

// OtherSampling gives the other reading of a sampling interval that could be meant
// either way (see AmbiguousSampling). Sampling is right unless the router is known
// to be set to the other one: as (interval + space) / interval of /ip traffic-flow,
// from its own facts or the configuration. 256 and 65,536 are such a pair.
func (r *Record) OtherSampling() (n uint32, ok bool) {
	if r.Has&AmbiguousSampling == 0 {
		return 0, false
	}
	return bits.ReverseBytes32(r.Sampling), true
}
