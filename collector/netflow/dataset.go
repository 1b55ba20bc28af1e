package netflow

import (
	"slices"

	"nfacct/collector/flow"
)

// dataSet reads or counts the records of a set. ok is false when nothing that the
// stream knows fits it.
func (d *Decoder) dataSet(dst []flow.Record, s *stream, id uint16, set []byte, g *Datagram) (_ []flow.Record, ok bool) {
	if len(set) == 0 { // no template makes records of it
		g.Rejects.add(SetShorterThanRecord)
		d.work.uncounted = true
		return dst, true
	}
	h := d.work.h
	t := d.find(s, id, set, h.received)
	if t == nil {
		return dst, false
	}
	if h.version == flow.IPFIX && d.work.mode != learn {
		if s.rebooted(h, d.compiled(s, t), set); t.trust == aside {
			return dst, false
		}
	}
	d.sample(&s.rates, id, 0)
	return d.readSet(dst, s, t, set, g), true
}

// borrowed is dataSet by the template of another port.
func (d *Decoder) borrowed(dst []flow.Record, s *stream, u *Unread, g *Datagram) (_ []flow.Record, ok bool) {
	k := key{u.Source, u.header.version, u.header.domain}
	lender, t := d.borrow(s, k, &u.header, u.ID, u.Body)
	if t == nil {
		return dst, false
	}
	g.Borrowed++
	rates := &lender.rates
	if s != nil && s.rates.said() {
		rates = &s.rates
	}
	d.sample(rates, u.ID, u.sampling)
	return d.readSet(dst, lender, t, u.Body, g), true
}

// readSet reads a set by a template of the stream of, which need not be the set's own.
func (d *Decoder) readSet(dst []flow.Record, of *stream, t *template, set []byte, g *Datagram) []flow.Record {
	p := d.compiled(of, t)
	if d.work.mode == learn && p.kind != options {
		return dst
	}
	if len(set) < p.size {
		g.Rejects.add(SetShorterThanRecord)
		d.work.uncounted = true
		return dst
	}
	of.use(t, d.work.h.received)
	if p.shape == nil {
		n := len(set) / p.size
		rest := set[n*p.size:]
		// Up to three bytes are padding, whatever they hold: not every exporter clears
		// them. More than that is padding when it is zero. Otherwise the records were
		// not made by this template (RouterOS before 6.38 sent records a byte longer):
		// all but the first begin at an unknown place.
		if len(rest) > 3 && !isZero(rest) {
			g.Rejects.add(SetMismatch)
			d.work.uncounted = true
			if n > 1 {
				return dst
			}
		}
	}
	switch p.kind {
	case options:
		d.optionsRecords(of, t, set, g)
	case traffic:
		return d.trafficRecords(dst, t, set, g)
	default:
		n := d.countRecords(p, set, g)
		if p.kind == natEvents {
			g.NATEvents += n
		} else {
			g.Other += n
		}
	}
	return dst
}

// countRecords is how many records a set holds.
func (d *Decoder) countRecords(p *plan, set []byte, g *Datagram) (n int) {
	if p.shape == nil {
		return len(set) / p.size
	}
	for d.next(p, &set, g) != nil {
		n++
	}
	return n
}

// next takes a record from the front of a set; nil at its end.
func (d *Decoder) next(p *plan, set *[]byte, g *Datagram) []byte {
	b := *set
	if len(b) < p.size {
		return nil
	}
	length := p.size
	if p.shape != nil {
		var ok bool
		if length, ok = p.find(b); !ok {
			// Padding that happens to be as long as the shortest record is no fault.
			if !isZero(b) || len(b) > 3 {
				g.Rejects.add(FieldBeyondSet)
				d.work.uncounted = true
			}
			return nil
		}
	}
	*set = b[length:]
	return b[:length]
}

func (d *Decoder) optionsRecords(of *stream, t *template, set []byte, g *Datagram) {
	p := t.plan
	if !p.useful {
		g.Options += d.countRecords(p, set, g)
		return
	}
	for b := d.next(p, &set, g); b != nil; b = d.next(p, &set, g) {
		g.Options++
		about := p.option(b, of, d.work.h)
		of.keep(t, about, b)
	}
	d.work.learnt = true
}

// trafficRecords reads or counts flow records. The reverse directions of biflows
// become records of their own, behind those of the set.
func (d *Decoder) trafficRecords(dst []flow.Record, t *template, set []byte, g *Datagram) []flow.Record {
	p, mode := t.plan, d.work.mode
	at := len(dst)
	n := 0
	if p.samples {
		d.work.sampling = sampling{}
	}
	switch {
	case p.shape == nil && mode == decode:
		n = len(set) / p.size
		dst = slices.Grow(dst, n)[:at+n]
		for i := range n {
			r := &dst[at+i]
			*r = d.base
			p.fill(r, set[i*p.size:][:p.size], &d.work)
		}
	case mode == decode:
		for rest := set; ; n++ {
			b := d.next(p, &rest, g)
			if b == nil {
				break
			}
			dst = append(dst, d.base)
			p.fill(&dst[at+n], b, &d.work)
		}
	default:
		n = d.countRecords(p, set, g)
	}
	g.Records += n
	if p.reverse != nil {
		dst = d.reverseRecords(dst, p.reverse, set, n, g)
	}
	if mode == decode && p.has&flow.HasSampling == 0 && !p.samples {
		if d.work.rates.differ() {
			d.work.rates.apply(dst[at:])
		}
		if d.base.Sampling == 0 && len(dst) > at {
			d.work.spans = append(d.work.spans, span{t.id, p, set, at})
		}
	}
	return dst
}

// reverseRecords makes records of the reverse directions that had traffic.
func (d *Decoder) reverseRecords(dst []flow.Record, p *plan, set []byte, n int, g *Datagram) []flow.Record {
	for range n {
		length := p.size
		if p.shape != nil {
			length, _ = p.find(set)
		}
		if p.counts(set) {
			g.Records++
			g.Reverse++
			if d.work.mode == decode {
				dst = append(dst, d.base)
				r := &dst[len(dst)-1]
				p.fill(r, set[:length], &d.work)
				turn(r)
			}
		}
		set = set[length:]
	}
	return dst
}

// span is a data set whose records stand in dst from a place on.
type span struct {
	id   uint16
	plan *plan
	set  []byte
	at   int
}

// sampledLater reads data sets again that came before the options of the same
// datagram, when no sampling was known before. Options hold for the data behind
// them; but what nothing known fits looks ahead.
func (d *Decoder) sampledLater(dst []flow.Record, s *stream) {
	d.work.rates = &s.rates
	spans := d.work.spans
	for _, at := range spans {
		if d.sample(&s.rates, at.id, 0); d.base.Sampling == 0 && !s.rates.differ() {
			continue
		}
		var again Datagram // counted already
		d.trafficRecords(dst[:at.at], &template{id: at.id, plan: at.plan}, at.set, &again)
	}
}

// fits says whether a set holds whole records of a template and nothing else but
// padding to four bytes.
func (p *plan) fits(set []byte) bool {
	if p.shape != nil {
		for len(set) >= p.size {
			length, ok := p.find(set)
			if !ok {
				return false
			}
			set = set[length:]
		}
	} else {
		if len(set) < p.size {
			return false
		}
		set = set[len(set)/p.size*p.size:]
	}
	return len(set) <= 3 // RouterOS does not clear padding
}
