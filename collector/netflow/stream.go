package netflow

import (
	"cmp"
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"nfacct/collector/flow"
)

// key names a stream. The address is never an IPv4-mapped one.
type key struct {
	src     netip.AddrPort
	version flow.Version
	domain  uint32
}

func (k key) compare(other key) int {
	return cmp.Or(
		k.src.Compare(other.src),
		cmp.Compare(k.version, other.version),
		cmp.Compare(k.domain, other.domain),
	)
}

// anyPort is what a stream has in common with those of other ports.
func (k key) anyPort() key {
	k.src = netip.AddrPortFrom(k.src.Addr(), 0)
	return k
}

// exporter is an address that sends.
type exporter struct {
	addr     netip.Addr
	streams  []*stream
	received int64           // of its last datagram, Unix nanoseconds
	place    place[exporter] // in the decoder's unproven or proven
}

// stream is what is remembered of one stream.
type stream struct {
	key      key
	owner    *exporter
	tick     uint64
	received int64 // of the last datagram, Unix nanoseconds

	// Datagrams with flow records in them, and when the last one came: streams that
	// have sent some are evicted last, and carried.
	wanting bool // data came that no template was known for
	valid   uint64
	validAt int64

	sequence  sequence
	templates map[uint16]*template
	untried   queue[template] // those that no data came for yet
	tried     queue[template]
	recent    *template // of the data set before

	rates     rates
	kept      int // options records of all templates, and their bytes: see keep
	keptBytes int
	init      uint64 // start-up time that an options record gave, milliseconds since 1970
	hasInit   bool
	boot      boot
	started   started
	shared    bool // two senders share it

	totals totals
}

type totals struct {
	datagrams, records, noTemplate, rejects    uint64
	lost, late, reordered, duplicate, restarts uint64
}

// stream finds or makes the stream of a datagram; nil when there is no room.
func (d *Decoder) stream(src netip.AddrPort, h *header, g *Datagram) *stream {
	d.tick++
	k := key{src, h.version, h.domain}
	if a := src.Addr(); a.Is4In6() {
		k.src = netip.AddrPortFrom(a.Unmap(), src.Port())
	}
	s := d.last
	if s == nil || s.key != k {
		if s = d.streams[k]; s == nil {
			if s = d.newStream(k, h, g); s == nil {
				return nil
			}
		}
		d.last = s
	}
	s.tick = d.tick
	s.received, s.owner.received = h.received, h.received
	if at := &s.owner.place; at.in != nil && at.in.newest != at {
		at.in.use(at)
	}
	return s
}

func (d *Decoder) newStream(k key, h *header, g *Datagram) *stream {
	addr := k.src.Addr()
	e := d.exporters[addr]
	if e == nil {
		if len(d.exporters) >= d.limits.Exporters && !d.evictExporter(h.received) {
			g.Rejects.add(TooManyExporters)
			return nil
		}
		e = &exporter{addr: addr}
		e.place.of = e
		d.exporters[addr] = e
		d.unproven.use(&e.place)
	}
	if len(e.streams) >= d.limits.Streams {
		g.Rejects.add(StreamEvicted)
		worst := 0
		for i, s := range e.streams {
			if least := e.streams[worst]; cmp.Or(cmp.Compare(s.worth(h, d.limits.Age), least.worth(h, d.limits.Age)), cmp.Compare(s.tick, least.tick)) < 0 {
				worst = i
			}
		}
		d.forget(e.streams[worst])
		e.streams = slices.Delete(e.streams, worst, worst+1)
	}
	s := &stream{key: k, owner: e}
	e.streams = append(e.streams, s)
	d.streams[k] = s
	d.kin[k.anyPort()] = append(d.kin[k.anyPort()], s)
	return s
}

// worth orders the streams of an exporter: one that sent nothing of use, one that
// sent templates, and then by how many datagrams with flow records came, in powers
// of two. Whoever makes up streams has to send more of such datagrams in each than
// an honest one did before that one is evicted; among equals the least recently
// used goes.
func (s *stream) worth(h *header, age time.Duration) int {
	switch {
	case s.valid > 0 && h.received-s.validAt <= int64(age):
		return 1 + bits.Len64(s.valid)
	case len(s.templates) > 0:
		return 1
	}
	return 0
}

// prove notes that a datagram brought flow records.
func (d *Decoder) prove(s *stream, received int64) {
	s.valid++
	s.validAt = max(s.validAt, received)
	if s.valid == 1 {
		d.proven.use(&s.owner.place)
	}
}

// inherit notes that a stream was carried, so that it is known to have sent flow
// records unless it says otherwise.
func (d *Decoder) inherit(s *stream) {
	if d.work.young {
		s.wanting = true
	} else if !s.isProven() {
		d.prove(s, s.received)
	}
}

// evictExporter makes room for a new exporter: in the place of one that never sent
// flow records, or of one that has been silent for long.
func (d *Decoder) evictExporter(now int64) bool {
	e := d.proven.first()
	if e == nil || now-e.received <= int64(d.limits.Age) {
		e = d.unproven.first()
	}
	if e == nil {
		return false
	}
	for _, s := range e.streams {
		d.forget(s)
	}
	e.place.leave()
	delete(d.exporters, e.addr)
	return true
}

func (d *Decoder) forget(s *stream) {
	delete(d.streams, s.key)
	if d.last == s {
		d.last = nil
	}
	k := s.key.anyPort()
	kin := d.kin[k]
	i := slices.Index(kin, s)
	if kin = slices.Delete(kin, i, i+1); len(kin) == 0 {
		delete(d.kin, k)
	} else {
		d.kin[k] = kin
	}
}

// count adds a datagram to the stream's totals.
func (d *Decoder) count(s *stream, g *Datagram) {
	if g.Records > 0 {
		d.prove(s, s.received)
	}
	s.wanting = s.wanting || g.NoTemplate > 0
	t := &s.totals
	t.datagrams++
	t.records += uint64(g.Records)
	t.noTemplate += uint64(g.NoTemplate)
	if g.Rejects != (Rejects{}) {
		t.rejects += uint64(g.Rejects.Total())
	}
	if g.Loss == (Loss{}) {
		return
	}
	t.lost += uint64(g.Loss.Lost)
	t.late += uint64(g.Loss.Late)
	if g.Loss.Reordered {
		t.reordered++
	}
	if g.Loss.Duplicate {
		t.duplicate++
	}
	if g.Loss.Restart {
		t.restarts++
	}
}

// StreamState is one stream as it stands.
type StreamState struct {
	Exporter  netip.AddrPort
	Version   flow.Version
	Domain    uint32
	Received  int64 // of the last datagram, Unix nanoseconds
	Export    int64 // its header's time, Unix nanoseconds
	Templates int   // known now, options templates counted
	Sampling  uint32

	Datagrams  uint64
	Records    uint64
	NoTemplate uint64 // data sets
	Rejects    uint64
	Lost       uint64 // v5 and IPFIX: records, v9: datagrams; less what came late
	Reordered  uint64 // datagrams
	Duplicates uint64 // datagrams
	Restarts   uint64 // how often the exporter began its sequence anew
	// Shared: two senders share this address, port and source id (behind one NAT,
	// say), so that their numbers tell nothing about loss.
	Shared bool
}

// Streams gives the state of all streams, in order of exporter, version and
// domain. Counts are those of Decode and Scan since the stream was first seen.
func (d *Decoder) Streams() []StreamState {
	all := make([]StreamState, 0, len(d.streams))
	for _, s := range d.sorted() {
		t := &s.totals
		all = append(all, StreamState{
			Exporter: s.key.src, Version: s.key.version, Domain: s.key.domain,
			Received: s.received, Export: s.sequence.newest.export,
			Templates: len(s.templates), Sampling: s.rates.whole(), Shared: s.sequence.senders.shared,
			Datagrams: t.datagrams, Records: t.records, NoTemplate: t.noTemplate, Rejects: t.rejects,
			Lost: t.lost - min(t.late, t.lost), Reordered: t.reordered,
			Duplicates: t.duplicate, Restarts: t.restarts,
		})
	}
	return all
}

func (d *Decoder) sorted() []*stream {
	all := make([]*stream, 0, len(d.streams))
	for _, s := range d.streams {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *stream) int { return a.key.compare(b.key) })
	return all
}
