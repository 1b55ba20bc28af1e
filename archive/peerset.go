package archive

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// peerSet writes addresses, sorted and each once, in few bytes: how many are
// IPv4, as an unsigned varint (encoding/binary), the differences from one to the
// next of them as such, and all 16 bytes of each IPv6 address.
func peerSet(dst []byte, peers []netip.Addr) []byte {
	// IPv4 sorts before IPv6.
	four, _ := slices.BinarySearchFunc(peers, netip.IPv6Unspecified(), netip.Addr.Compare)
	dst = binary.AppendUvarint(dst, uint64(four))
	last := uint32(0)
	for _, peer := range peers[:four] {
		b := peer.As4()
		n := binary.BigEndian.Uint32(b[:])
		dst = binary.AppendUvarint(dst, uint64(n-last))
		last = n
	}
	for _, peer := range peers[four:] {
		b := peer.As16()
		dst = append(dst, b[:]...)
	}
	return dst
}

// PeerSet reads what peerSet wrote, appending to dst.
func PeerSet(dst []netip.Addr, set []byte) ([]netip.Addr, error) {
	four, n := binary.Uvarint(set)
	if n <= 0 || four > uint64(len(set)) {
		return dst, fmt.Errorf("set of peers: %d bytes that are none", len(set))
	}
	set = set[n:]
	last := uint32(0)
	for range four {
		step, n := binary.Uvarint(set)
		if n <= 0 {
			return dst, fmt.Errorf("set of peers: cut short")
		}
		set = set[n:]
		last += uint32(step)
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], last)
		dst = append(dst, netip.AddrFrom4(b))
	}
	if len(set)%16 != 0 {
		return dst, fmt.Errorf("set of peers: cut short")
	}
	for ; len(set) > 0; set = set[16:] {
		dst = append(dst, netip.AddrFrom16([16]byte(set[:16])))
	}
	return dst, nil
}
