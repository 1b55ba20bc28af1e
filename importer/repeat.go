package importer

import (
	"cmp"
	"net/netip"
	"slices"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// A router with two targets, of version 9 and of 5 say, sends every flow twice. Its
// records are accounted once: those of a stream are left out that repeat one of a
// better stream of the same router. Never because a stream came second: somebody may
// send from the router's address, and a router may export by two streams what is
// not the same.
//
// As long as a router has one stream in a file, that is all that is known of it and
// costs a comparison a datagram. When there is a second, the file is read once more
// for what each stream has of every router, so that which of the copies comes first
// makes no difference.

// repeats are the streams of the routers in one file.
type repeats struct {
	first   map[int]streamKey // the one stream of a router, for as long as there is one
	last    streamKey         // of the datagram before
	scanned bool
	streams map[streamKey]*exported
	seen    []sighting
	bounded bool // there is more of either than is known
}

// exported is a stream that carries flows.
type exported struct {
	key    streamKey
	router int
	place  uint32 // among the router's streams, the best first
	target netip.AddrPort
	best   bool // of its router
}

// sighting is a flow that a stream has; sorted by flow and stream, the best of each
// flow alone.
type sighting struct {
	flow  uint64
	place uint32
}

const (
	// maxSightings bounds them to 64 MB. Further flows are not known, and their copies
	// count, which the books say.
	maxSightings = 1 << 22

	// maxExported bounds the streams that are known: a router has a few, and a flood of
	// them repeats nothing.
	maxExported = 1 << 12

	// peeked are the datagrams at a file's head that are looked at for second streams
	// before it is read.
	peeked = 512

	// about is how far the ends of two copies may lie apart, to twice that: those of
	// IPFIX without a start-up time are estimates (see netflow), off by 15 s at most.
	about = 32 * second
)

func (r *repeats) begin() { *r = repeats{first: map[int]streamKey{}} }

// another says that a router has a stream beside its first.
func (r *repeats) another(router int, key streamKey) bool {
	if key == r.last {
		return false
	}
	r.last = key
	first, known := r.first[router]
	if !known {
		r.first[router] = key
	}
	return known && first != key
}

// peek looks at a file's head.
func (s *source) peek(in *input) error {
	if s.plain {
		return nil
	}
	several, n := false, 0
	err := s.routers.replay(&s.pace, in.path, func(router int, p *spool.Packet) error {
		if p.Carried {
			return nil
		}
		if n++; n > peeked || several {
			return errEnough
		}
		if key, ok := dataStream(p); ok {
			several = s.repeats.another(router, key)
		}
		return nil
	})
	if err != nil || !several {
		return err
	}
	return s.scan()
}

// dataStream is the stream of a datagram that has a data set.
func dataStream(p *spool.Packet) (key streamKey, ok bool) {
	if b := p.Payload; len(b) >= 24 && b[0] == 0 && flow.Version(b[1]) == flow.V5 {
		return streamKey{p.Src, flow.V5, uint32(b[20])<<8 | uint32(b[21])}, true
	}
	for set := range netflow.Sets(p.Payload) {
		if set.ID >= firstData {
			return streamKey{p.Src, set.Version, set.Domain}, true
		}
	}
	return streamKey{}, false
}

// scan reads the file at hand, and what lies near its borders in its neighbours of
// the spool, for the flows of each stream.
func (s *source) scan() error {
	r, in := &s.repeats, s.input
	r.scanned, r.streams, r.seen = true, map[streamKey]*exported{}, nil
	if err := s.sight(in.path, in.decoder(), func(*spool.Packet) (bool, error) { return true, nil }); err != nil {
		return err
	}
	if in.spool && len(in.before) > 0 {
		from := in.start.UnixNano() - 2*about
		if err := s.sight(in.before[0], netflow.NewDecoder(netflow.Limits{}), func(p *spool.Packet) (bool, error) { return p.Received >= from, nil }); err != nil {
			return err
		}
	}
	if in.spool && len(in.following) > 0 {
		until := int64(0)
		if err := s.sight(in.following[0], netflow.NewDecoder(netflow.Limits{}), func(p *spool.Packet) (bool, error) {
			if until == 0 {
				until = p.Received + 2*about
			}
			if p.Received > until {
				return false, errEnough
			}
			return true, nil
		}); err != nil {
			return err
		}
	}
	r.rank(s.preferred)
	return nil
}

// sight decodes a file and notes the flows of the datagrams that are wanted.
func (s *source) sight(path string, decoder *netflow.Decoder, wanted func(*spool.Packet) (bool, error)) error {
	r := &s.repeats
	var records []flow.Record
	return s.routers.replay(&s.pace, path, func(router int, p *spool.Packet) error {
		if p.Carried {
			decoder.Learn(p.Src, p.Received, p.Payload)
			return nil
		}
		want, err := wanted(p)
		if err != nil {
			return err
		}
		var g netflow.Datagram
		if records, g = decoder.Decode(records[:0], p.Src, p.Received, p.Payload); len(records) == 0 || !want {
			return nil
		}
		key := streamKey{p.Src, g.Version, g.Domain}
		e := r.streams[key]
		if e == nil && len(r.streams) == maxExported {
			r.bounded = true
			return nil
		}
		if e == nil {
			e = &exported{key: key, router: router, place: uint32(len(r.streams)), target: p.Dst}
			r.streams[key] = e
		}
		for i := range records {
			if len(r.seen) == maxSightings {
				r.bounded = true
				return errEnough
			}
			r.seen = append(r.seen, sighting{sightOf(router, &records[i], 0), e.place})
		}
		return nil
	})
}

// rank gives the streams their places: the configured version of a router comes
// first, then 9, IPFIX and 5, and among equals the lower address and port.
func (r *repeats) rank(preferred func(router int) flow.Version) {
	all := make([]*exported, len(r.streams))
	for _, e := range r.streams {
		all[e.place] = e
	}
	order := slices.Clone(all)
	slices.SortFunc(order, func(a, b *exported) int {
		return cmp.Or(cmp.Compare(a.router, b.router), cmp.Compare(worth(a.key.version, preferred(a.router)), worth(b.key.version, preferred(b.router))), a.key.compare(b.key))
	})
	places := make([]uint32, len(all))
	for i, e := range order {
		places[e.place] = uint32(i)
	}
	for i := range r.seen {
		r.seen[i].place = places[r.seen[i].place]
	}
	for i, e := range order {
		e.place, e.best = uint32(i), i == 0 || order[i-1].router != e.router
	}
	slices.SortFunc(r.seen, func(a, b sighting) int { return cmp.Or(cmp.Compare(a.flow, b.flow), cmp.Compare(a.place, b.place)) })
	r.seen = slices.CompactFunc(r.seen, func(a, b sighting) bool { return a.flow == b.flow })
}

func worth(version, preferred flow.Version) int {
	switch version {
	case preferred:
		return 0
	case flow.V9:
		return 1
	case flow.IPFIX:
		return 2
	}
	return 3
}

// sightOf mixes what two copies of a flow have in common: addresses, ports and
// protocol, the counters as far as version 5 has them, and about when it ended, so
// many times about earlier or later. It has no seed: who makes flows that are the
// same on purpose loses his own.
func sightOf(router int, r *flow.Record, later int64) uint64 {
	src, dst := [2]uint64{}, [2]uint64{}
	var family uint64
	src[0], src[1], family = address(r.Src, family)
	dst[0], dst[1], family = address(r.Dst, family)
	ports := uint64(0)
	if r.Proto == 6 || r.Proto == 17 { // of ICMP, versions say different things
		ports = uint64(r.SrcPort)<<16 | uint64(r.DstPort)
	}
	h0, h1 := mix(mixer0, mixer1, src[0], src[1])
	h0, h1 = mix(h0, h1, dst[0], dst[1])
	h0, h1 = mix(h0, h1, ports<<32|uint64(r.Proto)<<8|family<<4, uint64(uint32(r.Bytes))<<32|uint64(uint32(r.Packets)))
	h0, h1 = mix(h0, h1, uint64(router), uint64(r.End/about+later))
	return h0 ^ h1
}
