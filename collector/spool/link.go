package spool

import (
	"encoding/binary"
	"net/netip"
)

// Link types of the registry at tcpdump.org that exports are captured on.
const (
	linkNull     = 0
	linkEthernet = 1
	linkLoop     = 108
	linkSLL      = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkSLL2     = 276
)

// datagram finds the UDP datagram in a captured frame. Fragments, cut packets
// and all else are none.
func datagram(link uint32, b []byte) (Packet, bool) {
	skip, etherType := 0, -1 // where the protocol stands
	switch link {
	case linkRaw, 12, 14, linkIPv4, linkIPv6:
	case linkNull, linkLoop:
		skip = 4
	case linkEthernet:
		skip, etherType = 14, 12
	case linkSLL:
		skip, etherType = 16, 14
	case linkSLL2:
		skip, etherType = 20, 0
	default:
		return Packet{}, false
	}
	if len(b) < skip {
		return Packet{}, false
	}
	if etherType >= 0 {
		protocol := binary.BigEndian.Uint16(b[etherType:])
		for protocol == 0x8100 || protocol == 0x88a8 { // VLAN tags
			if len(b) < skip+4 {
				return Packet{}, false
			}
			protocol = binary.BigEndian.Uint16(b[skip+2:])
			skip += 4
		}
		if protocol != 0x0800 && protocol != 0x86dd {
			return Packet{}, false
		}
	}
	b = b[skip:]
	if len(b) == 0 {
		return Packet{}, false
	}
	switch b[0] >> 4 {
	case 4:
		return ipv4(b)
	case 6:
		return ipv6(b)
	}
	return Packet{}, false
}

func ipv4(b []byte) (Packet, bool) {
	be := binary.BigEndian
	if len(b) < 20 {
		return Packet{}, false
	}
	header, total := int(b[0]&15)*4, int(be.Uint16(b[2:]))
	fragment := be.Uint16(b[6:])&0x3fff != 0
	if header < 20 || total < header || total > len(b) || fragment || b[9] != 17 {
		return Packet{}, false
	}
	src, dst := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	return udp(src, dst, b[header:total])
}

func ipv6(b []byte) (Packet, bool) {
	if len(b) < 40 {
		return Packet{}, false
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if 40+length > len(b) || b[6] != 17 {
		return Packet{}, false
	}
	src, dst := netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	return udp(src.Unmap(), dst.Unmap(), b[40:40+length])
}

func udp(src, dst netip.Addr, b []byte) (Packet, bool) {
	be := binary.BigEndian
	if len(b) < 8 {
		return Packet{}, false
	}
	length := int(be.Uint16(b[4:]))
	if length < 8 || length > len(b) {
		return Packet{}, false
	}
	return Packet{
		Src:     netip.AddrPortFrom(src, be.Uint16(b)),
		Dst:     netip.AddrPortFrom(dst, be.Uint16(b[2:])),
		Payload: b[8:length],
	}, true
}
