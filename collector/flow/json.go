package flow

import (
	"net/netip"
	"strconv"
)

// AppendJSON appends r as one JSON object, without a newline. Keys are goflow2's
// where it has one: times in Unix nanoseconds, protocols and ICMP types as
// numbers, MAC addresses in colon notation. A field that the exporter did not
// send has no key. Every value is a number or plain ASCII, so nothing needs
// escaping, and nothing is allocated when dst has room.
func AppendJSON(dst []byte, r *Record) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, r.Version.String()...)
	dst = append(dst, `","time_received_ns":`...)
	dst = strconv.AppendInt(dst, r.Received, 10)
	dst = appendAddr(dst, `,"sampler_address":"`, r.Exporter)
	dst = appendNumber(dst, `,"sequence_num":`, uint64(r.Sequence), r.Has&HasSequence)
	dst = appendNumber(dst, `,"sampling_rate":`, uint64(r.Sampling), r.Has&HasSampling)
	dst = appendTime(dst, `,"time_flow_start_ns":`, r.Start, r.Has&HasStart)
	dst = appendTime(dst, `,"time_flow_end_ns":`, r.End, r.Has&HasEnd)
	dst = appendNumber(dst, `,"bytes":`, r.Bytes, r.Has&HasBytes)
	dst = appendNumber(dst, `,"packets":`, r.Packets, r.Has&HasPackets)
	dst = appendAddr(dst, `,"src_addr":"`, r.Src)
	dst = appendAddr(dst, `,"dst_addr":"`, r.Dst)
	dst = appendNumber(dst, `,"src_port":`, uint64(r.SrcPort), r.Has&HasSrcPort)
	dst = appendNumber(dst, `,"dst_port":`, uint64(r.DstPort), r.Has&HasDstPort)
	dst = appendNumber(dst, `,"proto":`, uint64(r.Proto), r.Has&HasProto)
	dst = appendNumber(dst, `,"ip_tos":`, uint64(r.TOS), r.Has&HasTOS)
	dst = appendNumber(dst, `,"tcp_flags":`, uint64(r.TCPFlags), r.Has&HasTCPFlags)
	dst = appendNumber(dst, `,"in_if":`, uint64(r.InIf), r.Has&HasInIf)
	dst = appendNumber(dst, `,"out_if":`, uint64(r.OutIf), r.Has&HasOutIf)
	dst = appendAddr(dst, `,"next_hop":"`, r.NextHop)
	dst = appendNumber(dst, `,"src_as":`, uint64(r.SrcAS), r.Has&HasSrcAS)
	dst = appendNumber(dst, `,"dst_as":`, uint64(r.DstAS), r.Has&HasDstAS)
	dst = appendMAC(dst, `,"src_mac":"`, r.SrcMAC, r.Has&HasSrcMAC)
	dst = appendMAC(dst, `,"dst_mac":"`, r.DstMAC, r.Has&HasDstMAC)
	dst = appendNumber(dst, `,"icmp_type":`, uint64(r.ICMPType), r.Has&HasICMP)
	dst = appendNumber(dst, `,"icmp_code":`, uint64(r.ICMPCode), r.Has&HasICMP)
	dst = appendAddr(dst, `,"post_nat_src_addr":"`, r.PostNATSrc)
	dst = appendAddr(dst, `,"post_nat_dst_addr":"`, r.PostNATDst)
	dst = appendNumber(dst, `,"post_nat_src_port":`, uint64(r.PostNATSrcPort), r.Has&HasPostNATSrcPort)
	dst = appendNumber(dst, `,"post_nat_dst_port":`, uint64(r.PostNATDstPort), r.Has&HasPostNATDstPort)
	return append(dst, '}')
}

func appendNumber(dst []byte, key string, value uint64, known Fields) []byte {
	if known == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, key...), value, 10)
}

func appendTime(dst []byte, key string, value int64, known Fields) []byte {
	if known == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, key...), value, 10)
}

// appendAddr leaves out the zone of a link-local exporter: it names an interface
// of the collector's machine, and may hold any byte.
func appendAddr(dst []byte, key string, addr netip.Addr) []byte {
	if !addr.IsValid() {
		return dst
	}
	return append(addr.WithZone("").AppendTo(append(dst, key...)), '"')
}

func appendMAC(dst []byte, key string, mac [6]byte, known Fields) []byte {
	if known == 0 {
		return dst
	}
	const digits = "0123456789abcdef"
	dst = append(dst, key...)
	for i, b := range mac {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return append(dst, '"')
}
