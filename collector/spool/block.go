package spool

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
)

// Block types and option codes of pcapng (draft-ietf-opsawg-pcapng), and the
// link type that spool files use.
const (
	blockSection    = 0x0a0d0d0a
	blockInterface  = 1
	blockPacketOld  = 2 // obsolete, still written by old tools
	blockSimple     = 3
	blockStatistics = 5
	blockPacket     = 6

	byteOrderMagic = 0x1a2b3c4d
	linkRaw        = 101

	optEnd      = 0
	optUserAppl = 4 // section header

	optIfName     = 2 // interface description
	optIfTSResol  = 9
	optIfTSOffset = 14

	optStart     = 2 // interface statistics
	optEndTime   = 3
	optReceived  = 4
	optDropped   = 5
	optAccepted  = 6
	optOSDropped = 7
	optDelivered = 8
)

// application in the section header marks a file as the collector's own.
const application = "nfacct"

const (
	packetHead = 28 // of an enhanced packet block, before the packet
	udpHead    = 8
	ipv4Head   = 20
	ipv6Head   = 40
	// maxPayload is the longest payload of UDP over IPv4, and more than IPv6 on
	// any real link.
	maxPayload = 1<<16 - 1 - ipv4Head - udpHead
)

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

// appendBlock appends a block around the body that fill appends.
func appendBlock(dst []byte, kind uint32, fill func([]byte) []byte) []byte {
	start := len(dst)
	dst = le.AppendUint32(dst, kind)
	dst = le.AppendUint32(dst, 0)
	dst = fill(dst)
	total := uint32(len(dst) - start + 4)
	le.PutUint32(dst[start+4:], total)
	return le.AppendUint32(dst, total)
}

func appendOption(dst []byte, code uint16, value []byte) []byte {
	dst = le.AppendUint16(dst, code)
	dst = le.AppendUint16(dst, uint16(len(value)))
	dst = append(dst, value...)
	return append(dst, "\x00\x00\x00"[:-len(value)&3]...)
}

// AppendHeader appends the section header and the two interfaces that every
// spool file begins with. Writer does so by itself.
func AppendHeader(dst []byte) []byte {
	dst = appendBlock(dst, blockSection, func(b []byte) []byte {
		b = le.AppendUint32(b, byteOrderMagic)
		b = le.AppendUint16(b, 1) // version 1.0
		b = le.AppendUint16(b, 0)
		b = le.AppendUint64(b, 1<<64-1) // section length not given
		b = appendOption(b, optUserAppl, []byte(application))
		return appendOption(b, optEnd, nil)
	})
	for _, name := range [...]string{Live: "live", Carried: "carried"} {
		dst = appendBlock(dst, blockInterface, func(b []byte) []byte {
			b = le.AppendUint16(b, linkRaw)
			b = le.AppendUint16(b, 0)
			b = le.AppendUint32(b, 0) // no snap length
			b = appendOption(b, optIfName, []byte(name))
			b = appendOption(b, optIfTSResol, []byte{9})
			return appendOption(b, optEnd, nil)
		})
	}
	return dst
}

// PacketRoom is how many bytes AppendPacket appends at most for a payload of n.
func PacketRoom(n int) int { return packetHead + ipv6Head + udpHead + n + 3 + 4 }

// AppendPacket appends an enhanced packet block: a datagram of interface Live or
// Carried, received at a time in Unix nanoseconds, with IP and UDP headers
// rebuilt around its payload. A dst that is missing or of another family than
// src becomes the unspecified address of src's family, with its port. A payload
// beyond 65507 bytes, which UDP over IPv4 cannot carry, is cut. It does not
// allocate when dst has PacketRoom.
func AppendPacket(dst []byte, iface uint32, received int64, src, to netip.AddrPort, payload []byte) []byte {
	payload = payload[:min(len(payload), maxPayload)]
	from, via := src.Addr().Unmap(), to.Addr().Unmap()
	head := ipv6Head
	if from.Is4() {
		head = ipv4Head
	}
	length := head + udpHead + len(payload)
	total := packetHead + (length+3)&^3 + 4
	start := len(dst)
	dst = slices.Grow(dst, total)[:start+total]
	b := dst[start:]
	le.PutUint32(b[0:], blockPacket)
	le.PutUint32(b[4:], uint32(total))
	le.PutUint32(b[8:], iface)
	le.PutUint32(b[12:], uint32(uint64(received)>>32))
	le.PutUint32(b[16:], uint32(received))
	le.PutUint32(b[20:], uint32(length))
	le.PutUint32(b[24:], uint32(length))

	ip := b[packetHead:]
	udp := ip[head:]
	be.PutUint16(udp[0:], src.Port())
	be.PutUint16(udp[2:], to.Port())
	be.PutUint16(udp[4:], uint16(udpHead+len(payload)))
	be.PutUint16(udp[6:], 0)
	copy(udp[udpHead:], payload)
	if head == ipv4Head {
		putIPv4(ip, from, via, length)
	} else {
		putIPv6(ip, from, via, length)
	}
	le.PutUint32(b[total-8:], le.Uint32(b[total-8:])&(1<<(32-8*uint(-length&3))-1)) // padding
	le.PutUint32(b[total-4:], uint32(total))
	return dst
}

// putIPv4 writes an IPv4 header (RFC 791) for a UDP datagram. Its UDP checksum
// stays 0, which is "none" (RFC 768).
func putIPv4(ip []byte, from, via netip.Addr, length int) {
	var to [4]byte
	if via.Is4() {
		to = via.As4()
	}
	source := from.As4()
	be.PutUint32(ip[0:], 0x45<<24|uint32(length))
	be.PutUint32(ip[4:], 0x4000) // not to be fragmented, so no identification (RFC 6864)
	be.PutUint32(ip[8:], 64<<24|17<<16)
	copy(ip[12:], source[:])
	copy(ip[16:], to[:])
	be.PutUint16(ip[10:], ^checksum(0, ip[:ipv4Head]))
}

// putIPv6 writes an IPv6 header (RFC 8200) and the UDP checksum that it demands.
func putIPv6(ip []byte, from, via netip.Addr, length int) {
	var to [16]byte
	if via.Is6() {
		to = via.As16()
	}
	source := from.As16()
	be.PutUint32(ip[0:], 6<<28)
	be.PutUint32(ip[4:], uint32(length-ipv6Head)<<16|17<<8|64)
	copy(ip[8:], source[:])
	copy(ip[24:], to[:])
	// The pseudo header's sum is that of the addresses, length and protocol.
	sum := ^checksum(uint64(length-ipv6Head)+17, ip[8:length])
	if sum == 0 {
		sum = 0xffff
	}
	be.PutUint16(ip[ipv6Head+6:], sum)
}

// checksum is the one's complement sum of RFC 1071 over b, begun with start.
func checksum(start uint64, b []byte) uint16 {
	sum, carry := start, uint64(0)
	for len(b) >= 32 {
		sum, carry = bits.Add64(sum, be.Uint64(b), carry)
		sum, carry = bits.Add64(sum, be.Uint64(b[8:]), carry)
		sum, carry = bits.Add64(sum, be.Uint64(b[16:]), carry)
		sum, carry = bits.Add64(sum, be.Uint64(b[24:]), carry)
		b = b[32:]
	}
	sum = sum>>32 + sum&0xffffffff + carry
	for len(b) >= 4 {
		sum += uint64(be.Uint32(b))
		b = b[4:]
	}
	var rest [4]byte
	copy(rest[:], b)
	sum += uint64(be.Uint32(rest[:]))
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// AppendStatistics appends an interface statistics block for the live
// interface. Counters are those since start; both times are Unix nanoseconds.
// The last such block of a file is the one that counts.
func AppendStatistics(dst []byte, start, now int64, s Statistics) []byte {
	return appendBlock(dst, blockStatistics, func(b []byte) []byte {
		b = le.AppendUint32(b, Live)
		b = le.AppendUint32(b, uint32(uint64(now)>>32))
		b = le.AppendUint32(b, uint32(now))
		number := func(code uint16, n uint64) {
			b = le.AppendUint16(b, code)
			b = le.AppendUint16(b, 8)
			b = le.AppendUint64(b, n)
		}
		// Times are two 32-bit words, the high one first, as in packets.
		number(optStart, uint64(start)>>32|uint64(start)<<32)
		number(optEndTime, uint64(now)>>32|uint64(now)<<32)
		number(optReceived, s.Received)
		number(optDropped, s.QueueDropped)
		number(optAccepted, s.Received-s.Refused)
		number(optOSDropped, s.KernelDropped)
		number(optDelivered, s.Received-s.Refused-s.QueueDropped)
		return appendOption(b, optEnd, nil)
	})
}
