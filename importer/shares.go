package importer

import (
	"cmp"
	"math/bits"
	"net/netip"

	"nfacct/collector/flow"
)

// shares keeps account of how much is kept of each stream, so that a bound on
// all of it is divided fairly: what gives way is always of the exporter that has
// most, and among its streams of the one that has most. So each has an equal
// share, to a quarter, and what one does not use is lent to the others. Whoever
// floods with one stream or with thousands takes from himself.
type shares[T any] struct {
	size      int
	exporters map[netip.Addr]*exporterShare[T]
	ranks     ranking[exporterShare[T]]
}

// streamKey names a stream as netflow does.
type streamKey struct {
	source  netip.AddrPort
	version flow.Version
	domain  uint32
}

func (k streamKey) compare(o streamKey) int {
	return cmp.Or(k.source.Compare(o.source), cmp.Compare(k.version, o.version), cmp.Compare(k.domain, o.domain))
}

type exporterShare[T any] struct {
	rank[exporterShare[T]]
	addr    netip.Addr
	streams map[streamKey]*streamShare[T]
	ranks   ranking[streamShare[T]]
}

type streamShare[T any] struct {
	rank[streamShare[T]]
	key      streamKey
	exporter *exporterShare[T]
	kept     T
}

// of finds the account of a stream, or makes one, which is known from when it is
// resized.
func (s *shares[T]) of(key streamKey) *streamShare[T] {
	addr := key.source.Addr()
	e := s.exporters[addr]
	if e == nil {
		e = &exporterShare[T]{addr: addr, streams: map[streamKey]*streamShare[T]{}}
		e.owner = e
	}
	stream := e.streams[key]
	if stream == nil {
		stream = &streamShare[T]{key: key, exporter: e}
		stream.owner = stream
	}
	return stream
}

// resize changes how much is kept of a stream. One of which nothing is left is
// forgotten.
func (s *shares[T]) resize(stream *streamShare[T], by int) {
	e := stream.exporter
	if s.exporters == nil {
		s.exporters = map[netip.Addr]*exporterShare[T]{}
	}
	if e.rank.size == 0 {
		s.exporters[e.addr] = e
	}
	if stream.rank.size == 0 {
		e.streams[stream.key] = stream
	}
	s.size += by
	e.ranks.resize(&stream.rank, by)
	s.ranks.resize(&e.rank, by)
	if stream.rank.size == 0 {
		delete(e.streams, stream.key)
	}
	if e.rank.size == 0 {
		delete(s.exporters, e.addr)
	}
}

// victim is the stream that gives way when one wants so much more; nil when that
// is the one itself.
func (s *shares[T]) victim(wants *streamShare[T], more int) *streamShare[T] {
	e := s.ranks.most()
	if e == nil || wants.exporter.rank.size+more >= e.rank.size {
		e = wants.exporter
	}
	stream := e.ranks.most()
	if stream == nil || e == wants.exporter && wants.rank.size+more >= stream.rank.size {
		return nil
	}
	return stream
}

// rank is a place in a ranking.
type rank[T any] struct {
	owner      *T
	size       int
	class      int
	prev, next *rank[T]
}

// ranking lists what it has by size, in classes of a quarter of a power of two,
// so that to find one of the largest takes no longer when there are many.
type ranking[T any] struct {
	used  [classes / 64]uint64 // the classes that are not empty
	heads [classes]*rank[T]
}

const classes = 128

func classOf(size int) int {
	n := bits.Len(uint(size))
	if n < 4 {
		return size
	}
	return min((n-2)*4+size>>(n-3)&3, classes-1)
}

func (r *ranking[T]) resize(x *rank[T], by int) {
	was := x.class
	listed := x.size > 0
	x.size += by
	x.class = classOf(x.size)
	if listed && x.size > 0 && was == x.class {
		return
	}
	if listed {
		if x.prev != nil {
			x.prev.next = x.next
		} else if r.heads[was] = x.next; x.next == nil {
			r.used[was/64] &^= 1 << (was % 64)
		}
		if x.next != nil {
			x.next.prev = x.prev
		}
		x.prev, x.next = nil, nil
	}
	if x.size > 0 {
		if x.next = r.heads[x.class]; x.next != nil {
			x.next.prev = x
		}
		r.heads[x.class] = x
		r.used[x.class/64] |= 1 << (x.class % 64)
	}
}

// most is one of the largest class; nil when there is none.
func (r *ranking[T]) most() *T {
	for i := len(r.used) - 1; i >= 0; i-- {
		if r.used[i] != 0 {
			return r.heads[64*i+63-bits.LeadingZeros64(r.used[i])].owner
		}
	}
	return nil
}
