package netflow

import (
	"net/netip"

	"nfacct/collector/flow"
)

// work is what reading one datagram leaves lying about.
type work struct {
	h     *header
	mode  mode
	rates *rates // that the set being read is sampled by

	// Of the record being read.
	first, last uint32 // uptimes
	init        uint64 // start-up time in milliseconds since 1970
	duration    int64  // nanoseconds
	observed    int64  // Unix nanoseconds
	sampling    sampling

	// Of the datagram: see plan.settle.
	pending bool   // some records hold uptimes for want of a start-up time
	ended   bool   // least is set
	least   uint32 // least difference of export time and flow end
	// Some data records could not be counted: for want of a template, say.
	uncounted bool
	probes    int    // see maxProbes
	young     bool   // see carriedYoung
	learnt    bool   // options records told something
	spans     []span // data sets that no sampling was known for: see sampledLater
}

// begin readies w for a datagram, or a set that had to wait. What belongs to a record
// is set with each.
func (w *work) begin(h *header, mode mode, rates *rates) {
	w.h, w.mode, w.rates, w.spans = h, mode, rates, w.spans[:0]
	w.pending, w.ended, w.uncounted, w.young, w.learnt, w.probes = false, false, false, false, false, 0
}

// fill reads one record. b begins with it; its end was checked.
func (p *plan) fill(r *flow.Record, b []byte, w *work) {
	for i := range p.steps {
		s := &p.steps[i]
		f := b[s.offset:]
		var v uint64
		switch s.width {
		case 0:
			if a := s.action; a == srcMAC || a == dstMAC {
				fillMAC(r, s, f)
			} else {
				fillAddr(r, s, f)
			}
			continue
		case 1:
			v = uint64(f[0])
		case 2:
			v = uint64(be.Uint16(f))
		case 4:
			v = uint64(be.Uint32(f))
		case 8:
			v = be.Uint64(f)
		default:
			v = number(f[:s.width])
		}
		switch s.action {
		case octets:
			if !s.weak || r.Bytes == 0 {
				r.Bytes = v
			}
		case packets:
			if !s.weak || r.Packets == 0 {
				r.Packets = v
			}
		case srcPort:
			if !s.weak || r.SrcPort == 0 {
				r.SrcPort = uint16(v)
			}
		case dstPort:
			if !s.weak || r.DstPort == 0 {
				r.DstPort = uint16(v)
			}
		case proto:
			r.Proto = uint8(v)
		case tos:
			r.TOS = uint8(v)
		case tcpFlags:
			r.TCPFlags = uint8(v) // of two bytes, the lower one (RFC 7011 keeps the rest reserved)
		case inIf:
			r.InIf = uint32(v)
		case outIf:
			r.OutIf = uint32(v)
		case srcAS:
			r.SrcAS = uint32(v)
		case dstAS:
			r.DstAS = uint32(v)
		case startUptime:
			w.first = uint32(v)
		case endUptime:
			w.last = uint32(v)
		default:
			w.rare(r, s, v)
		}
	}
	r.Has |= p.has
	p.settle(r, w)
	if p.samples {
		p.sample(r, w)
	}
	if p.checkIPv6 {
		repairDst(r)
	}
}

// rare is the part of fill that few templates need.
func (w *work) rare(r *flow.Record, s *step, v uint64) {
	switch s.action {
	case icmpTypeCode:
		if !s.weak || v != 0 {
			r.ICMPType, r.ICMPCode = uint8(v>>8), uint8(v)
		}
	case icmpType:
		if !s.weak || v != 0 {
			r.ICMPType = uint8(v)
		}
	case icmpCode:
		if !s.weak || v != 0 {
			r.ICMPCode = uint8(v)
		}
	case natSrcPort:
		r.PostNATSrcPort = uint16(v)
	case natDstPort:
		r.PostNATDstPort = uint16(v)
	case startSeconds:
		r.Start = int64(uint32(v)) * second
	case endSeconds:
		r.End = int64(uint32(v)) * second
	case startMilliseconds:
		r.Start = milliseconds(v)
	case endMilliseconds:
		r.End = milliseconds(v)
	case startNTP:
		r.Start = ntp(v)
	case endNTP:
		r.End = ntp(v)
	case startDelta:
		r.Start = w.h.export - microseconds(v)
	case endDelta:
		r.End = w.h.export - microseconds(v)
	case durationMilliseconds:
		w.duration = milliseconds(v)
	case durationMicroseconds:
		w.duration = microseconds(v)
	case observedSeconds:
		w.observed = int64(uint32(v)) * second
	case observedMilliseconds:
		w.observed = milliseconds(v)
	case observedNTP:
		w.observed = ntp(v)
	case initMilliseconds:
		w.init = v
	case samplingInterval:
		if s.weak && r.Sampling != 0 {
			return
		}
		var repaired, both bool
		r.Sampling, repaired, both = readInterval(v, s.width)
		if repaired {
			r.Has |= flow.RepairedSampling
		}
		if both {
			r.Has |= flow.AmbiguousSampling
		}
	default:
		w.sampling.take(s.action, v, s.width, s.weak)
	}
}

// turn makes a record of the reverse direction: both ends change places. What the
// router forwarded the answer to, before it translated it back, are the addresses
// after translation, as RouterOS too exports the way back.
func turn(r *flow.Record) {
	was := *r
	r.Src, r.Dst, r.SrcPort, r.DstPort = was.Dst, was.Src, was.DstPort, was.SrcPort
	if a := was.PostNATDst; a.IsValid() && !a.IsUnspecified() {
		r.Src, r.PostNATSrc = a, was.Dst
	} else {
		r.PostNATSrc = netip.Addr{}
	}
	if a := was.PostNATSrc; a.IsValid() && !a.IsUnspecified() {
		r.Dst, r.PostNATDst = a, was.Src
	} else {
		r.PostNATDst = netip.Addr{}
	}
	r.PostNATSrcPort, r.PostNATDstPort = 0, 0
	if was.PostNATDstPort != 0 {
		r.SrcPort, r.PostNATSrcPort = was.PostNATDstPort, was.DstPort
	}
	if was.PostNATSrcPort != 0 {
		r.DstPort, r.PostNATDstPort = was.PostNATSrcPort, was.SrcPort
	}
	r.NextHop = netip.Addr{}
	r.Has |= flow.Reverse
	r.InIf, r.OutIf = r.OutIf, r.InIf
	r.SrcAS, r.DstAS = r.DstAS, r.SrcAS
	r.SrcMAC, r.DstMAC = r.DstMAC, r.SrcMAC
	swap := func(a, b flow.Fields) {
		if has := r.Has & (a | b); has == a || has == b {
			r.Has ^= a | b
		}
	}
	swap(flow.HasSrcPort, flow.HasDstPort)
	swap(flow.HasInIf, flow.HasOutIf)
	swap(flow.HasSrcAS, flow.HasDstAS)
	swap(flow.HasSrcMAC, flow.HasDstMAC)
	swap(flow.HasPostNATSrcPort, flow.HasPostNATDstPort)
}

// number reads a number of a width that no machine word has.
func number(b []byte) uint64 {
	var v uint64
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

func fillMAC(r *flow.Record, s *step, f []byte) {
	to := &r.SrcMAC
	if s.action == dstMAC {
		to = &r.DstMAC
	}
	if !s.weak || *to == [widthMAC]byte{} {
		*to = [widthMAC]byte(f)
	}
}

func fillAddr(r *flow.Record, s *step, f []byte) {
	var to *netip.Addr
	var a netip.Addr
	switch s.action {
	case srcIPv4, srcIPv6:
		to = &r.Src
	case dstIPv4, dstIPv6:
		to = &r.Dst
	case nextHopIPv4, nextHopIPv6:
		to = &r.NextHop
	case natSrcIPv4, natSrcIPv6:
		to = &r.PostNATSrc
	case natDstIPv4, natDstIPv6:
		to = &r.PostNATDst
	}
	if (s.action-srcIPv4)&1 == 0 {
		a = netip.AddrFrom4([widthIPv4]byte(f))
	} else {
		a = netip.AddrFrom16([widthIPv6]byte(f)).Unmap()
	}
	if !s.weak || to.IsUnspecified() && !a.IsUnspecified() {
		*to = a
	}
}

// repairDst puts right what RouterOS 6.39.2 does to IPv6: the destination repeats
// the source. For multicast the true destination stands in the next hop (seen
// in a capture of that version). A next hop that is no multicast address is a
// gateway or may be one (inferred), so then the destination is not known.
// Without a next hop nothing tells that the destination is wrong.
func repairDst(r *flow.Record) {
	if r.Dst != r.Src || !r.Dst.Is6() || !r.NextHop.Is6() || r.NextHop.IsUnspecified() {
		return
	}
	if !r.NextHop.IsMulticast() {
		r.Dst = netip.Addr{}
		return
	}
	r.Dst = r.NextHop
	r.Has |= flow.RepairedDst
}
