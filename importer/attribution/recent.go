package attribution

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"nfacct/collector/flow"
)

const (
	// reverseWindow is how long after an upload a download may answer it, in
	// seconds of the collector's clock: RouterOS's longest usual active timeout
	// of 30 minutes, its inactive timeout, and slack. Longer would meet more
	// ports used twice and answer less.
	reverseWindow = 35 * 60

	ways    = 4       // places where one key can stand
	buckets = 1 << 14 // of four places each: 1.6 MB a router that needs it
)

// recent is a bounded table of the uploads of a router that does not export
// translated addresses. The oldest give way.
type recent struct {
	places []upFlow // made when the first upload comes
}

// upFlow is an upload as the answer to it will look from outside.
type upFlow struct {
	remote, host                    uint32
	remotePort, localPort, hostPort uint16
	proto                           uint8
	seen                            uint32 // Unix seconds; 0: empty
	other                           uint32 // when a different host last had this key
}

func (t *recent) bucket(proto uint8, remote uint32, remotePort, localPort uint16) []upFlow {
	hi, lo := bits.Mul64(uint64(remote)<<32|uint64(remotePort)<<16|uint64(localPort),
		0x9e3779b97f4a7c15^uint64(proto)<<17)
	at := (hi ^ lo) % buckets * ways
	return t.places[at : at+ways]
}

// add remembers an upload, unless its exporter sends translated addresses: then
// downloads say themselves whose they are.
func (t *recent) add(r *flow.Record, host netip.Addr) {
	if r.PostNATSrc.IsValid() && r.PostNATDst.IsValid() || !r.Dst.Is4() || !host.Is4() {
		return
	}
	if t.places == nil {
		t.places = make([]upFlow, buckets*ways)
	}
	up := upFlow{
		remote: word(r.Dst), host: word(host),
		remotePort: r.DstPort, hostPort: r.SrcPort,
		localPort: after16(r, flow.HasPostNATSrcPort, r.PostNATSrcPort, r.SrcPort),
		proto:     r.Proto,
		seen:      seconds(r.Received),
	}
	bucket := t.bucket(up.proto, up.remote, up.remotePort, up.localPort)
	oldest := &bucket[0]
	for i := range bucket {
		p := &bucket[i]
		if p.seen != 0 && p.remote == up.remote && p.remotePort == up.remotePort && p.localPort == up.localPort && p.proto == up.proto {
			up.other = p.other
			if p.host != up.host {
				up.other = p.seen
			}
			*p = up
			return
		}
		if p.seen < oldest.seen {
			oldest = p
		}
	}
	*oldest = up
}

// find looks for the one host whose upload the download answers.
func (t *recent) find(r *flow.Record) (host netip.Addr, port uint16, found, ambiguous bool) {
	if t.places == nil || !r.Src.Is4() {
		return
	}
	remote, now := word(r.Src), seconds(r.Received)
	for _, p := range t.bucket(r.Proto, remote, r.SrcPort, r.DstPort) {
		if p.seen == 0 || p.remote != remote || p.remotePort != r.SrcPort || p.localPort != r.DstPort || p.proto != r.Proto {
			continue
		}
		switch {
		case !near(now, p.seen):
			return
		case p.other != 0 && near(now, p.other):
			return netip.Addr{}, 0, false, true
		}
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], p.host)
		return netip.AddrFrom4(b), p.hostPort, true, false
	}
	return
}

func near(a, b uint32) bool { return max(a, b)-min(a, b) <= reverseWindow }

func word(addr netip.Addr) uint32 {
	b := addr.As4()
	return binary.BigEndian.Uint32(b[:])
}

func seconds(nanoseconds int64) uint32 { return max(uint32(nanoseconds/1e9), 1) }
