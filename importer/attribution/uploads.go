package attribution

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"

	"nfacct/collector/flow"
)

// Uploads are the uploads of one file whose exporters do not send translated
// addresses: what Attribute looks for the host of a download in. They are a set:
// which of them came first makes no difference to what is found.
//
// An upload is kept by the quarter-hour of the collector's clock in which it
// came, and answered in that one and in its neighbours. That is more than
// enough: both directions of a conversation end together, and so are exported
// together, or by the same active timeout (RouterOS: 30 minutes at most). Longer
// would meet more ports used twice and answer less.
type Uploads struct {
	places []upFlow // open addressing
	n      int
	sent   map[uint64]struct{} // hosts, by router
	seed   uint64              // so that nobody can send what all falls into one place
}

// upFlow is an upload as the answer to it will look from outside.
type upFlow struct {
	key      upKey
	host     uint32
	hostPort uint16
	used     bool
	several  bool // hosts
}

type upKey struct {
	quarter               uint32 // since 1970
	remote                uint32
	remotePort, localPort uint16
	router                uint16
	proto                 uint8
}

const (
	// quarter is 15 minutes in nanoseconds.
	quarter = 900 * 1_000_000_000

	// maxUploads bounds the table to 64 MB. What comes after so many is not
	// remembered, and downloads that answer it are unattributed.
	maxUploads = 1 << 20
)

// near is how many quarter-hours share a place, as a power of two: a download looks
// in three of them, which are mostly beside each other then, and so in the cache (a
// third of the time of an import of v5 was spent waiting for memory here). No more than
// eight, so that a long conversation in a capture of a day makes no long row.
const near = 3

func (k *upKey) hash(seed uint64) uint64 {
	hi, lo := bits.Mul64(uint64(k.remote)<<32|uint64(k.remotePort)<<16|uint64(k.localPort)^seed,
		uint64(k.quarter>>near)<<32^uint64(k.router)<<16^uint64(k.proto)^0x9e3779b97f4a7c15)
	hi, lo = bits.Mul64(hi^lo^seed, 0xa0761d6478bd642f)
	return hi ^ lo
}

// Expect makes room for so many uploads, as the file before had.
func (u *Uploads) Expect(n int) {
	for 2*n >= len(u.places) {
		u.grow()
	}
}

// Len is how many uploads are remembered.
func (u *Uploads) Len() int { return u.n }

// Add remembers a record that was attributed, if it is an upload of an exporter
// that does not send translated addresses: with them, downloads say themselves
// whose they are.
func (u *Uploads) Add(router int, r *flow.Record, res *Result) {
	if res.Class != Up || !r.Dst.Is4() || !res.Host.Is4() {
		return
	}
	_, src := translated(r.Src, r.PostNATSrc)
	if _, dst := translated(r.Dst, r.PostNATDst); src && dst {
		return
	}
	key := upKey{
		quarter: uint32(r.Received / quarter), remote: word(r.Dst), router: uint16(router), proto: r.Proto,
		remotePort: r.DstPort, localPort: after16(r, flow.HasPostNATSrcPort, r.PostNATSrcPort, r.SrcPort),
	}
	if portless(r.Proto) {
		key.remotePort, key.localPort = 0, 0
	}
	if 2*u.n >= len(u.places) && !u.grow() {
		return
	}
	at := u.place(&key)
	host := word(res.Host)
	if at.used {
		if at.host != host {
			at.several = true
			u.note(router, host)
		}
		return
	}
	u.note(router, host)
	*at = upFlow{key: key, host: host, hostPort: res.HostPort, used: true}
	u.n++
}

// note remembers that a host sent something.
func (u *Uploads) note(router int, host uint32) {
	if u.sent == nil {
		u.sent = map[uint64]struct{}{}
	}
	u.sent[uint64(router)<<32|uint64(host)] = struct{}{}
}

// sent says whether a host sent something itself, and whether any host of any
// router did.
func sent(all []*Uploads, router int, host netip.Addr) (itself, any bool) {
	for _, u := range all {
		if u == nil {
			continue
		}
		if _, itself = u.sent[uint64(router)<<32|uint64(word(host))]; itself {
			return true, true
		}
		any = any || u.n > 0
	}
	return false, any
}

// grow doubles the table, and says whether there is room for one more.
func (u *Uploads) grow() bool {
	if u.n == maxUploads {
		return false
	}
	old := u.places
	if old == nil {
		u.seed = rand.Uint64()
	}
	u.places = make([]upFlow, max(2*len(old), 1<<10))
	for i := range old {
		if old[i].used {
			*u.place(&old[i].key) = old[i]
		}
	}
	return true
}

// place is where a key is, or would be.
func (u *Uploads) place(key *upKey) *upFlow {
	mask := uint64(len(u.places) - 1)
	for at := key.hash(u.seed) & mask; ; at = (at + 1) & mask {
		if p := &u.places[at]; !p.used || p.key == *key {
			return p
		}
	}
}

// around finds a key in a quarter-hour, the one before and the one after, in that
// order; nil where it is not. Those that share a place are found in one walk.
func (u *Uploads) around(key *upKey, now uint32) (found [3]*upFlow) {
	mask := uint64(len(u.places) - 1)
	group := now >> near
	key.quarter = now
	for at := key.hash(u.seed) & mask; ; at = (at + 1) & mask {
		p := &u.places[at]
		if !p.used {
			break
		}
		if p.key.quarter>>near != group || !p.key.like(key) {
			continue
		}
		switch p.key.quarter {
		case now:
			found[0] = p
		case now - 1:
			found[1] = p
		case now + 1:
			found[2] = p
		}
	}
	for i, other := range [...]uint32{now, now - 1, now + 1} {
		if other>>near == group {
			continue
		}
		key.quarter = other
		if p := u.place(key); p.used {
			found[i] = p
		}
	}
	return found
}

// like says whether two keys differ in nothing but the quarter-hour.
func (k *upKey) like(o *upKey) bool {
	return k.remote == o.remote && k.remotePort == o.remotePort && k.localPort == o.localPort && k.router == o.router && k.proto == o.proto
}

// find looks for the one host whose uploads the download answers.
func find(all []*Uploads, router int, r *flow.Record) (host netip.Addr, port uint16, found, ambiguous bool) {
	if !r.Src.Is4() {
		return
	}
	key := upKey{remote: word(r.Src), remotePort: r.SrcPort, localPort: r.DstPort, router: uint16(router), proto: r.Proto}
	if portless(r.Proto) {
		key.remotePort, key.localPort = 0, 0
	}
	var first *upFlow
	now := uint32(r.Received / quarter)
	for _, u := range all {
		if u == nil || u.n == 0 {
			continue
		}
		for _, at := range u.around(&key, now) {
			switch {
			case at == nil:
			case at.several || first != nil && first.host != at.host:
				return netip.Addr{}, 0, false, true
			case first == nil:
				first = at
			}
		}
	}
	if first == nil {
		return
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], first.host)
	return netip.AddrFrom4(b), first.hostPort, true, false
}

func portless(proto uint8) bool { return proto == protoICMP || proto == protoICMPv6 }

func word(addr netip.Addr) uint32 {
	b := addr.As4()
	return binary.BigEndian.Uint32(b[:])
}
