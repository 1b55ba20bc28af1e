package spool

import (
	"cmp"
	"slices"
)

// EtherTypes and PPP protocols, by the numbers that IANA and the IEEE keep.
const (
	etherIPv4           = 0x0800
	etherARP            = 0x0806
	etherRARP           = 0x8035
	etherVLAN           = 0x8100
	etherIPv6           = 0x86dd
	etherMPLS           = 0x8847
	etherMPLSMulticast  = 0x8848
	etherPPPoEDiscovery = 0x8863
	etherPPPoE          = 0x8864
	etherEAPOL          = 0x888e
	etherProviderVLAN   = 0x88a8
	etherLLDP           = 0x88cc
	etherBackbone       = 0x88e7
	etherLoopback       = 0x9000
	etherOldVLAN        = 0x9100
	etherOldVLAN2       = 0x9200
	etherOldVLAN3       = 0x9300

	leastEtherType = 0x0600 // below it: a length (IEEE 802.3, clause 3.2.6)
)

const (
	pppIPv4          = 0x0021
	pppIPv6          = 0x0057
	pppMPLS          = 0x0281
	pppMPLSMulticast = 0x0283
)

// maxNested bounds the headers one within the other that a frame may have.
const maxNested = 16

// network strips the link layer; nil when something else than IP follows.
func (d *dissector) network(link uint32, b []byte) []byte {
	head, ether := 0, 0 // length of the header, and where the EtherType stands
	switch link {
	case linkRaw, linkRawBSD, linkRawOpen, linkIPv4, linkIPv6:
		return b
	case linkNull, linkLoop:
		return after(b, 4)
	case linkPPP, linkPPPHDLC:
		if len(b) >= 2 && b[0] == 0xff && b[1] == 3 { // RFC 1662, section 3.1
			b = b[2:]
		}
		return d.ppp(b)
	case linkPPPoE:
		return d.ppp(after(b, 6))
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
	return d.ether(be.Uint16(b[ether:]), b[head:])
}

// after is what follows n bytes; nil when there are not so many.
func after(b []byte, n int) []byte {
	if len(b) < n {
		return nil
	}
	return b[n:]
}

// ether goes through the headers behind an EtherType to the IP packet.
func (d *dissector) ether(kind uint16, b []byte) []byte {
	for range maxNested {
		switch kind {
		case etherIPv4, etherIPv6:
			return b
		case etherVLAN, etherProviderVLAN, etherOldVLAN, etherOldVLAN2, etherOldVLAN3:
			if len(b) < 4 {
				return nil
			}
			kind, b = be.Uint16(b[2:]), b[4:]
		case etherBackbone: // an I-TAG and two addresses (IEEE 802.1ah)
			if len(b) < 18 {
				return nil
			}
			kind, b = be.Uint16(b[16:]), b[18:]
		case etherPPPoE: // RFC 2516, section 4
			return d.ppp(after(b, 6))
		case etherMPLS, etherMPLSMulticast:
			if b = labelled(b); len(b) == 0 || b[0]>>4 == 4 || b[0]>>4 == 6 {
				return b
			}
			if b[0]>>4 == 0 { // the control word of a pseudowire (RFC 4385)
				b = after(b, 4)
			}
			if len(b) < 14 { // Ethernet within (RFC 4448)
				return nil
			}
			kind, b = be.Uint16(b[12:]), b[14:]
		case etherARP, etherRARP, etherPPPoEDiscovery, etherEAPOL, etherLLDP, etherLoopback:
			return nil // never an export
		default:
			if kind >= leastEtherType {
				d.unread.etherType(kind)
				return nil
			}
			// LLC with SNAP (RFC 1042); what else has a length is no IP.
			if len(b) < 8 || [6]byte(b) != [6]byte{0xaa, 0xaa, 3} {
				return nil
			}
			kind, b = be.Uint16(b[6:]), b[8:]
		}
	}
	return nil
}

// ppp strips a PPP header, whose protocol may be written in one byte (RFC 1661,
// section 6.5). Its control protocols are no exports.
func (d *dissector) ppp(b []byte) []byte {
	if len(b) < 2 {
		return nil
	}
	protocol := be.Uint16(b)
	if b[0]&1 != 0 {
		protocol, b = uint16(b[0]), b[1:]
	} else {
		b = b[2:]
	}
	switch protocol {
	case pppIPv4, pppIPv6:
		return b
	case pppMPLS, pppMPLSMulticast:
		return d.ether(etherMPLS, b)
	}
	return nil
}

// labelled goes past a stack of MPLS labels (RFC 3032, section 2.1).
func labelled(b []byte) []byte {
	for len(b) >= 4 {
		bottom := b[2]&1 != 0
		if b = b[4:]; bottom {
			return b
		}
	}
	return nil
}

// Unread is what a capture holds that may be exports and cannot be read. Packets
// that were captured only in part are not counted here: Next returns them.
type Unread struct {
	// Captured and Whole are the sizes, in bytes with all headers, of the first
	// packet that was captured only in part: what is there, and what was sent.
	Captured, Whole int

	Fragments  uint64      // datagrams of which fragments are missing, or came out of order
	EtherTypes []EtherType // by number; of the first maxEtherTypes
	Others     uint64      // frames of further types
}

// EtherType is how many frames there were of one.
type EtherType struct {
	Number uint16
	Frames uint64
}

const maxEtherTypes = 16

func (u *Unread) etherType(number uint16) {
	at, found := slices.BinarySearchFunc(u.EtherTypes, number, func(e EtherType, n uint16) int { return cmp.Compare(e.Number, n) })
	switch {
	case found:
		u.EtherTypes[at].Frames++
	case len(u.EtherTypes) < maxEtherTypes:
		u.EtherTypes = slices.Insert(u.EtherTypes, at, EtherType{number, 1})
	default:
		u.Others++
	}
}

// Frames is how many frames of unknown types there are.
func (u *Unread) Frames() uint64 {
	n := u.Others
	for _, e := range u.EtherTypes {
		n += e.Frames
	}
	return n
}

// cut notes the sizes of a packet that was captured only in part.
func (u *Unread) cut(captured, whole uint32) {
	if u.Whole == 0 {
		u.Captured, u.Whole = int(captured), int(whole)
	}
}
