package rules

import (
	"math/bits"
	"net/netip"

	"github.com/gaissmai/bart"

	"nfacct/collector/flow"
	"nfacct/importer/attribution"
)

// None is what Match returns when no rule leaves the record out.
const None = -1

// Set is the rules in force for the records of one router. It only reads
// itself: any number of goroutines may use it.
type Set struct {
	rules []compiled
	on    uint64 // bit i: rule i is in force
	// Rules that ask for an address of a kind, and what each address answers.
	needEither, needHost, needPeer, needBroadcast uint64

	addresses bart.Fast[answers]
}

// answers says of which rules' lists an address is part: bit i is rule i.
type answers struct{ either, host, peer, broadcast uint64 }

// compiled are the conditions of a rule that do not look at addresses.
type compiled struct {
	class                    attribution.Class // 0: either
	protocols                *[256]bool
	port, hostPort, peerPort Ports
	interfaces               []uint32
	min, max                 uint64
	proxy                    bool
}

// Compile makes a set of rules that Check found nothing wrong with, for a router
// with these inside prefixes. Rule i of the list is i in Match's answers.
func Compile(list []Rule, inside []netip.Prefix) *Set {
	s := &Set{rules: make([]compiled, len(list))}
	type entry struct {
		prefix netip.Prefix
		gives  answers
	}
	var entries []entry
	for i := range list {
		r, bit := &list[i], uint64(1)<<i
		c := &s.rules[i]
		if r.On() {
			s.on |= bit
		}
		switch r.Direction {
		case "up":
			c.class = attribution.Up
		case "down":
			c.class = attribution.Down
		}
		if len(r.Protocol) > 0 {
			c.protocols = new([256]bool)
			for _, p := range r.Protocol {
				c.protocols[p] = true
			}
		}
		c.port, c.hostPort, c.peerPort = r.Port, r.HostPort, r.PeerPort
		c.interfaces = r.Interface
		c.min, c.max = r.MinBytes, r.MaxBytes
		if c.max == 0 {
			c.max = ^uint64(0)
		}
		c.proxy = r.Proxy
		if len(r.Either) > 0 {
			s.needEither |= bit
		}
		if len(r.Host) > 0 {
			s.needHost |= bit
		}
		if len(r.Peer) > 0 {
			s.needPeer |= bit
		}
		if r.Broadcast {
			s.needBroadcast |= bit
			for _, p := range broadcasts(inside) {
				entries = append(entries, entry{p, answers{broadcast: bit}})
			}
		}
		for _, p := range r.Either {
			entries = append(entries, entry{p.Prefix, answers{either: bit}})
		}
		for _, p := range r.Host {
			entries = append(entries, entry{p.Prefix, answers{host: bit}})
		}
		for _, p := range r.Peer {
			entries = append(entries, entry{p.Prefix, answers{peer: bit}})
		}
	}
	// The longest match is the only one found, so it must answer for every
	// shorter one around it.
	for _, e := range entries {
		var all answers
		for _, around := range entries {
			if around.prefix.Bits() <= e.prefix.Bits() && around.prefix.Contains(e.prefix.Addr()) {
				all.either |= around.gives.either
				all.host |= around.gives.host
				all.peer |= around.gives.peer
				all.broadcast |= around.gives.broadcast
			}
		}
		s.addresses.Insert(e.prefix, all)
	}
	return s
}

// broadcasts are the limited broadcast address and the directed ones of the
// inside prefixes (RFC 919, RFC 922). A /31 and a /32 have none (RFC 3021).
func broadcasts(inside []netip.Prefix) []netip.Prefix {
	list := []netip.Prefix{netip.MustParsePrefix("255.255.255.255/32")}
	for _, p := range inside {
		if !p.Addr().Is4() || p.Bits() > 30 {
			continue
		}
		last := p.Masked().Addr().As4()
		for bit := p.Bits(); bit < 32; bit++ {
			last[bit/8] |= 0x80 >> (bit % 8)
		}
		list = append(list, netip.PrefixFrom(netip.AddrFrom4(last), 32))
	}
	return list
}

// Match gives the first rule that leaves out an attributed record of so many
// bytes, or None. It does not allocate.
func (s *Set) Match(r *flow.Record, res *attribution.Result, bytes uint64) int {
	left := s.on
	if s.needEither|s.needHost|s.needPeer|s.needBroadcast != 0 {
		host, _ := s.addresses.Lookup(res.Host)
		peer, _ := s.addresses.Lookup(res.Peer)
		left &^= s.needEither &^ (host.either | peer.either)
		left &^= s.needHost &^ host.host
		left &^= s.needPeer &^ peer.peer
		left &^= s.needBroadcast &^ (host.broadcast | peer.broadcast)
	}
	for ; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		if s.rules[i].match(r, res, bytes) {
			return i
		}
	}
	return None
}

func (c *compiled) match(r *flow.Record, res *attribution.Result, bytes uint64) bool {
	if c.class != 0 && c.class != res.Class || c.proxy && !res.Proxy || bytes < c.min || bytes > c.max {
		return false
	}
	if c.protocols != nil && (r.Has&flow.HasProto == 0 || !c.protocols[r.Proto]) {
		return false
	}
	if len(c.port)+len(c.hostPort)+len(c.peerPort) > 0 {
		// ESP or ICMP has no ports; its zeros are not port 0.
		if r.Has&flow.HasProto != 0 && !hasPorts(r.Proto) {
			return false
		}
		if len(c.port) > 0 && !c.port.has(res.HostPort) && !c.port.has(res.PeerPort) ||
			len(c.hostPort) > 0 && !c.hostPort.has(res.HostPort) ||
			len(c.peerPort) > 0 && !c.peerPort.has(res.PeerPort) {
			return false
		}
	}
	if len(c.interfaces) == 0 {
		return true
	}
	for _, index := range c.interfaces {
		if r.Version == flow.V5 { // carries the lower half
			index &= 1<<16 - 1
		}
		if r.Has&flow.HasInIf != 0 && r.InIf == index || r.Has&flow.HasOutIf != 0 && r.OutIf == index {
			return true
		}
	}
	return false
}

func (p Ports) has(port uint16) bool {
	for _, r := range p {
		if r.First <= port && port <= r.Last {
			return true
		}
	}
	return false
}
