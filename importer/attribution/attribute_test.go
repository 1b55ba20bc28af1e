package attribution

import (
	"net/netip"
	"testing"

	"nfacct/collector/flow"
)

var ip = netip.MustParseAddr

func office() Router {
	return Router{
		WAN:          []uint32{7, 8},
		Inside:       []netip.Prefix{netip.MustParsePrefix("10.10.0.0/16"), netip.MustParsePrefix("2001:db8:1::/48")},
		Own:          []netip.Addr{ip("203.0.113.2"), ip("10.10.0.1")},
		Proxies:      []netip.Addr{ip("10.10.0.20")},
		InnerRouters: []netip.Addr{ip("10.10.0.254")},
	}
}

// rec builds a record: in, out, source, its port, destination, its port.
func rec(in, out uint32, src string, sport uint16, dst string, dport uint16, more ...func(*flow.Record)) *flow.Record {
	r := &flow.Record{
		Has: flow.HasBytes | flow.HasPackets | flow.HasInIf | flow.HasOutIf | flow.HasSrcPort | flow.HasDstPort | flow.HasProto,
		Src: ip(src), Dst: ip(dst), SrcPort: sport, DstPort: dport, InIf: in, OutIf: out,
		Proto: 6, Bytes: 100, Packets: 2, Received: 1e18,
	}
	for _, f := range more {
		f(r)
	}
	return r
}

func nat(src, dst string) func(*flow.Record) {
	return func(r *flow.Record) { r.PostNATSrc, r.PostNATDst = ip(src), ip(dst) }
}

func natPorts(src, dst uint16) func(*flow.Record) {
	return func(r *flow.Record) {
		r.Has |= flow.HasPostNATSrcPort | flow.HasPostNATDstPort
		r.PostNATSrcPort, r.PostNATDstPort = src, dst
	}
}

func hop(addr string) func(*flow.Record) { return func(r *flow.Record) { r.NextHop = ip(addr) } }
func noIf(r *flow.Record)                { r.Has &^= flow.HasInIf | flow.HasOutIf }
func proto(p uint8) func(*flow.Record)   { return func(r *flow.Record) { r.Proto = p } }
func later(seconds int64) func(*flow.Record) {
	return func(r *flow.Record) { r.Received += seconds * 1e9 }
}

func TestAttribute(t *testing.T) {
	up := func(rule Rule, host string, hport uint16, peer string, pport uint16, wan uint32) Result {
		return Result{Class: Up, Rule: rule, Host: ip(host), HostPort: hport, Peer: ip(peer), PeerPort: pport, WAN: wan}
	}
	down := func(rule Rule, host string, hport uint16, peer string, pport uint16, wan uint32) Result {
		res := up(rule, host, hport, peer, pport, wan)
		res.Class = Down
		return res
	}
	other := func(class Class, rule Rule) Result { return Result{Class: class, Rule: rule} }
	noWAN := func(r *Router) { r.WAN = nil }
	unlisted := func(index uint32) Result {
		return Result{Class: Unattributed, Rule: UnlistedInterface, WAN: index}
	}
	dynamic := func(r *Router) { r.WAN = []uint32{0xF00007} }
	v5 := func(r *flow.Record) { r.Version = flow.V5 }
	tests := []struct {
		name   string
		router func(*Router)
		before []*flow.Record // attributed first
		rec    *flow.Record
		want   Result
	}{
		// Rule 2 of the reference: the router itself.
		{"to the router", nil, nil, rec(7, 0, "198.51.100.9", 4000, "203.0.113.2", 22), other(RouterLocal, RouterInterface)},
		{"from the router", nil, nil, rec(0, 7, "203.0.113.2", 22, "198.51.100.9", 4000), other(RouterLocal, RouterInterface)},
		{"broadcast of the router", nil, nil, rec(0, 11, "10.10.0.1", 5678, "255.255.255.255", 5678), other(RouterLocal, RouterInterface)},

		// Rule 4: up.
		{"masqueraded upload", nil, nil,
			rec(11, 7, "10.10.1.5", 50000, "198.51.100.9", 443, nat("203.0.113.2", "198.51.100.9"), natPorts(50000, 443), hop("203.0.113.1")),
			up(Inside, "10.10.1.5", 50000, "198.51.100.9", 443, 7)},
		{"upload whose port was changed keeps the host's own", nil, nil,
			rec(11, 7, "10.10.1.5", 50000, "198.51.100.9", 443, nat("203.0.113.2", "198.51.100.9"), natPorts(61000, 443)),
			up(Inside, "10.10.1.5", 50000, "198.51.100.9", 443, 7)},
		{"upload by the second provider", nil, nil, rec(11, 8, "10.10.1.5", 50000, "198.51.100.9", 443), up(Inside, "10.10.1.5", 50000, "198.51.100.9", 443, 8)},
		{"upload whose inside address shows after translation", nil, nil,
			rec(11, 7, "192.0.2.5", 50000, "198.51.100.9", 443, nat("10.10.1.5", "198.51.100.9"), natPorts(50001, 443)),
			up(Translated, "10.10.1.5", 50001, "198.51.100.9", 443, 7)},
		{"upload of nobody", nil, nil, rec(11, 7, "192.0.2.5", 1, "198.51.100.9", 2), other(Unattributed, NobodyInside)},
		{"upload redirected to another resolver", nil, nil,
			rec(11, 7, "10.10.1.5", 5353, "8.8.8.8", 53, nat("203.0.113.2", "198.51.100.53"), natPorts(5353, 5300), proto(17)),
			up(Inside, "10.10.1.5", 5353, "198.51.100.53", 5300, 7)},
		{"answer of a published server", nil, nil,
			rec(11, 7, "10.10.6.11", 80, "198.51.100.9", 46518, nat("203.0.113.2", "198.51.100.9"), natPorts(82, 46518)),
			up(Inside, "10.10.6.11", 80, "198.51.100.9", 46518, 7)},
		{"to another network of ours by IPsec", func(r *Router) { r.Inside = append(r.Inside, netip.MustParsePrefix("192.168.0.0/16")) }, nil,
			rec(11, 7, "10.10.1.5", 1, "192.168.128.17", 123), other(Internal, InsideAddresses)},
		{"from another network of ours by IPsec", func(r *Router) { r.Inside = append(r.Inside, netip.MustParsePrefix("192.168.0.0/16")) }, nil,
			rec(7, 11, "192.168.128.17", 123, "10.10.1.5", 1), other(Internal, InsideAddresses)},
		{"between two networks of ours by IPsec", func(r *Router) { r.Inside = append(r.Inside, netip.MustParsePrefix("192.168.0.0/16")) }, nil,
			rec(7, 8, "192.168.128.17", 123, "192.168.1.5", 1), other(Internal, InsideAddresses)},
		{"an outside address that looks private", nil, nil,
			rec(11, 7, "10.10.1.5", 1, "192.168.128.17", 123), up(Inside, "10.10.1.5", 1, "192.168.128.17", 123, 7)},
		{"by IPsec, without wan", func(r *Router) { r.WAN, r.Inside = nil, append(r.Inside, netip.MustParsePrefix("192.168.0.0/16")) }, nil,
			rec(11, 7, "10.10.1.5", 1, "192.168.128.17", 123), other(Internal, InsideAddresses)},

		// Rule 5: down.
		{"masqueraded download", nil, nil,
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 61000, nat("198.51.100.9", "10.10.1.5"), natPorts(443, 50000), hop("10.10.1.5")),
			down(Translated, "10.10.1.5", 50000, "198.51.100.9", 443, 7)},
		{"RouterOS 6 sends no translated ports", nil, nil,
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, nat("198.51.100.9", "10.10.1.5")),
			down(Translated, "10.10.1.5", 50000, "198.51.100.9", 443, 7)},
		{"call of a published server", nil, nil,
			rec(7, 11, "198.51.100.9", 46518, "203.0.113.2", 82, nat("198.51.100.9", "10.10.6.11"), natPorts(46518, 80), hop("10.10.6.11")),
			down(Translated, "10.10.6.11", 80, "198.51.100.9", 46518, 7)},
		{"download to a routed address", nil, nil, rec(7, 11, "198.51.100.9", 443, "10.10.1.5", 50000, nat("198.51.100.9", "10.10.1.5")), down(Inside, "10.10.1.5", 50000, "198.51.100.9", 443, 7)},
		{"v5, directly attached", nil, nil, rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, hop("10.10.1.5")), down(NextHop, "10.10.1.5", 50000, "198.51.100.9", 443, 7)},
		{"v5, an inner router that nobody told us of", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443, hop("203.0.113.1"))},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, hop("10.10.5.5")),
			down(Reverse, "10.10.9.9", 50000, "198.51.100.9", 443, 7)},
		{"v5, the next hop sent it", nil,
			[]*flow.Record{rec(11, 7, "10.10.1.5", 50000, "198.51.100.9", 443)},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, hop("10.10.1.5")),
			down(NextHop, "10.10.1.5", 50000, "198.51.100.9", 443, 7)},
		{"v5, the next hop sent something else", nil,
			[]*flow.Record{rec(11, 7, "10.10.1.5", 50001, "198.51.100.9", 443)},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, hop("10.10.1.5")),
			down(NextHop, "10.10.1.5", 50000, "198.51.100.9", 443, 7)},
		{"v5, the next hop sent nothing, others did", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 50001, "198.51.100.9", 443)},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, hop("10.10.5.5")),
			down(NextHopSilent, "10.10.5.5", 50000, "198.51.100.9", 443, 7)},
		{"v5, two hosts sent it, one is the next hop", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443), rec(11, 7, "10.10.9.8", 50000, "198.51.100.9", 443)},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, hop("10.10.9.8")),
			down(NextHop, "10.10.9.8", 50000, "198.51.100.9", 443, 7)},
		{"v5, two hosts sent it, the next hop nothing", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443), rec(11, 7, "10.10.9.8", 50000, "198.51.100.9", 443)},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, hop("10.10.5.5")), other(Unattributed, Ambiguous)},
		{"v5, behind an inner router", nil, nil, rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, hop("10.10.0.254")), other(Unattributed, NobodyInside)},
		{"v5, behind an inner router, answer to an upload", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443, hop("203.0.113.1"))},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, hop("10.10.0.254"), later(30)),
			down(Reverse, "10.10.9.9", 50000, "198.51.100.9", 443, 7)},
		{"the protocol is part of the answer", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443)},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, proto(17)), other(Unattributed, NobodyInside)},
		{"two hosts with the same port", nil,
			[]*flow.Record{
				rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443),
				rec(11, 7, "10.10.9.8", 50000, "198.51.100.9", 443, later(60)),
			},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, later(90)), other(Unattributed, Ambiguous)},
		{"two hosts with the same port, long apart", nil,
			[]*flow.Record{
				rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443),
				rec(11, 7, "10.10.9.8", 50000, "198.51.100.9", 443, later(3600)),
			},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, later(3660)), down(Reverse, "10.10.9.8", 50000, "198.51.100.9", 443, 7)},
		{"an upload that comes after its answer", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443, later(600))},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000), down(Reverse, "10.10.9.9", 50000, "198.51.100.9", 443, 7)},
		{"the same host again", nil,
			[]*flow.Record{
				rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443),
				rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443, later(900)),
			},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, later(90)), down(Reverse, "10.10.9.9", 50000, "198.51.100.9", 443, 7)},
		{"two hosts with the same port, in neighbouring quarters", nil,
			[]*flow.Record{
				rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443),
				rec(11, 7, "10.10.9.8", 50000, "198.51.100.9", 443, later(900)),
			},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, later(90)), other(Unattributed, Ambiguous)},
		{"answer to a ping", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 0, "198.51.100.9", 2048, proto(1))},
			rec(7, 11, "198.51.100.9", 0, "203.0.113.2", 0, proto(1)), down(Reverse, "10.10.9.9", 0, "198.51.100.9", 0, 7)},
		{"uploads sent with translations of 0.0.0.0", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443, nat("0.0.0.0", "0.0.0.0"))},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, nat("0.0.0.0", "0.0.0.0")), down(Reverse, "10.10.9.9", 50000, "198.51.100.9", 443, 7)},
		{"uploads that say their translation are not answered by address", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443, nat("203.0.113.2", "198.51.100.9"))},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000), other(Unattributed, NobodyInside)},
		{"an upload too long ago", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443)},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, later(3600)), other(Unattributed, NobodyInside)},
		{"translation known and not inside", nil,
			[]*flow.Record{rec(11, 7, "10.10.9.9", 50000, "198.51.100.9", 443)},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, nat("198.51.100.9", "192.0.2.77"), hop("10.10.1.5")), other(Unattributed, NobodyInside)},
		{"translation sent as 0.0.0.0 is not known", nil, nil,
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, nat("0.0.0.0", "0.0.0.0"), hop("10.10.1.5")), down(NextHop, "10.10.1.5", 50000, "198.51.100.9", 443, 7)},
		{"own address inside a routed prefix is no host", func(r *Router) {
			r.Inside = append(r.Inside, netip.MustParsePrefix("203.0.113.0/29"))
		}, nil, rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, hop("10.10.1.5")), down(NextHop, "10.10.1.5", 50000, "198.51.100.9", 443, 7)},

		// Rule 6.
		{"transit", nil, nil, rec(7, 8, "198.51.100.9", 1, "192.0.2.1", 2), other(Transit, OutsideInterfaces)},
		{"out where it came in", nil, nil, rec(7, 7, "198.51.100.9", 1, "203.0.113.9", 2), other(Transit, OutsideInterfaces)},
		{"internal", nil, nil, rec(11, 12, "10.10.1.5", 1, "10.10.2.5", 2), other(Internal, InsideInterfaces)},
		{"hairpin", nil, nil, rec(11, 11, "10.10.1.5", 1, "203.0.113.2", 82, nat("10.10.0.1", "10.10.6.11")), other(Internal, InsideInterfaces)},

		// An uplink that wan does not list.
		{"up by an interface not listed", nil, nil, rec(11, 0xF00007, "10.10.1.5", 1, "198.51.100.9", 443), unlisted(0xF00007)},
		{"down by an interface not listed", nil, nil, rec(0xF00007, 11, "198.51.100.9", 443, "203.0.113.9", 1, nat("198.51.100.9", "10.10.1.5")), unlisted(0xF00007)},
		{"down by an interface not listed, not translated", nil, nil, rec(9, 11, "198.51.100.9", 443, "10.10.1.5", 1), unlisted(9)},
		{"down to the router's address by an interface not listed", nil, nil, rec(9, 11, "198.51.100.9", 443, "203.0.113.2", 1), unlisted(9)},
		{"v5, down by an interface not listed to an address not listed", nil, nil, rec(9, 11, "198.51.100.9", 443, "203.0.113.77", 1, hop("10.10.1.5")), unlisted(9)},
		{"IPv6 up by an interface not listed", nil, nil, rec(11, 9, "2001:db8:1::5", 1, "2001:db8:ffff::9", 443), unlisted(9)},
		{"to a private address elsewhere", nil, nil, rec(11, 9, "10.10.1.5", 1, "172.16.3.4", 443), other(Internal, InsideInterfaces)},
		{"to a group", nil, nil, rec(11, 9, "10.10.1.5", 1, "239.1.1.1", 443), other(Internal, InsideInterfaces)},
		{"to the address of the router from inside", nil, nil, rec(11, 9, "10.10.1.5", 1, "203.0.113.2", 443), other(Internal, InsideInterfaces)},
		{"between the world and the world", nil, nil, rec(9, 11, "198.51.100.9", 443, "192.0.2.8", 1), other(Internal, InsideInterfaces)},
		{"up by an interface made since the router was asked", func(r *Router) { r.Known = []uint32{11, 7, 8} }, nil,
			rec(11, 0xF00007, "10.10.1.5", 1, "198.51.100.9", 443), up(InsideOnly, "10.10.1.5", 1, "198.51.100.9", 443, 0xF00007)},
		{"down by an interface made since the router was asked", func(r *Router) { r.Known = []uint32{11, 7, 8} }, nil,
			rec(0xF00007, 11, "198.51.100.9", 443, "203.0.113.9", 1, nat("198.51.100.9", "10.10.1.5")), down(TranslatedOnly, "10.10.1.5", 1, "198.51.100.9", 443, 0xF00007)},
		{"up by an interface that the router had when it was asked", func(r *Router) { r.Known = []uint32{0xF00007, 11, 7, 8} }, nil,
			rec(11, 0xF00007, "10.10.1.5", 1, "198.51.100.9", 443), unlisted(0xF00007)},

		// v5 carries the lower half of an ifIndex.
		{"v5, up by a dynamic interface", dynamic, nil, rec(11, 7, "10.10.1.5", 1, "198.51.100.9", 443, v5), up(Inside, "10.10.1.5", 1, "198.51.100.9", 443, 7)},
		{"v5, down by a dynamic interface", dynamic, nil, rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 1, hop("10.10.1.5"), v5), down(NextHop, "10.10.1.5", 1, "198.51.100.9", 443, 7)},
		{"v9, the lower half is another interface", dynamic, nil, rec(11, 7, "10.10.1.5", 1, "10.10.2.5", 443), other(Internal, InsideInterfaces)},
		{"v5, the inside interface has the same lower half: up", dynamic, nil, rec(7, 7, "10.10.1.5", 1, "198.51.100.9", 443, v5), up(InsideOnly, "10.10.1.5", 1, "198.51.100.9", 443, 7)},
		{"v5, the inside interface has the same lower half: internal", dynamic, nil, rec(7, 11, "10.10.1.5", 1, "10.10.2.5", 443, v5), other(Internal, InsideAddresses)},

		// Interface 0.
		{"both interfaces 0: up", nil, nil, rec(0, 0, "10.10.1.5", 1, "198.51.100.9", 443), up(InsideOnly, "10.10.1.5", 1, "198.51.100.9", 443, 0)},
		{"both interfaces 0: down", nil, nil, rec(0, 0, "198.51.100.9", 443, "203.0.113.2", 1, nat("198.51.100.9", "10.10.1.5")), down(TranslatedOnly, "10.10.1.5", 1, "198.51.100.9", 443, 0)},
		{"both interfaces 0: the router", nil, nil, rec(0, 0, "203.0.113.2", 1, "198.51.100.9", 443), other(RouterLocal, RouterAddress)},
		{"both interfaces 0: internal", noWAN, nil, rec(0, 0, "10.10.1.5", 1, "10.10.1.6", 443), other(Internal, InsideAddresses)},
		{"a host's upload that came in by 0", nil, nil, rec(0, 7, "10.10.1.5", 1, "198.51.100.9", 443), up(Inside, "10.10.1.5", 1, "198.51.100.9", 443, 7)},
		{"a host's upload that came in by 0, without wan", noWAN, nil, rec(0, 7, "10.10.1.5", 1, "198.51.100.9", 443), up(InsideOnly, "10.10.1.5", 1, "198.51.100.9", 443, 7)},
		{"a host's download that went out by 0", nil, nil, rec(7, 0, "198.51.100.9", 443, "203.0.113.2", 1, nat("198.51.100.9", "10.10.1.5")), down(Translated, "10.10.1.5", 1, "198.51.100.9", 443, 7)},
		{"from a host to the router", nil, nil, rec(11, 0, "10.10.1.5", 1, "10.10.0.1", 53), other(RouterLocal, RouterInterface)},
		{"from the router to a host", nil, nil, rec(0, 11, "10.10.0.1", 53, "10.10.1.5", 1), other(RouterLocal, RouterInterface)},
		{"from the router inside to the world", nil, nil, rec(0, 7, "10.10.0.1", 53, "198.51.100.9", 1), other(RouterLocal, RouterInterface)},

		// NAT66 (elements 281 and 282).
		{"NAT66, up", nil, nil, rec(11, 7, "2001:db8:1::5", 1, "2001:db8:ffff::9", 443, nat("2001:db8:99::1", "2001:db8:ffff::9")), up(Inside, "2001:db8:1::5", 1, "2001:db8:ffff::9", 443, 7)},
		{"NAT66, down", nil, nil, rec(7, 11, "2001:db8:ffff::9", 443, "2001:db8:99::1", 6, nat("2001:db8:ffff::9", "2001:db8:1::5"), natPorts(443, 5)), down(Translated, "2001:db8:1::5", 5, "2001:db8:ffff::9", 443, 7)},
		{"NAT66, down, without wan", noWAN, nil, rec(7, 11, "2001:db8:ffff::9", 443, "2001:db8:99::1", 6, nat("2001:db8:ffff::9", "2001:db8:1::5")), down(TranslatedOnly, "2001:db8:1::5", 6, "2001:db8:ffff::9", 443, 7)},
		{"IPv6 that is not translated", nil, nil, rec(7, 11, "2001:db8:ffff::9", 443, "2001:db8:1::5", 6, nat("::", "::")), down(Inside, "2001:db8:1::5", 6, "2001:db8:ffff::9", 443, 7)},

		// Multicast of the provider.
		{"multicast from outside", nil, nil, rec(7, 11, "198.51.100.9", 443, "239.1.1.1", 5000, proto(17)), other(Unattributed, Group)},
		{"multicast from outside, translated to itself", nil, nil, rec(7, 11, "198.51.100.9", 443, "239.1.1.1", 5000, proto(17), nat("198.51.100.9", "239.1.1.1")), other(Unattributed, Group)},
		{"multicast from outside without interfaces", noWAN, nil, rec(7, 11, "198.51.100.9", 443, "239.1.1.1", 5000, proto(17)), other(Unattributed, Group)},
		{"IPv6 multicast from outside", nil, nil, rec(7, 11, "2001:db8:ffff::9", 443, "ff0e::1", 5000, proto(17)), other(Unattributed, Group)},
		{"multicast of a host", nil, nil, rec(11, 7, "10.10.1.5", 443, "239.1.1.1", 5000, proto(17)), up(Inside, "10.10.1.5", 443, "239.1.1.1", 5000, 7)},

		// Rule 7.
		{"a proxy", nil, nil, rec(11, 7, "10.10.0.20", 1, "198.51.100.9", 443),
			Result{Class: Up, Rule: Inside, Proxy: true, Host: ip("10.10.0.20"), HostPort: 1, Peer: ip("198.51.100.9"), PeerPort: 443, WAN: 7}},
		{"an outside proxy", func(r *Router) { r.Proxies = []netip.Addr{ip("198.51.100.80")} }, nil, rec(7, 11, "198.51.100.80", 3128, "10.10.1.5", 9),
			Result{Class: Down, Rule: Inside, Proxy: true, Host: ip("10.10.1.5"), HostPort: 9, Peer: ip("198.51.100.80"), PeerPort: 3128, WAN: 7}},

		// Rule 8: IPv6.
		{"IPv6 upload", nil, nil, rec(11, 7, "2001:db8:1::5", 1, "2001:db8:ffff::9", 443), up(Inside, "2001:db8:1::5", 1, "2001:db8:ffff::9", 443, 7)},
		{"IPv6 download", nil, nil, rec(7, 11, "2001:db8:ffff::9", 443, "2001:db8:1::5", 1, hop("2001:db8:1::99")), down(Inside, "2001:db8:1::5", 1, "2001:db8:ffff::9", 443, 7)},
		{"IPv6 download of nobody, next hop or not", nil, nil, rec(7, 11, "2001:db8:ffff::9", 443, "2001:db8:2::5", 1, hop("2001:db8:1::5")), other(Unattributed, NobodyInside)},
		{"IPv6 multicast of a host", nil, nil, rec(11, 7, "2001:db8:1::5", 1, "ff0e::1", 2), up(Inside, "2001:db8:1::5", 1, "ff0e::1", 2, 7)},
		{"IPv6 without interfaces", noWAN, nil, rec(11, 7, "2001:db8:ffff::9", 443, "2001:db8:1::5", 1), down(InsideOnly, "2001:db8:1::5", 1, "2001:db8:ffff::9", 443, 11)},
		{"IPv6 link-local multicast without interfaces", noWAN, nil, rec(11, 7, "fe80::1", 546, "ff02::1:2", 547), other(Internal, LinkLocal)},

		// Rule 3: the outside interfaces are not known.
		{"one side inside, up", noWAN, nil, rec(11, 7, "10.10.1.5", 1, "198.51.100.9", 443), up(InsideOnly, "10.10.1.5", 1, "198.51.100.9", 443, 7)},
		{"one side inside, down", noWAN, nil, rec(7, 11, "198.51.100.9", 443, "10.10.1.5", 1), down(InsideOnly, "10.10.1.5", 1, "198.51.100.9", 443, 7)},
		{"both inside", noWAN, nil, rec(11, 12, "10.10.1.5", 1, "10.10.2.5", 2), other(Internal, InsideAddresses)},
		{"hairpin by address", noWAN, nil, rec(11, 11, "10.10.1.5", 1, "203.0.113.2", 82, nat("10.10.0.1", "10.10.6.11")), other(Internal, InsideAddresses)},
		{"translated down", noWAN, nil, rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 6, nat("198.51.100.9", "10.10.1.5"), natPorts(443, 5)), down(TranslatedOnly, "10.10.1.5", 5, "198.51.100.9", 443, 7)},
		{"translated up", noWAN, nil, rec(11, 7, "192.0.2.5", 6, "198.51.100.9", 443, nat("10.10.1.5", "198.51.100.9"), natPorts(5, 443)), up(TranslatedOnly, "10.10.1.5", 5, "198.51.100.9", 443, 7)},
		{"next hop", noWAN, nil, rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 6, hop("10.10.1.5")), down(NextHopOnly, "10.10.1.5", 6, "198.51.100.9", 443, 7)},
		{"answer", noWAN, []*flow.Record{rec(11, 7, "10.10.1.5", 6, "198.51.100.9", 443)},
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 6, hop("10.10.0.254")), down(ReverseOnly, "10.10.1.5", 6, "198.51.100.9", 443, 7)},
		{"none inside", noWAN, nil, rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 6), other(Unattributed, NobodyInside)},
		{"host to router by address", noWAN, nil, rec(11, 12, "10.10.1.5", 1, "10.10.0.1", 53, noIf), other(RouterLocal, RouterAddress)},
		{"router to host by address", noWAN, nil, rec(11, 12, "10.10.0.1", 53, "10.10.1.5", 1, noIf), other(RouterLocal, RouterAddress)},
		{"router to world by address", noWAN, nil, rec(11, 12, "203.0.113.2", 500, "198.51.100.9", 500, noIf), other(RouterLocal, RouterAddress)},
		{"forwarded to the router's address without its translation", noWAN, nil,
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, nat("198.51.100.9", "203.0.113.2"), hop("10.10.1.5")), down(NextHopOnly, "10.10.1.5", 50000, "198.51.100.9", 443, 7)},
		{"forwarded to the router's address, to nobody", noWAN, nil,
			rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, nat("198.51.100.9", "203.0.113.2")), other(Unattributed, NobodyInside)},
		{"world to router by address", noWAN, nil, rec(11, 12, "198.51.100.9", 500, "203.0.113.2", 500, noIf, nat("198.51.100.9", "203.0.113.2")), other(RouterLocal, RouterAddress)},
		{"interfaces not exported", nil, nil, rec(1, 1, "10.10.1.5", 1, "198.51.100.9", 443, noIf), up(InsideOnly, "10.10.1.5", 1, "198.51.100.9", 443, 0)},

		{"ICMP has no ports", nil, nil, rec(11, 7, "10.10.1.5", 0, "198.51.100.9", 2048, proto(1)), up(Inside, "10.10.1.5", 0, "198.51.100.9", 0, 7)},
		{"no addresses", nil, nil, func() *flow.Record {
			r := rec(11, 7, "10.10.1.5", 0, "198.51.100.9", 1)
			r.Dst = netip.Addr{}
			return r
		}(), other(Unattributed, NoAddresses)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			router := office()
			if tt.router != nil {
				tt.router(&router)
			}
			router.Check(func(key, problem, remedy string) { t.Errorf("%s: %s; %s", key, problem, remedy) })
			if got := among(New(router, 3), tt.rec, tt.before...); got != tt.want {
				t.Errorf("got  %+v (%v)\nwant %+v (%v)", got, got.Rule, tt.want, tt.want.Rule)
			}
		})
	}
}

// among attributes a record that others may tell whose it is.
func among(a *Attributor, r *flow.Record, others ...*flow.Record) Result {
	res := a.Attribute(r)
	if res.Rule != Unanswered {
		return res
	}
	return a.Answer(r, []*Uploads{nil, uploadsOf(a, others...)})
}

func uploadsOf(a *Attributor, records ...*flow.Record) *Uploads {
	u := new(Uploads)
	for _, r := range records {
		res := a.Attribute(r)
		u.Add(a.router, r, &res)
	}
	return u
}

func TestRuleNames(t *testing.T) {
	for r := range rules {
		stored := r > NoRule && r <= NextHopSilent
		if (stored || r > lastStored || r == NoRule) && (r.String() == "" || r.String()[0] == '(' || len(r.String()) > 4 && r.String()[:5] == "rule(") {
			t.Errorf("rule %d has no name", r)
		}
		up, down := Result{Class: Up, Rule: r}.Code(), Result{Class: Down, Rule: r}.Code()
		if r <= lastStored && (up != uint8(r) || down != uint8(r)<<4) || r > lastStored && up|down != 0 {
			t.Errorf("rule %d: codes %#x, %#x", r, up, down)
		}
	}
	if got := Weaker(0x15, 0x41); got != 0x45 {
		t.Errorf("Weaker(0x15, 0x41) = %#x, want 0x45", got)
	}
	if up, down := Decode(0x25); up != NextHop || down != Translated {
		t.Errorf("Decode(0x25) = %v, %v", up, down)
	}
}

func TestScale(t *testing.T) {
	const most = ^uint64(0)
	tests := []struct {
		config  float64
		record  uint32
		n, want uint64
		est     bool
	}{
		{0, 0, 1000, 1000, false},
		{0, 1, 1000, 1000, false},
		{0, 100, 1000, 100000, true},
		{0, 0x01000000, 1000, 1000, false}, // RouterOS 6.49: 1, wrong byte order
		{1, 100, 1000, 1000, false},        // configured: no sampling, whatever the record says
		{1.5, 100, 1001, 1502, true},       // rounded half up
		{13.0 / 3, 0, 3, 13, true},
		{4.333333, 0, 3_000_000_000_000, 13_000_000_000_000, true},
		{2, 0, most/2 + 1, most, true},
		{1024, 0, 1 << 53, 1 << 63, true},
	}
	for _, tt := range tests {
		a := New(Router{Sampling: tt.config}, 0)
		r := &flow.Record{Bytes: tt.n, Packets: tt.n, Sampling: tt.record, Has: flow.HasSampling}
		bytes, packets, est := a.Scale(r)
		if bytes != tt.want || packets != tt.want || est != tt.est {
			t.Errorf("sampling %g, record 1 in %d: %d became %d, %d, %v; want %d, %v", tt.config, tt.record, tt.n, bytes, packets, est, tt.want, tt.est)
		}
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		bad  func(*Router)
		key  string
	}{
		{"no inside", func(r *Router) { r.Inside = nil }, "inside"},
		{"host bits", func(r *Router) { r.Inside[0] = netip.MustParsePrefix("10.10.3.4/16") }, "inside"},
		{"everybody", func(r *Router) { r.Inside[0] = netip.MustParsePrefix("0.0.0.0/0") }, "inside"},
		{"mapped", func(r *Router) { r.Inside[0] = netip.MustParsePrefix("::ffff:10.0.0.0/104") }, "inside"},
		{"interface 0", func(r *Router) { r.WAN = append(r.WAN, 0) }, "wan"},
		{"own", func(r *Router) { r.Own = []netip.Addr{ip("0.0.0.0")} }, "own"},
		{"proxy zone", func(r *Router) { r.Proxies = []netip.Addr{ip("fe80::1%eth0")} }, "proxies"},
		{"sampling", func(r *Router) { r.Sampling = 0.5 }, "sampling"},
		{"negative sampling", func(r *Router) { r.Sampling = -2 }, "sampling"},
	}
	for _, tt := range tests {
		r := office()
		tt.bad(&r)
		n := 0
		r.Check(func(key, problem, remedy string) {
			n++
			if key != tt.key || problem == "" || remedy == "" {
				t.Errorf("%s: reported %q: %q; %q", tt.name, key, problem, remedy)
			}
		})
		if n != 1 {
			t.Errorf("%s: %d problems, want 1", tt.name, n)
		}
	}
}

func TestAttributeDoesNotAllocate(t *testing.T) {
	a := New(office(), 0)
	records := mixed()
	all := []*Uploads{uploadsOf(a, records...)}
	if n := testing.AllocsPerRun(100, func() {
		for _, r := range records {
			if res := a.Attribute(r); res.Rule == Unanswered {
				a.Answer(r, all)
			} else {
				all[0].Add(0, r, &res)
			}
			a.Scale(r)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func mixed() []*flow.Record {
	return []*flow.Record{
		rec(11, 7, "10.10.1.5", 50000, "198.51.100.9", 443, nat("203.0.113.2", "198.51.100.9"), natPorts(50000, 443)),
		rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 61000, nat("198.51.100.9", "10.10.1.5"), natPorts(443, 50000)),
		rec(11, 7, "10.10.1.5", 50000, "198.51.100.9", 443),
		rec(7, 11, "198.51.100.9", 443, "203.0.113.2", 50000, hop("10.10.0.254")),
		rec(7, 11, "2001:db8:ffff::9", 443, "2001:db8:1::5", 1),
		rec(11, 12, "10.10.1.5", 1, "10.10.2.5", 2),
	}
}

func BenchmarkAttribute(b *testing.B) {
	kinds := map[string][]*flow.Record{"mixed": mixed(), "v9-nat": mixed()[:2], "v5-reverse": mixed()[2:4], "ipv6": mixed()[4:5]}
	for name, records := range kinds {
		b.Run(name, func(b *testing.B) {
			a := New(office(), 0)
			all := []*Uploads{uploadsOf(a, records...)}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if sink = a.Attribute(records[i]); sink.Rule == Unanswered {
					sink = a.Answer(records[i], all)
				}
				if i++; i == len(records) {
					i = 0
				}
			}
		})
	}
}

var sink Result
