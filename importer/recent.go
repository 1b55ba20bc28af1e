package importer

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// maxRecent bounds the datagrams that are remembered, of all exporters, and
// maxRecentOf those of one stream: a copy that comes later than that is
// counted again. Each costs some 50 bytes.
const (
	maxRecent   = 1 << 17
	maxRecentOf = 1 << 13
)

// firstData is the lowest number of a data set (RFC 3954 section 5.2, RFC 7011
// section 3.3.2).
const firstData = 256

// recent is the set of datagrams received lately in one file, so that those that
// come twice are counted once. It is exact, and depends on the file alone.
type recent struct {
	seen   map[digest128]struct{}
	shares shares[ring]
	last   *streamShare[ring] // of the datagram before: most come in a row
}

// has says whether the datagram came already.
func (r *recent) has(d digest128) bool {
	_, found := r.seen[d]
	return found
}

// add remembers a datagram that came the first time.
func (r *recent) add(p *spool.Packet, d digest128) {
	key, data := streamKey{source: p.Src}, false
	for set := range netflow.Sets(p.Payload) {
		key.version, key.domain, data = set.Version, set.Domain, set.ID >= firstData
		if data {
			break
		}
	}
	if key.version == flow.IPFIX && !data {
		return // templates have no number of their own (RFC 7011 section 3.1): sent again they are no copy
	}
	stream := r.last
	if stream == nil || stream.key != key || stream.rank.size == 0 {
		stream = r.shares.of(key)
		r.last = stream
	}
	if stream.rank.size == maxRecentOf {
		delete(r.seen, stream.kept.swap(d))
		r.seen[d] = struct{}{}
		return
	}
	if r.shares.size == maxRecent {
		victim := r.shares.victim(stream, 1)
		if victim == nil {
			if stream.rank.size == 0 {
				return
			}
			victim = stream
		}
		delete(r.seen, victim.kept.take())
		r.shares.resize(victim, -1)
	}
	if r.seen == nil {
		r.seen = map[digest128]struct{}{}
	}
	r.seen[d] = struct{}{}
	stream.kept.put(d)
	r.shares.resize(stream, 1)
}

// ring is digests in the order they came.
type ring struct {
	all  []digest128 // a power of two of places
	from int         // the oldest
	n    int
}

func (r *ring) put(d digest128) {
	if r.n == len(r.all) {
		all := make([]digest128, max(16, 2*r.n))
		copy(all[copy(all, r.all[r.from:]):], r.all[:r.from])
		r.all, r.from = all, 0
	}
	r.all[(r.from+r.n)&(len(r.all)-1)] = d
	r.n++
}

// take takes the oldest out.
func (r *ring) take() digest128 {
	d := r.all[r.from]
	r.from = (r.from + 1) & (len(r.all) - 1)
	r.n--
	return d
}

// swap is take and put.
func (r *ring) swap(d digest128) (oldest digest128) {
	oldest = r.take()
	r.put(d)
	return oldest
}

// digest128 stands for a datagram and where it came from.
type digest128 [2]uint64

// digestOf mixes all bytes into 128 bits, so that two different datagrams that are
// compared are the same by chance in one of 2^90 files. It has no seed: a file
// gives the same numbers each time. It is no cryptographic digest, for which there
// is no time (a tenth of a microsecond a datagram): whoever makes two datagrams
// collide on purpose loses the second, which is his own.
func digestOf(src netip.AddrPort, payload []byte) digest128 {
	le := binary.LittleEndian
	addr := src.Addr().As16()
	h0, h1 := mix(mixer0^uint64(len(payload))<<16^uint64(src.Port()), mixer1, le.Uint64(addr[:]), le.Uint64(addr[8:]))
	h2, h3 := uint64(mixer1), uint64(mixer0)
	for len(payload) >= 32 { // two chains at a time, because a multiplication has to be waited for
		h0, h1 = mix(h0, h1, le.Uint64(payload), le.Uint64(payload[8:]))
		h2, h3 = mix(h2, h3, le.Uint64(payload[16:]), le.Uint64(payload[24:]))
		payload = payload[32:]
	}
	if len(payload) >= 16 {
		h0, h1 = mix(h0, h1, le.Uint64(payload), le.Uint64(payload[8:]))
		payload = payload[16:]
	}
	if len(payload) > 0 {
		var rest [16]byte
		copy(rest[:], payload)
		h0, h1 = mix(h0, h1, le.Uint64(rest[:]), le.Uint64(rest[8:]))
	}
	h0, h1 = mix(h0, h1, h2, h3)
	h0, h1 = mix(h0, h1, bits.RotateLeft64(h1, 32), bits.RotateLeft64(h0, 32))
	return digest128{h0, h1}
}

// Odd constants without a pattern, those of SplitMix64 among them.
const mixer0, mixer1, mixer2, mixer3 = 0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0xd6e8feb86659fd93

// mix takes 16 bytes into both halves, each by a multiplication of its own.
func mix(h0, h1, x, y uint64) (uint64, uint64) {
	high, low := bits.Mul64(x^mixer2, y^h0)
	further, lower := bits.Mul64(x^h1, y^mixer3)
	return bits.RotateLeft64(h0, 29) ^ high ^ low, bits.RotateLeft64(h1, 31) ^ further ^ lower
}

// copies finds datagrams that came twice, in one file or at the border of two.
// What the files before a spool file hold is read from them alone, so that what
// becomes of a datagram depends on the spool, and not on which files are imported
// together.
type copies struct {
	own    *recent
	before []*recent
	known  map[string]*recent // by path: of the file at hand and those before it
}

func (c *copies) begin() { c.own, c.before = new(recent), c.before[:0] }

// again says whether the very same datagram came already, and remembers it.
func (c *copies) again(p *spool.Packet) bool {
	d := digestOf(p.Src, p.Payload)
	if c.own.has(d) {
		return true
	}
	c.own.add(p, d)
	for _, r := range c.before {
		if r.has(d) {
			return true
		}
	}
	return false
}

// rememberBefore makes what stands in the files before a spool file known.
func (s *source) rememberBefore(in *input) error {
	c := &s.copies
	known := map[string]*recent{}
	for _, path := range in.before {
		r := c.known[path]
		if r == nil {
			r = new(recent)
			if err := s.routers.replay(&s.pace, path, func(_ int, p *spool.Packet) error {
				if d := digestOf(p.Src, p.Payload); !p.Carried && !r.has(d) {
					r.add(p, d)
				}
				return nil
			}); err != nil {
				return err
			}
		}
		known[path], c.before = r, append(c.before, r)
	}
	if in.spool {
		known[in.path] = c.own
	}
	c.known = known
	return nil
}
