package archive

import "net/netip"

// Row is one biflow of one slot. Counters beyond a column's range become
// further rows; First and Duration beyond theirs are clamped.
type Row struct {
	Day                    Day
	Slot                   Slot
	Router                 uint16 // of RouterID
	WAN                    uint16 // ifIndex of the outside interface, 0 when unknown
	Host, Peer             netip.Addr
	HostPort, PeerPort     uint16
	Proto                  uint8
	Attribution            uint8 // low nibble: rule that decided up records, high: down; 0 none
	UpPackets, DownPackets uint64
	UpBytes, DownBytes     uint64
	Flows                  uint64 // records merged
	First                  int32  // seconds from the slot's start, may be negative
	Duration               uint32 // seconds from First to the last end merged
}
