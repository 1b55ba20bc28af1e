package attribution

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"nfacct/collector/flow"
)

// world makes the two halves of conversations as RouterOS exports them, and
// knows whose they are.
type world struct {
	*rand.Rand
	port uint16
}

func (w *world) inside() netip.Addr {
	return netip.AddrFrom4([4]byte{10, 10, 1, byte(1 + w.IntN(250))})
}

func (w *world) outside() netip.Addr {
	return netip.AddrFrom4([4]byte{198, 51, byte(w.IntN(256)), byte(w.IntN(256))})
}

// conversation is an upload and its answer.
type conversation struct {
	host, peer         netip.Addr
	hostPort, peerPort uint16
	up, down           flow.Record
}

const all = flow.HasBytes | flow.HasPackets | flow.HasInIf | flow.HasOutIf | flow.HasSrcPort | flow.HasDstPort | flow.HasProto

// masqueraded is a conversation through either provider. Without clash the
// masquerade keeps the host's port; with it, it takes another.
func (w *world) masqueraded(translation, clash, innerRouter bool) conversation {
	w.port++
	c := conversation{host: w.inside(), peer: w.outside(), hostPort: 1024 + w.port, peerPort: 443}
	public, publicPort := ip("203.0.113.2"), c.hostPort
	if clash {
		publicPort = 60000 + w.port%5000
	}
	wan, lan := uint32(7+w.IntN(2)), uint32(11+w.IntN(3))
	c.up = flow.Record{Has: all, Src: c.host, Dst: c.peer, SrcPort: c.hostPort, DstPort: c.peerPort, InIf: lan, OutIf: wan, Proto: 6, NextHop: ip("203.0.113.1"), Received: 1e18}
	c.down = flow.Record{Has: all, Src: c.peer, Dst: public, SrcPort: c.peerPort, DstPort: publicPort, InIf: wan, OutIf: lan, Proto: 6, NextHop: c.host, Received: 1e18}
	if innerRouter {
		c.down.NextHop = ip("10.10.0.254")
	}
	if translation {
		ports := flow.HasPostNATSrcPort | flow.HasPostNATDstPort
		c.up.Has, c.down.Has = c.up.Has|ports, c.down.Has|ports
		c.up.PostNATSrc, c.up.PostNATDst, c.up.PostNATSrcPort, c.up.PostNATDstPort = public, c.peer, publicPort, c.peerPort
		c.down.PostNATSrc, c.down.PostNATDst, c.down.PostNATSrcPort, c.down.PostNATDstPort = c.peer, c.host, c.peerPort, c.hostPort
	}
	return c
}

// published is a call from outside to a server of ours, and its answer.
func (w *world) published() conversation {
	w.port++
	c := conversation{host: w.inside(), peer: w.outside(), hostPort: 80, peerPort: 1024 + w.port}
	public := ip("203.0.113.2")
	ports := flow.HasPostNATSrcPort | flow.HasPostNATDstPort
	c.down = flow.Record{Has: all | ports, Src: c.peer, Dst: public, SrcPort: c.peerPort, DstPort: 8080, InIf: 7, OutIf: 11, Proto: 6,
		PostNATSrc: c.peer, PostNATDst: c.host, PostNATSrcPort: c.peerPort, PostNATDstPort: 80}
	c.up = flow.Record{Has: all | ports, Src: c.host, Dst: c.peer, SrcPort: 80, DstPort: c.peerPort, InIf: 11, OutIf: 7, Proto: 6,
		PostNATSrc: public, PostNATDst: c.peer, PostNATSrcPort: 8080, PostNATDstPort: c.peerPort}
	return c
}

// TestHalvesAgree: both halves of a conversation name the same host, peer and
// ports, in opposite directions, with the outside interfaces known or not.
func TestHalvesAgree(t *testing.T) {
	w := &world{Rand: rand.New(rand.NewPCG(7, 8))}
	makers := map[string]func() conversation{
		"translated":                   func() conversation { return w.masqueraded(true, false, false) },
		"translated, other port":       func() conversation { return w.masqueraded(true, true, false) },
		"translated, inner router":     func() conversation { return w.masqueraded(true, true, true) },
		"published":                    w.published,
		"no translation fields":        func() conversation { return w.masqueraded(false, false, false) },
		"no translation, inner router": func() conversation { return w.masqueraded(false, false, true) },
	}
	for name, makes := range makers {
		for _, known := range []bool{true, false} {
			router := office()
			if !known {
				router.WAN = nil
			}
			a := New(router, 0)
			for range 2000 {
				c := makes()
				up, down := a.Attribute(&c.up), among(a, &c.down, &c.up)
				if up.Class != Up || down.Class != Down {
					t.Fatalf("%s, interfaces known %v: %v (%v) and %v (%v)", name, known, up.Class, up.Rule, down.Class, down.Rule)
				}
				for _, res := range []Result{up, down} {
					if res.Host != c.host || res.Peer != c.peer || res.HostPort != c.hostPort || res.PeerPort != c.peerPort {
						t.Fatalf("%s, interfaces known %v: %+v, want %s:%d %s:%d", name, known, res, c.host, c.hostPort, c.peer, c.peerPort)
					}
				}
			}
		}
	}
}

// TestPortClash: without translation fields a host is charged only if it is the
// right one; when ports were changed, nobody may be charged in its place.
func TestPortClash(t *testing.T) {
	w := &world{Rand: rand.New(rand.NewPCG(9, 10))}
	a := New(office(), 0)
	charged := 0
	uploads := new(Uploads)
	for range 5000 {
		c := w.masqueraded(false, w.IntN(4) == 0, true)
		up := a.Attribute(&c.up)
		uploads.Add(0, &c.up, &up)
		if res := a.Answer(&c.down, []*Uploads{uploads}); res.Class == Down {
			charged++
			if res.Host != c.host {
				t.Fatalf("charged %s for %s", res.Host, c.host)
			}
		} else if res.Class != Unattributed {
			t.Fatalf("%v", res.Class)
		}
	}
	if charged < 3000 {
		t.Errorf("only %d of 5000 downloads charged", charged)
	}
}

// TestSwapped: a record with its sides swapped goes the other way, to the same host.
func TestSwapped(t *testing.T) {
	w := &world{Rand: rand.New(rand.NewPCG(11, 12))}
	opposite := map[Class]Class{Up: Down, Down: Up, Internal: Internal, Transit: Transit, RouterLocal: RouterLocal, Unattributed: Unattributed}
	addr := func() netip.Addr {
		switch w.IntN(4) {
		case 0:
			return w.outside()
		case 1:
			return ip("2001:db8:1::5")
		case 2:
			return ip("2001:db8:ffff::9")
		}
		return w.inside()
	}
	for range 3000 {
		r := flow.Record{Has: all, Src: addr(), Dst: addr(), SrcPort: uint16(w.IntN(9)), DstPort: uint16(w.IntN(9)), Proto: 6,
			InIf: uint32(w.IntN(14)), OutIf: uint32(w.IntN(14)), Received: 1e18}
		s := r
		s.Src, s.Dst, s.SrcPort, s.DstPort, s.InIf, s.OutIf = r.Dst, r.Src, r.DstPort, r.SrcPort, r.OutIf, r.InIf
		for _, router := range []Router{office(), {Inside: office().Inside}} {
			one, two := New(router, 0).Attribute(&r), New(router, 0).Attribute(&s)
			if two.Class != opposite[one.Class] || one.Host != two.Host || one.Peer != two.Peer || one.HostPort != two.HostPort || one.PeerPort != two.PeerPort || one.WAN != two.WAN {
				t.Fatalf("%+v\nis      %+v\nswapped %+v", r, one, two)
			}
		}
	}
}

// FuzzAttribute: whatever a record holds, it has one class, and a host of ours
// exactly if it is up or down.
func FuzzAttribute(f *testing.F) {
	f.Add(uint32(all), uint32(11), uint32(7), []byte{10, 10, 1, 5, 198, 51, 100, 9, 203, 0, 113, 2, 198, 51, 100, 9, 203, 0, 113, 1}, true)
	f.Add(uint32(all), uint32(7), uint32(11), []byte{198, 51, 100, 9, 203, 0, 113, 2, 198, 51, 100, 9, 10, 10, 1, 5, 10, 10, 1, 5}, false)
	f.Fuzz(func(t *testing.T, has, in, out uint32, data []byte, known bool) {
		next := func() netip.Addr {
			if len(data) == 0 {
				return netip.Addr{}
			}
			n := 4
			if data[0]&0xe0 == 0x20 || data[0] >= 0xfc {
				n = 16
			}
			var b [16]byte
			copy(b[:n], data)
			data = data[min(n, len(data)):]
			if n == 4 {
				return netip.AddrFrom4([4]byte(b[:4]))
			}
			return netip.AddrFrom16(b).Unmap()
		}
		router := office()
		if !known {
			router.WAN = nil
		}
		a := New(router, 0)
		r := flow.Record{Has: flow.Fields(has), InIf: in, OutIf: out}
		r.Src, r.Dst, r.PostNATSrc, r.PostNATDst, r.NextHop = next(), next(), next(), next(), next()
		if len(data) >= 8 {
			r.Received = int64(binary.BigEndian.Uint64(data))
		}
		answer := a.Answer(&r, []*Uploads{uploadsOf(a, &r)})
		if answer.Class != Down && answer.Class != Unattributed {
			t.Fatalf("answer: %+v", answer)
		}
		for _, res := range []Result{a.Attribute(&r), answer} {
			if res.Class >= Classes || res.Rule == NoRule || res.Rule >= rules || ruleNames[res.Rule] == "" {
				t.Fatalf("class %v, rule %v", res.Class, res.Rule)
			}
			charged := res.Class == Up || res.Class == Down
			if charged != res.Host.IsValid() || charged != res.Peer.IsValid() || charged != (res.Code() != 0) || charged && !a.marks(res.Host).host() {
				t.Fatalf("%+v", res)
			}
		}
	})
}

// TestEnteredIsNoUpload: what came in by an outside interface is never an upload,
// whatever else is written in it or missing.
func TestEnteredIsNoUpload(t *testing.T) {
	w := &world{Rand: rand.New(rand.NewPCG(9, 10))}
	a := New(Router{WAN: []uint32{7, 8}, Inside: []netip.Prefix{netip.MustParsePrefix("10.10.0.0/16")}, Own: []netip.Addr{ip("203.0.113.2")}}, 0)
	addrs := []func() netip.Addr{w.inside, w.outside, func() netip.Addr { return ip("203.0.113.2") }, func() netip.Addr { return netip.Addr{} }}
	addr := func() netip.Addr { return addrs[w.IntN(len(addrs))]() }
	entered, uploads := 0, 0
	for range 100_000 {
		r := flow.Record{Has: all, Src: addr(), Dst: addr(), PostNATSrc: addr(), PostNATDst: addr(), NextHop: addr(),
			InIf: uint32(w.IntN(12)), OutIf: uint32(w.IntN(12)), Proto: 6}
		for _, without := range []flow.Fields{flow.HasInIf, flow.HasOutIf} {
			if w.IntN(4) == 0 {
				r.Has &^= without
			}
		}
		res := a.Attribute(&r)
		switch {
		case a.Entered(&r) && res.Class == Up:
			t.Fatalf("%+v is %+v", r, res)
		case a.Entered(&r):
			entered++
		case res.Class == Up:
			uploads++
		}
	}
	if entered < 1000 || uploads < 1000 {
		t.Errorf("%d entered, %d uploads: nothing is shown", entered, uploads)
	}
}
