package spool

import "net/netip"

// Link types of the registry at tcpdump.org that exports are captured on.
const (
	linkNull     = 0
	linkEthernet = 1
	linkPPP      = 9
	linkRawBSD   = 12
	linkRawOpen  = 14
	linkPPPHDLC  = 50
	linkPPPoE    = 51
	linkLoop     = 108
	linkSLL      = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkSLL2     = 276
)

const protocolUDP = 17

func knownLink(link uint32) bool {
	switch link {
	case linkNull, linkEthernet, linkPPP, linkRawBSD, linkRawOpen, linkPPPHDLC, linkPPPoE, linkRaw, linkLoop, linkSLL, linkIPv4, linkIPv6, linkSLL2:
		return true
	}
	return false
}

// dissector finds the UDP datagrams in captured frames. What is none it counts as
// skipped, and what may have been one beside that as unread.
type dissector struct {
	stats     *Statistics
	unread    *Unread
	fragments fragments
}

// datagram returns the datagram that a frame holds or completes.
func (d *dissector) datagram(link uint32, frame []byte) (packet Packet, ok bool) {
	b := d.network(link, frame)
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
	d.unread.Fragments = d.fragments.begun - d.fragments.whole
	return packet, ok
}

func (d *dissector) ipv4(b []byte) (Packet, bool) {
	if len(b) < ipv4Head {
		return Packet{}, false
	}
	head, total := int(b[0]&15)*4, int(be.Uint16(b[2:]))
	if total == 0 {
		total = len(b) // the network card was to cut it up (segmentation offload)
	}
	if head < ipv4Head || total < head || head > len(b) || b[9] != protocolUDP {
		return Packet{}, false
	}
	src, dst := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	cut, part := total > len(b), be.Uint16(b[6:])&0x3fff // more fragments, or not the first one
	body := b[head:min(total, len(b))]
	if part != 0 && !cut {
		parts := 0
		if body, parts = d.fragments.add(b[:ipv4Head], body); body == nil {
			return Packet{}, false
		}
		d.stats.Skipped -= uint64(parts) // counted when they came, one by one
	}
	if cut && part&0x1fff != 0 {
		return Packet{}, false // its beginning is cut too, or comes to nothing without it
	}
	return udp(src, dst, body, cut)
}

func ipv6(b []byte) (Packet, bool) {
	if len(b) < ipv6Head {
		return Packet{}, false
	}
	total := ipv6Head + int(be.Uint16(b[4:]))
	cut := total > len(b)
	next, body := b[6], b[ipv6Head:min(total, len(b))]
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
	return udp(src.Unmap(), dst.Unmap(), body, cut)
}

// udp reads a UDP header. cut says that the capture kept only the packet's
// beginning, which is handed over if it looks like an export.
func udp(src, dst netip.Addr, b []byte, cut bool) (Packet, bool) {
	if len(b) < udpHead {
		return Packet{}, false
	}
	length := int(be.Uint16(b[4:]))
	if length < udpHead || length > len(b) && (!cut || !exportLike(b[udpHead:])) {
		return Packet{}, false
	}
	return Packet{
		Src:     netip.AddrPortFrom(src, be.Uint16(b)),
		Dst:     netip.AddrPortFrom(dst, be.Uint16(b[2:])),
		Payload: b[udpHead:min(length, len(b))],
		Cut:     max(length-len(b), 0),
	}, true
}

// exportLike says whether a payload, as far as it is there, may be an export: it
// begins with the number of a version that was ever in use.
func exportLike(payload []byte) bool {
	if len(payload) < 2 {
		return true
	}
	version := be.Uint16(payload)
	return version == 1 || version >= 5 && version <= 10
}

// fragments puts IPv4 fragments together (RFC 791) that come in order, as
// exporters and captures have them. The oldest unfinished datagram makes room.
type fragments struct {
	slots [8]partial
	next  int

	begun, whole uint64 // datagrams that look like exports
}

type partial struct {
	key    [10]byte // source, destination, identification
	parts  int
	export bool
	data   []byte
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
		if slot.export = len(body) >= udpHead && exportLike(body[udpHead:]); slot.export {
			f.begun++
		}
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
	if slot.export {
		f.whole++
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
