package officetest

import "net/netip"

var (
	macLAN = [6]byte{0x02, 0x52, 0x6f, 0x53, 0x00, LAN}
	macWAN = [6]byte{0x02, 0x52, 0x6f, 0x53, 0x00, WAN}
	macISP = [6]byte{0x02, 0x49, 0x53, 0x50, 0x00, 0x01}

	nowhere   = netip.IPv4Unspecified()
	linkLocal = netip.MustParseAddr("fe80::1") // the provider's router in IPv6
)

// begin fills what both directions share, and the flow key untranslated.
func (r *Record) begin(c *conversation, now, start, end int64) {
	*r = Record{
		Export: now,
		Start:  start, End: end,
		Proto: c.program.proto, TOS: c.program.tos,
		NextHop: nowhere,
	}
}

// untranslated repeats the flow key after NAT, as RouterOS does.
func (r *Record) untranslated() {
	r.PostSrc, r.PostSrcPort = r.Src, r.SrcPort
	r.PostDst, r.PostDstPort = r.Dst, r.DstPort
}

// packets is how many packets carry the bytes of one direction and acknowledge
// those of the other. The first one is counted twice, so it is never under 2.
func packets(proto uint8, bytes, other uint64) uint64 {
	n := 2 + bytes/1400
	if proto == tcp {
		n += other / 2800
	}
	return min(n, max(2, bytes/28))
}

// outward fills r with the record of the packets from self to far.
func (s *simulation) outward(r *Record, c *conversation, now, end int64, up, down uint64) {
	o, p := s.office, c.program
	r.begin(c, now, c.start, end)
	r.Bytes, r.Packets = up, packets(p.proto, up, down)
	r.Src, r.SrcPort, r.Dst, r.DstPort = c.self, c.selfPort, c.far, c.farPort
	switch {
	case p.proto == icmp:
		r.ICMPType = 8
	case p.proto == tcp && p.path == published:
		r.TCPFlags = 0x12
	case p.proto == tcp:
		r.TCPFlags = 0x02
	}
	r.untranslated()
	if c.host != nil {
		r.SrcMAC, r.DstMAC = c.host.MAC, macLAN
	}
	switch p.path {
	case masqueraded, published, announceOut:
		r.Class, r.Cause = Up, p.cause
		r.Host, r.Peer = c.self, c.far
		r.InIf, r.OutIf = LAN, WAN
		r.PostSrcMAC, r.PostDstMAC = macWAN, macISP
		if c.six {
			r.NextHop = linkLocal
			r.PostSrc, r.PostDst = netip.Addr{}, netip.Addr{}
			return
		}
		r.NextHop = o.ISP
		r.PostSrc, r.PostSrcPort = o.Public, c.natPort
	case between:
		r.Class = Internal
		r.InIf, r.OutIf, r.NextHop = LAN, LAN2, c.far
	case toRouter, announce:
		r.Class = RouterLocal
		r.InIf, r.OutIf = LAN, Router
	case ownAnnounce:
		r.Class = RouterLocal
		r.InIf, r.OutIf = Router, LAN
	case fromRouter:
		r.Class = RouterLocal
		r.InIf, r.OutIf, r.NextHop = Router, WAN, o.ISP
	case passing:
		r.Class = Transit
		r.InIf, r.OutIf = WAN, WAN2
	}
}

// inward fills r with the record of the packets from far to self.
func (s *simulation) inward(r *Record, c *conversation, now, end int64, up, down uint64) {
	o, p := s.office, c.program
	r.begin(c, now, min(c.start+int64(c.rtt), end), end)
	r.Bytes, r.Packets = down, packets(p.proto, down, up)
	r.Src, r.SrcPort, r.Dst, r.DstPort = c.far, c.farPort, c.self, c.selfPort
	if p.proto == tcp {
		r.TCPFlags = 0x12
		if p.path == published || p.path == knock {
			r.TCPFlags = 0x02
		}
	}
	if c.host != nil {
		r.PostSrcMAC, r.PostDstMAC = macLAN, c.host.MAC
	}
	switch p.path {
	case masqueraded, published:
		r.Class, r.Cause = Down, p.cause
		r.Host, r.Peer = c.self, c.far
		r.InIf, r.OutIf = WAN, LAN
		r.SrcMAC, r.DstMAC = macISP, macWAN
		if c.six {
			r.NextHop = c.self
			return
		}
		r.untranslated()
		r.Dst, r.DstPort = o.Public, c.natPort
		switch {
		case o.cfg.NoNextHop:
		case c.host.inner:
			r.NextHop = o.Inner
		default:
			r.NextHop = c.self
		}
		return
	case between:
		r.Class = Internal
		r.InIf, r.OutIf, r.NextHop = LAN2, LAN, c.self
	case toRouter:
		r.Class = RouterLocal
		r.InIf, r.OutIf = Router, LAN
	case fromRouter, knock:
		r.Class = RouterLocal
		r.InIf, r.OutIf = WAN, Router
	case passing:
		r.Class = Transit
		r.InIf, r.OutIf = WAN2, WAN
	case orphaned:
		r.Class = Unattributed
		r.InIf, r.OutIf = WAN, LAN
	}
	r.untranslated()
}
