// Package attribution decides for each flow record which inside host it is
// charged to, and which way it went.
//
// A router exports what it forwarded, not who is to pay for it. The rules here
// read interfaces, addresses and translated addresses in order of trust, and
// every answer carries the Rule that gave it, so that a doubtful line of a
// report can be traced. What each field means on RouterOS is known from real
// captures of version 6.39.2 (IPFIX) and from 2016 (v5), and from reports of
// version 7 users for v9; rules that rest on inference say so.
//
// The order, for a record of a router whose outside interfaces are known:
//
//  1. in or out is interface 0: the router itself took part, RouterLocal; but not
//     where the side of the 0 is a host that talked across the border, and both 0
//     is "not known".
//  2. in and out both outside: Transit.
//  3. Neither outside: Internal, but between a host and the world Unattributed,
//     because an outside interface is not listed. If the router did not have that
//     interface when it was asked, addresses decide.
//  4. out is outside: Up. The host is the source if inside, else the translated
//     source if inside, else the record is Unattributed.
//  5. in is outside: Down. The host is the translated destination if inside,
//     else the destination if inside, else the one host whose Up records this is
//     the answer to (see Uploads), else the next hop if inside and not one of the
//     inner routers, else the record is Unattributed.
//
// Both sides inside is Internal whatever the interfaces: IPsec policies take their
// packets from the outside interface.
//
// Without outside interfaces, or when the record does not name its interfaces,
// addresses alone decide: one side inside gives host and direction, and when none
// is, the translated addresses, Up records and the next hop are asked in that order.
//
// Version 5 carries the lower 16 bits of an ifIndex, and is compared by them. An
// address of the router itself is never a host, even if an inside prefix covers it.
package attribution

import (
	"fmt"
	"net/netip"
)

// Router is what must be known about a router to attribute its records.
type Router struct {
	// WAN are the ifIndex numbers of the outside interfaces. When empty,
	// addresses alone decide, which cannot tell transit from unattributed.
	WAN []uint32 `toml:"-"`
	// Uplinks are the outside interfaces as the configuration has them. They are
	// looked up before attribution, which reads WAN.
	Uplinks []Uplink `toml:"wan"`
	// Known are the ifIndex numbers that the router had when it was asked; empty
	// when it was not.
	Known []uint32 `toml:"-"`
	// Inside are the prefixes whose addresses are hosts.
	Inside []netip.Prefix `toml:"inside"`
	// Own are the router's own addresses, never hosts.
	Own []netip.Addr `toml:"own"`
	// Proxies are the addresses of the proxies: traffic of theirs is not direct.
	Proxies []netip.Addr `toml:"proxies"`
	// InnerRouters are inside routers behind this one: a next hop that names one
	// of them says nothing about the host.
	InnerRouters []netip.Addr `toml:"inner_routers"`
	// Sampling is how many packets each exported packet stands for, at least 1;
	// (interval+space)/interval in RouterOS's words. 0 trusts each record's own
	// sampling field, which RouterOS 6.49 is known to send in the wrong byte order.
	Sampling float64 `toml:"sampling"`
}

// Check reports every value that New would not work with.
func (r Router) Check(report func(key, problem, remedy string)) {
	if len(r.Inside) == 0 {
		report("inside", "no inside prefixes: no traffic could be charged to anybody",
			`list the networks behind the router, as in inside = ["192.168.88.0/24"]`)
	}
	for _, p := range r.Inside {
		switch {
		case !p.IsValid():
			report("inside", "a prefix that is none", `write for example "192.168.88.0/24"`)
		case p.Addr().Is4In6():
			report("inside", fmt.Sprintf("%s is an IPv4 prefix in IPv6 clothes", p),
				fmt.Sprintf("write it as %s/%d", p.Addr().Unmap(), max(p.Bits()-96, 0)))
		case p != p.Masked():
			report("inside", fmt.Sprintf("%s has bits set behind its length", p),
				fmt.Sprintf("write %s for the network, or %s/%d for the one address", p.Masked(), p.Addr(), p.Addr().BitLen()))
		case p.Bits() == 0:
			report("inside", fmt.Sprintf("%s makes everybody an inside host", p), "list only the networks behind the router")
		}
	}
	for _, index := range r.WAN {
		if index == 0 {
			report("wan", "interface 0 is the router itself", "list the ifIndex numbers that `/interface print oid` shows for the outside interfaces")
		}
	}
	for _, list := range []struct {
		key   string
		addrs []netip.Addr
	}{{"own", r.Own}, {"proxies", r.Proxies}, {"inner_routers", r.InnerRouters}} {
		for _, addr := range list.addrs {
			if !addr.IsValid() || addr.IsUnspecified() || addr.Zone() != "" {
				report(list.key, fmt.Sprintf("%q is not an address of one machine", addr), "write plain addresses, without a zone")
			}
		}
	}
	if r.Sampling != 0 && !(r.Sampling >= 1 && r.Sampling <= MaxSampling) {
		report("sampling", fmt.Sprintf("%g is not a number of packets that one exported packet can stand for", r.Sampling),
			fmt.Sprintf("write (sampling-interval + sampling-space) / sampling-interval, 1 to %d, or 0 to trust the records", MaxSampling))
	}
}

// Class is what became of a record; every record has exactly one.
type Class uint8

const (
	Unattributed Class = iota // crossed the border, but nobody knows whose it was
	Up                        // host to peer
	Down                      // peer to host
	RouterLocal               // from or to the router itself
	Internal                  // between inside interfaces or inside addresses
	Transit                   // from outside to outside
	Classes                   // how many classes there are
)

var classNames = [Classes]string{"unattributed", "up", "down", "router_local", "internal", "transit"}

// String is the class's name in books.
func (c Class) String() string {
	if c < Classes {
		return classNames[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// Result is where a record belongs. Host to Proxy are set for Up and Down only.
type Result struct {
	Class Class
	Rule  Rule
	// Proxy says that the host or the peer is one of the router's proxies.
	Proxy      bool
	Host, Peer netip.Addr
	// HostPort and PeerPort are as the host and the peer see them, so that both
	// directions of a translated conversation agree where the exporter sends
	// translated ports; 0 for ICMP.
	HostPort, PeerPort uint16
	// WAN is the ifIndex of the outside interface, 0 if not known.
	WAN uint32
}
