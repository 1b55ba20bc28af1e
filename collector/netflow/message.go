package netflow

import (
	"encoding/binary"
	"net/netip"

	"nfacct/collector/flow"
)

var be = binary.BigEndian

func (d *Decoder) readV9(dst []flow.Record, src netip.AddrPort, h *header, sets []byte, mode mode, g *Datagram) []flow.Record {
	s := d.stream(src, h, g)
	if s == nil {
		return dst
	}
	if mode == learn {
		s.sequence.seed(h, units{data: 1})
		d.readSets(dst, s, h, sets, mode, g)
		d.inherit(s)
		return dst
	}
	g.Loss = s.sequence.account(h, units{data: 1})
	s.began(g.Loss, h.received)
	dst = d.readSets(dst, s, h, sets, mode, g)
	d.count(s, g)
	return dst
}

func (d *Decoder) readIPFIX(dst []flow.Record, src netip.AddrPort, h *header, payload []byte, mode mode, g *Datagram) []flow.Record {
	sets := message(payload, g)
	s := d.stream(src, h, g)
	if s == nil {
		return dst
	}
	from := len(dst)
	dst = d.readSets(dst, s, h, sets, mode, g)
	u := units{
		data:    uint32(g.Records - g.Reverse + g.NATEvents + g.Other),
		options: uint32(g.Options),
		unknown: d.work.uncounted,
	}
	if mode == learn {
		s.sequence.seed(h, units{unknown: u.unknown})
		d.inherit(s)
		return dst
	}
	g.Loss = s.sequence.account(h, u)
	if s.began(g.Loss, h.received); g.Loss.Restart {
		s.hasInit = false
		s.boot = boot{}
	}
	d.estimate(s, h, dst[from:])
	d.count(s, g)
	return dst
}

// setsMost is how many sets of a datagram are read: an exporter keeps within the
// path's MTU (RFC 7011 section 10.3.3), and 9,000 bytes of a jumbo frame hold 375 sets
// of one record of 20 bytes. Only an attacker sends 12,000 in 64 KiB, which cost as much
// as 12,000 datagrams. Carried datagrams are the spool's own, and full of templates.
const setsMost = 512

// readSets goes through the sets of a v9 or IPFIX datagram.
func (d *Decoder) readSets(dst []flow.Record, s *stream, h *header, sets []byte, mode mode, g *Datagram) []flow.Record {
	d.work.begin(h, mode, &s.rates)
	if mode == decode {
		d.prepare(s.key.src.Addr(), h)
	}
	if len(sets) < setHeader {
		g.Rejects.add(NoSets)
	}
	for n := 0; !isTail(sets, n == 0); n++ {
		id, body, rest, wrong := cut(sets)
		if n == setsMost && mode != learn {
			wrong = TooManySets
		}
		if wrong != reasons {
			g.Rejects.add(wrong)
			d.work.uncounted = true
			break
		}
		sets = rest
		switch {
		case id >= firstDataSet:
			var ok bool
			if dst, ok = d.dataSet(dst, s, id, body, g); !ok {
				d.wait(s, h, id, body)
			}
		case h.version == flow.V9 && id == v9Templates, h.version == flow.IPFIX && id == ipfixTemplates:
			d.templateSet(s, body, g)
		case h.version == flow.V9 && id == v9Options:
			d.optionsSetV9(s, body, g)
		case h.version == flow.IPFIX && id == ipfixOptions:
			d.optionsSetIPFIX(s, body, g)
		case id == carriedYoung && mode == learn:
			d.work.young = true
		case id == carriedStyle && mode == learn && len(body) > 0 && int(body[0]) < len(styles):
			s.sequence.style = styles[body[0]]
		default:
			g.Rejects.add(SetID)
		}
	}
	if len(d.unread) > 0 {
		dst = d.lookAhead(dst, s, g)
	}
	if d.work.learnt && len(d.work.spans) > 0 {
		d.sampledLater(dst, s)
	}
	return dst
}
