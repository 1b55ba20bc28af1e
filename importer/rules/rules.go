// Package rules leaves traffic out of the accounts by named rules, and says of
// each record which rule did it.
//
// A rule is data: a name and conditions, all of which must hold. Rules look at
// a record after attribution, so "host" is the inside address that would be
// charged and "peer" the outside one, whatever the router translated. Only
// records of class up and down are asked; the other classes never reach the
// tables. What came from outside to a multicast group or to everybody has no host;
// rules see the group in its place, and what one leaves out is of class down. The
// first rule that matches is the one that is counted.
//
// # The rules that come with nfacct
//
//   - broadcast: 255.255.255.255 and the last address of each inside prefix, as
//     its length says: 10.1.3.255 of 10.1.2.0/23, while 10.0.255.7 is a host like
//     any other.
//   - multicast: 224.0.0.0/4 and ff00::/8, and nothing that only begins with the
//     same digits somewhere.
//   - dns: port 53 of the peer over UDP and TCP, in records of at most 64 KiB.
//     Whatever else uses port 53 to look harmless (QUIC, a tunnel) moves more
//     than that in a record and stays in the accounts. A name server of our own
//     that outsiders ask is traffic like any other, and so are DNS over TLS (853)
//     and over HTTPS, which cannot be told from other traffic by their size.
//   - icmp: protocols 1 and 58; off, because a flood of it is worth knowing.
//   - proxy: the host or the peer is one of the router's proxies, whose traffic
//     is not direct.
package rules

import (
	"fmt"
	"net/netip"
	"slices"
)

// Rule is a named exclusion. Conditions that are left out always hold; lists
// hold if one of their elements does.
type Rule struct {
	// Name is what books and reports call the rule.
	Name string `toml:"name"`
	// Enabled switches the rule off without losing it; left out, it is on.
	Enabled *bool `toml:"enabled"`
	// Direction is up or down; left out, both.
	Direction string `toml:"direction"`
	// Protocol is the IP protocol, by number or IANA name.
	Protocol Protocols `toml:"protocol"`
	// Port is a port of either side.
	Port Ports `toml:"port"`
	// HostPort is a port of the inside host.
	HostPort Ports `toml:"host_port"`
	// PeerPort is a port of the outside peer.
	PeerPort Ports `toml:"peer_port"`
	// Either are prefixes or addresses that the host or the peer is in.
	Either []Prefix `toml:"either"`
	// Host are prefixes or addresses that the host is in.
	Host []Prefix `toml:"host"`
	// Peer are prefixes or addresses that the peer is in.
	Peer []Prefix `toml:"peer"`
	// Interface is an ifIndex that the record came in or went out by.
	Interface []uint32 `toml:"interface"`
	// MinBytes and MaxBytes bound the bytes of one record, both included; a
	// MaxBytes of 0 is no bound.
	MinBytes uint64 `toml:"min_bytes"`
	MaxBytes uint64 `toml:"max_bytes"`
	// Broadcast is the limited broadcast address or the directed broadcast
	// address of an inside prefix, on either side.
	Broadcast bool `toml:"broadcast"`
	// Proxy is a proxy of the router, on either side.
	Proxy bool `toml:"proxy"`
}

// On says whether the rule is in force.
func (r *Rule) On() bool { return r.Enabled == nil || *r.Enabled }

// bare says that the rule has no condition.
func (r *Rule) bare() bool {
	return r.Direction == "" && len(r.Protocol) == 0 &&
		len(r.Port) == 0 && len(r.HostPort) == 0 && len(r.PeerPort) == 0 &&
		len(r.Either) == 0 && len(r.Host) == 0 && len(r.Peer) == 0 &&
		len(r.Interface) == 0 && r.MinBytes == 0 && r.MaxBytes == 0 && !r.Broadcast && !r.Proxy
}

// Default are the rules that come with nfacct.
func Default() []Rule {
	off := false
	return []Rule{
		{Name: "broadcast", Broadcast: true},
		{Name: "multicast", Either: []Prefix{prefix("224.0.0.0/4"), prefix("ff00::/8")}},
		{Name: "dns", Protocol: Protocols{17, 6}, PeerPort: Ports{{53, 53}}, MaxBytes: 64 << 10},
		{Name: "icmp", Protocol: Protocols{1, 58}, Enabled: &off},
		{Name: "proxy", Proxy: true},
	}
}

func prefix(s string) Prefix { return Prefix{netip.MustParsePrefix(s)} }

// Effective is what is in force when a configuration adds its own rules: they
// come first, then those of Default. A rule with the name of a default one
// takes its place; if it has no conditions, the default's conditions stay and
// only the switch changes.
func Effective(own []Rule) []Rule {
	all := slices.Clone(own)
	for _, d := range Default() {
		at := slices.IndexFunc(own, func(r Rule) bool { return r.Name == d.Name })
		switch {
		case at < 0:
			all = append(all, d)
		case own[at].bare():
			d.Enabled = own[at].Enabled
			all[at] = d
		}
	}
	return all
}

// Most is how many rules there can be, those of Default included.
const Most = 64

// Check reports what is wrong with a configuration's own rules, with keys like
// "[1].port" from the first rule on.
func Check(own []Rule, report func(key, problem, remedy string)) {
	if n := len(Effective(own)); n > Most {
		report(fmt.Sprintf("[%d]", len(own)-1), fmt.Sprintf("%d rules with the default ones", n), fmt.Sprintf("at most %d are possible; put prefixes and ports of a kind in one rule", Most))
	}
	seen := map[string]bool{}
	for i := range own {
		r := &own[i]
		wrong := func(key, problem, remedy string) { report(fmt.Sprintf("[%d].%s", i, key), problem, remedy) }
		switch {
		case r.Name == "":
			wrong("name", "a rule without a name", "give it one; books count what each rule leaves out")
		case seen[r.Name]:
			wrong("name", fmt.Sprintf("rule %q stands here twice", r.Name), "give each rule its own name")
		case r.bare() && !slices.ContainsFunc(Default(), func(d Rule) bool { return d.Name == r.Name }):
			wrong("name", fmt.Sprintf("rule %q has no condition and would leave out everything", r.Name), "add protocol, port, peer_port, host_port, either, peer, host, interface, direction, min_bytes, max_bytes, broadcast or proxy")
		}
		seen[r.Name] = true
		if r.Direction != "" && r.Direction != "up" && r.Direction != "down" {
			wrong("direction", fmt.Sprintf("%q is no direction", r.Direction), `write "up", "down", or leave it out for both`)
		}
		if r.MaxBytes != 0 && r.MinBytes > r.MaxBytes {
			wrong("min_bytes", fmt.Sprintf("%d is more than max_bytes, %d: nothing could match", r.MinBytes, r.MaxBytes), "swap the two")
		}
		if len(r.Port)+len(r.HostPort)+len(r.PeerPort) > 0 && len(r.Protocol) > 0 && !slices.ContainsFunc(r.Protocol, hasPorts) {
			wrong("protocol", "a protocol without ports, in a rule about ports: nothing could match", "leave the port out, or name tcp or udp")
		}
		for _, list := range []struct {
			key   string
			items []Prefix
		}{{"either", r.Either}, {"host", r.Host}, {"peer", r.Peer}} {
			for _, p := range list.items {
				if !p.IsValid() {
					wrong(list.key, "a prefix that is none", `write for example "192.0.2.0/24" or "192.0.2.7"`)
				}
			}
		}
	}
}
