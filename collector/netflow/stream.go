package netflow

import (
	"cmp"
	"net/netip"
	"slices"

	"nfacct/collector/flow"
)

// key names a stream. The address is never an IPv4-mapped one.
type key struct {
	src     netip.AddrPort
	version flow.Version
	domain  uint32
}

// exporter is an address that sends.
type exporter struct {
	streams  []*stream
	tick     uint64 // of its last datagram
	received int64  // likewise, Unix nanoseconds
}

// stream is what is remembered of one stream.
type stream struct {
	key      key
	owner    *exporter
	tick     uint64
	received int64 // of the last datagram, Unix nanoseconds

	sequence  sequence
	templates map[uint16]*template
	recent    *template // of the data set before

	sampling uint32 // 1 in N, as the exporter said without naming a sampler; 0 unknown
	samplers []sampler
	kept     int    // options records of all templates, see keep
	init     uint64 // start-up time that an options record gave, milliseconds since 1970
	hasInit  bool
	boot     boot

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
	s.tick, s.owner.tick = d.tick, d.tick
	s.received, s.owner.received = h.received, h.received
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
		e = &exporter{}
		d.exporters[addr] = e
	}
	if len(e.streams) >= d.limits.Streams {
		g.Rejects.add(StreamEvicted)
		oldest := 0
		for i, s := range e.streams {
			if s.tick < e.streams[oldest].tick {
				oldest = i
			}
		}
		d.forget(e.streams[oldest])
		e.streams = slices.Delete(e.streams, oldest, oldest+1)
	}
	s := &stream{key: k, owner: e}
	e.streams = append(e.streams, s)
	d.streams[k] = s
	return s
}

// evictExporter makes room for a new exporter if one has been silent for long.
func (d *Decoder) evictExporter(now int64) bool {
	var oldest netip.Addr
	var found *exporter
	for addr, e := range d.exporters {
		if found == nil || e.tick < found.tick {
			oldest, found = addr, e
		}
	}
	if found == nil || now-found.received <= int64(d.limits.Age) {
		return false
	}
	for _, s := range found.streams {
		d.forget(s)
	}
	delete(d.exporters, oldest)
	return true
}

func (d *Decoder) forget(s *stream) {
	delete(d.streams, s.key)
	if d.last == s {
		d.last = nil
	}
}

// count adds a datagram to the stream's totals.
func (s *stream) count(g *Datagram) {
	t := &s.totals
	t.datagrams++
	t.records += uint64(g.Records)
	t.noTemplate += uint64(g.NoTemplate)
	t.rejects += uint64(g.Rejects.Total())
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
	// Restarts counts how often the exporter began its sequence anew. Many of them
	// mean that two routers share one address and port (behind one NAT).
	Restarts uint64
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
			Templates: len(s.templates), Sampling: s.rate(),
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
	slices.SortFunc(all, func(a, b *stream) int {
		return cmp.Or(
			a.key.src.Compare(b.key.src),
			cmp.Compare(a.key.version, b.key.version),
			cmp.Compare(a.key.domain, b.key.domain),
		)
	})
	return all
}
