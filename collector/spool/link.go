package spool

import "net/netip"

// Link types of the registry at tcpdump.org that exports are captured on.
const (
	linkNull     = 0
	linkEthernet = 1
	linkRawBSD   = 12
	linkRawOpen  = 14
	linkLoop     = 108
	linkSLL      = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkSLL2     = 276
)

const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd

	protocolUDP = 17
)

func knownLink(link uint32) bool {
	switch link {
	case linkNull, linkEthernet, linkRawBSD, linkRawOpen, linkRaw, linkLoop, linkSLL, linkIPv4, linkIPv6, linkSLL2:
		return true
	}
	return false
}

// dissector finds the UDP datagrams in captured frames. What is none, or not
// whole, it counts as skipped.
type dissector struct {
	stats     *Statistics
	fragments fragments
}

// datagram returns the datagram that a frame holds or completes.
func (d *dissector) datagram(link uint32, frame []byte) (packet Packet, ok bool) {
	b := network(link, frame)
	if len(b) > 0 {
		switch b[0] >> 4 {
		case 4:
			packet, ok = d.ipv4(b)
		case 6:
			packet, ok = ipv6(b)
		}
	}
	if !ok {
		d.stats.Skipped++
	}
	return packet, ok
}

// network strips the link layer; nil when something else than IP follows.
func network(link uint32, b []byte) []byte {
	head, ether := 0, -1 // length of the header, and where the EtherType stands
	switch link {
	case linkRaw, linkRawBSD, linkRawOpen, linkIPv4, linkIPv6:
		return b
	case linkNull, linkLoop:
		head = 4
	case linkEthernet:
		head, ether = 14, 12
	case linkSLL:
		head, ether = 16, 14
	case linkSLL2:
		head, ether = 20, 0
	default:
		return nil
	}
	if len(b) < head {
		return nil
	}
	if ether >= 0 {
		kind := be.Uint16(b[ether:])
		for kind == 0x8100 || kind == 0x88a8 || kind == 0x9100 { // VLAN tags, one within the other
			if len(b) < head+4 {
				return nil
			}
			kind = be.Uint16(b[head+2:])
			head += 4
		}
		if kind != etherIPv4 && kind != etherIPv6 {
			return nil
		}
	}
	return b[head:]
}

func (d *dissector) ipv4(b []byte) (Packet, bool) {
	if len(b) < ipv4Head {
		return Packet{}, false
	}
	head, total := int(b[0]&15)*4, int(be.Uint16(b[2:]))
	if total == 0 {
		total = len(b) // the network card was to cut it up (segmentation offload)
	}
	if head < ipv4Head || total < head || total > len(b) || b[9] != protocolUDP {
		return Packet{}, false
	}
	body := b[head:total]
	if be.Uint16(b[6:])&0x3fff != 0 { // more fragments, or not the first one
		parts := 0
		if body, parts = d.fragments.add(b[:ipv4Head], body); body == nil {
			return Packet{}, false
		}
		d.stats.Skipped -= uint64(parts) // counted when they came, one by one
	}
	return udp(netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), body)
}

func ipv6(b []byte) (Packet, bool) {
	if len(b) < ipv6Head {
		return Packet{}, false
	}
	total := ipv6Head + int(be.Uint16(b[4:]))
	if total > len(b) {
		return Packet{}, false
	}
	next, body := b[6], b[ipv6Head:total]
	for next != protocolUDP {
		if len(body) < 8 {
			return Packet{}, false
		}
		length := 8
		switch next {
		case 0, 43, 60: // hop-by-hop, routing, destination options (RFC 8200, section 4)
			length = 8 + int(body[1])*8
		case 44: // fragment: only one that is the whole (RFC 6946)
			if be.Uint16(body[2:])&^6 != 0 {
				return Packet{}, false
			}
		default:
			return Packet{}, false
		}
		if length > len(body) {
			return Packet{}, false
		}
		next, body = body[0], body[length:]
	}
	src, dst := netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	return udp(src.Unmap(), dst.Unmap(), body)
}

func udp(src, dst netip.Addr, b []byte) (Packet, bool) {
	if len(b) < udpHead {
		return Packet{}, false
	}
	length := int(be.Uint16(b[4:]))
	if length < udpHead || length > len(b) {
		return Packet{}, false
	}
	return Packet{
		Src:     netip.AddrPortFrom(src, be.Uint16(b)),
		Dst:     netip.AddrPortFrom(dst, be.Uint16(b[2:])),
		Payload: b[udpHead:length],
	}, true
}

// fragments puts IPv4 fragments together (RFC 791) that come in order, as
// exporters and captures have them. The oldest unfinished datagram makes room.
type fragments struct {
	slots [8]partial
	next  int
}

type partial struct {
	key   [10]byte // source, destination, identification
	parts int
	data  []byte
}

// add takes a fragment with its IPv4 header, and returns the whole payload with
// the number of earlier parts when this was the last one. It is valid until the
// next call.
func (f *fragments) add(head, body []byte) (whole []byte, parts int) {
	var key [10]byte
	copy(key[:], head[12:20])
	copy(key[8:], head[4:6])
	word := be.Uint16(head[6:])
	more, offset := word&0x2000 != 0, int(word&0x1fff)*8
	slot := f.slot(key)
	if offset == 0 {
		if slot == nil {
			slot = &f.slots[f.next]
			f.next = (f.next + 1) % len(f.slots)
		}
		slot.key, slot.parts, slot.data = key, 0, slot.data[:0]
	}
	if slot == nil {
		return nil, 0
	}
	if offset != len(slot.data) || offset+len(body) > 1<<16 || len(body) == 0 {
		slot.parts = 0
		return nil, 0
	}
	slot.data = append(slot.data, body...)
	if more {
		slot.parts++
		return nil, 0
	}
	parts, slot.parts = slot.parts, 0
	return slot.data, parts
}

func (f *fragments) slot(key [10]byte) *partial {
	for i := range f.slots {
		if slot := &f.slots[i]; slot.parts > 0 && slot.key == key {
			return slot
		}
	}
	return nil
}
