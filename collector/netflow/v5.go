package netflow

import (
	"net/netip"
	"slices"

	"nfacct/collector/flow"
)

// A v5 record is 48 bytes, and Cisco's format allows 1 to 30 of them in a datagram.
const (
	v5Record     = 48
	v5MaxRecords = 30
)

// v5Has is what every v5 record holds. AS numbers are among it although
// RouterOS sends them as 0: the version has no way to leave them out.
const v5Has = flow.HasBytes | flow.HasPackets | flow.HasStart | flow.HasEnd | flow.HasSrcPort |
	flow.HasDstPort | flow.HasProto | flow.HasTOS | flow.HasTCPFlags | flow.HasInIf | flow.HasOutIf |
	flow.HasSrcAS | flow.HasDstAS | flow.NarrowBytes

func (d *Decoder) readV5(dst []flow.Record, src netip.AddrPort, h *header, payload []byte, mode mode, g *Datagram) []flow.Record {
	n := int(be.Uint16(payload[2:]))
	if mode == learn {
		if s := d.stream(src, h, g); s != nil {
			s.sequence.seed(h, units{})
			s.rates.system = v5Sampling(payload)
			d.work.young = false
			d.inherit(s)
		}
		return dst
	}
	if n == 0 || n > v5MaxRecords {
		g.Rejects.add(V5Count)
		return dst
	}
	end := v5Header + n*v5Record
	if len(payload) < end {
		g.Rejects.add(Truncated)
		return dst
	}
	if len(payload) > end {
		g.Rejects.add(TrailingBytes)
	}
	s := d.stream(src, h, g)
	if s == nil {
		return dst
	}
	s.rates.system = v5Sampling(payload)
	g.Records = n
	g.Loss = s.sequence.account(h, units{data: uint32(n)})
	d.count(s, g)
	if mode == scan {
		return dst
	}

	d.prepare(s.key.src.Addr(), h)
	d.base.Has |= v5Has
	if s.rates.system != 0 {
		d.base.Sampling = s.rates.system
		d.base.Has |= flow.HasSampling
	}
	at := len(dst)
	dst = slices.Grow(dst, n)[:at+n]
	body := payload[v5Header:end]
	for i := range n {
		r := &dst[at+i]
		*r = d.base
		fillV5(r, h, (*[v5Record]byte)(body[i*v5Record:]))
	}
	return dst
}

// v5Sampling is 1 in N, or 0 when the exporter says nothing. The two top bits
// are the way of sampling.
func v5Sampling(payload []byte) uint32 { return uint32(be.Uint16(payload[22:]) & 0x3fff) }

func fillV5(r *flow.Record, h *header, f *[v5Record]byte) {
	r.Src = netip.AddrFrom4([4]byte(f[0:4]))
	r.Dst = netip.AddrFrom4([4]byte(f[4:8]))
	r.NextHop = netip.AddrFrom4([4]byte(f[8:12]))
	r.InIf = uint32(be.Uint16(f[12:]))
	r.OutIf = uint32(be.Uint16(f[14:]))
	r.Packets = uint64(be.Uint32(f[16:]))
	r.Bytes = uint64(be.Uint32(f[20:]))
	r.Start, r.End = uptimes(h.export, h.uptime, be.Uint32(f[24:]), be.Uint32(f[28:]))
	r.SrcPort = be.Uint16(f[32:])
	r.DstPort = be.Uint16(f[34:])
	r.TCPFlags = f[37]
	r.Proto = f[38]
	r.TOS = f[39]
	r.SrcAS = uint32(be.Uint16(f[40:]))
	r.DstAS = uint32(be.Uint16(f[42:]))
	// Cisco and softflowd put the ICMP type and code into the destination port.
	// RouterOS sends 0 for any ICMP, which therefore says nothing.
	if r.Proto == 1 && r.SrcPort == 0 && r.DstPort != 0 {
		r.ICMPType, r.ICMPCode = f[34], f[35]
		r.Has |= flow.HasICMP
	}
}
