package netflow

import (
	"net/netip"

	"nfacct/collector/flow"
)

// TemplateKey names what a data set waits for. It has no port: RFC 3954 section
// 5.1 tells streams apart by address and source id alone, and a template of
// another port may serve (see Decoder).
type TemplateKey struct {
	Exporter netip.Addr // never an IPv4-mapped address
	Version  flow.Version
	Domain   uint32
	ID       uint16
}

// Unread is a data set that the decoder had no template for, with all that it
// takes to decode it later: its datagram's header, source and time, and the
// sampling that was known then.
//
// To hold such sets, and to release each when its template comes, costs a map:
//
//	records, g := d.Decode(dst, src, received, payload)
//	for _, u := range d.Unread() {
//		u.Body = bytes.Clone(u.Body)
//		held[u.Key()] = append(held[u.Key()], u)
//	}
//	for _, key := range d.Defined() {
//		for _, u := range held[key] {
//			dst, g = d.DecodeUnread(dst, &u) // g.NoTemplate is 1 when it has to wait on
//		}
//	}
//
// A set has to wait on when the template is that of another port and does not fit
// it. Whoever sends such templates on purpose makes that happen each time, so a
// bound on the tries of one set, beyond which only the end of the file is awaited,
// keeps the work linear. Learn defines templates too.
type Unread struct {
	Source netip.AddrPort // never an IPv4-mapped address
	ID     uint16         // of the set and its template
	Body   []byte         // without the set's number and length; never empty; aliases the datagram

	header   header
	sampling uint32 // of the stream when the set came; 0 unknown
}

// Key gives what the set waits for.
func (u *Unread) Key() TemplateKey {
	return TemplateKey{u.Source.Addr(), u.header.version, u.header.domain, u.ID}
}

// Received gives the time of the set's datagram, Unix nanoseconds.
func (u *Unread) Received() int64 { return u.header.received }

// Unread gives the data sets of the last datagram that Decode or Scan read for
// which there is no template: as many as its Datagram.NoTemplate says. They are
// valid until the next call that reads a datagram, and their bodies are parts of
// the payload.
func (d *Decoder) Unread() []Unread { return d.unread }

// Defined gives the templates that the last datagram (or carried datagram) made
// known: new ones, changed ones, and those that were in doubt after a restart.
// Templates that were merely sent again are not among them. A key may come
// twice. It is valid until the next call that reads a datagram.
func (d *Decoder) Defined() []TemplateKey { return d.defined }

// DecodeUnread decodes a set that had no template when it came, by what is known
// now, and appends its records to dst. Its Datagram counts this set alone: Loss
// is never set, and NoTemplate is 1 when it still cannot be read. It neither
// touches the stream's place in its sequence, nor Unread and Defined, so that it
// can be called while going through both.
func (d *Decoder) DecodeUnread(dst []flow.Record, u *Unread) ([]flow.Record, Datagram) {
	var g Datagram
	g.Version = u.header.version
	u.header.describe(&g)
	s := d.streams[key{u.Source, u.header.version, u.header.domain}]
	from, ok := len(dst), false
	d.work.begin(&u.header, decode, nil)
	d.prepare(u.Source.Addr(), &u.header)
	if s != nil {
		dst, ok = d.late(dst, s, u, &g)
	}
	if !ok {
		dst, ok = d.borrowed(dst, s, u, &g)
	}
	if !ok {
		g.NoTemplate = 1
		return dst, g
	}
	if s == nil {
		return dst, g
	}
	if u.header.version == flow.IPFIX {
		was := s.boot // what is true of a late set is not of the stream's present
		d.estimate(s, &u.header, dst[from:])
		if was.known {
			s.boot = was
		}
	}
	s.totals.noTemplate -= min(1, s.totals.noTemplate)
	s.totals.records += uint64(g.Records)
	s.totals.rejects += uint64(g.Rejects.Total())
	return dst, g
}

// wait notes a data set that nothing known fits.
func (d *Decoder) wait(s *stream, h *header, id uint16, body []byte) {
	d.unread = append(d.unread, Unread{s.key.src, id, body, *h, s.rates.whole()})
}

// late is dataSet for a set that had to wait.
func (d *Decoder) late(dst []flow.Record, s *stream, u *Unread, g *Datagram) (_ []flow.Record, ok bool) {
	t := d.find(s, u.ID, u.Body, u.header.received)
	if t == nil {
		return dst, false
	}
	d.sample(&s.rates, u.ID, u.sampling)
	return d.readSet(dst, s, t, u.Body, g), true
}

// lookAhead reads the sets of a datagram that nothing known fitted: by the
// templates that came behind them in the same datagram (RFC 7011 section 8 lets
// data come first), else by those of another port.
func (d *Decoder) lookAhead(dst []flow.Record, s *stream, g *Datagram) []flow.Record {
	left := d.unread[:0]
	hasKin := d.work.mode != learn && len(d.kin[s.key.anyPort()]) > 1
	for i := range d.unread {
		u := &d.unread[i]
		ok := false
		if len(d.defined) > 0 {
			dst, ok = d.late(dst, s, u, g)
		}
		if !ok && hasKin {
			dst, ok = d.borrowed(dst, s, u, g)
		}
		if !ok {
			left = append(left, *u)
		}
	}
	d.unread = left
	if len(d.unread) > 0 {
		g.NoTemplate = len(d.unread)
		d.work.uncounted = true
	}
	return dst
}
