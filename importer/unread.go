package importer

import (
	"fmt"
	"strconv"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// Unread is something in a file that may be exports and cannot be read.
type Unread struct {
	Reason string `json:"reason"` // as in the books
	Count  uint64 `json:"count"`
	Text   string `json:"text"` // says it in words, with the remedy
}

// Reasons of the books beside netflow's; they never change.
const (
	rejectedCut       = "captured_in_part"
	rejectedFragments = "fragments_missing"
	rejectedEtherType = "ethertype_" // and the number in hexadecimal digits, or other
)

// maxVersion is the last version of NetFlow that is known by its number alone.
const maxVersion = 8

// unread counts it.
type unread struct {
	spool.Unread
	cut      uint64                 // packets captured only in part
	versions [maxVersion + 1]uint64 // datagrams of versions 1 to 8 that are not read
	others   uint64                 // datagrams that are no export at all
}

// rejected counts a datagram that could not be decoded.
func (u *unread) rejected(g *netflow.Datagram) {
	if g.Rejects[netflow.UnknownVersion]+g.Rejects[netflow.ShortHeader] == 0 {
		return
	}
	if version := g.Version; 0 < version && version <= maxVersion && version != flow.V5 {
		u.versions[version]++
	} else {
		u.others++
	}
}

// frames counts by the books' reasons what is of no exporter.
func (u *unread) frames() map[string]uint64 {
	found := map[string]uint64{}
	if u.Fragments > 0 {
		found[rejectedFragments] = u.Fragments
	}
	for _, e := range u.EtherTypes {
		found[rejectedEtherType+fmt.Sprintf("%04x", e.Number)] = e.Frames
	}
	if u.Others > 0 {
		found[rejectedEtherType+"other"] = u.Others
	}
	return found
}

// list says it in words.
func (u *unread) list() (all []Unread) {
	add := func(reason string, n uint64, one, many, rest string) {
		if n == 0 {
			return
		}
		thing := many
		if n == 1 {
			thing = one
		}
		all = append(all, Unread{reason, n, fmt.Sprintf("%d %s %s", n, thing, rest)})
	}
	of := ""
	if u.Whole > 0 {
		of = fmt.Sprintf("%d of %d bytes; ", u.Captured, u.Whole)
	}
	add(rejectedCut, u.cut, "packet was", "packets were", "captured only in part ("+of+"capture with tcpdump -s 0)")
	add(rejectedFragments, u.Fragments, "datagram came", "datagrams came", "in fragments that are not all there, in order (capture with tcpdump host ADDRESS: a filter by port misses fragments)")
	for _, e := range u.EtherTypes {
		add(rejectedEtherType+fmt.Sprintf("%04x", e.Number), e.Frames, "packet", "packets", fmt.Sprintf("of EtherType 0x%04x passed over (capture where exports are plain IP, or within VLAN tags, PPPoE or MPLS)", e.Number))
	}
	add(rejectedEtherType+"other", u.Others, "packet", "packets", "of further EtherTypes passed over (capture where exports are plain IP)")
	for version, n := range u.versions {
		add(netflow.UnknownVersion.String(), n, "datagram", "datagrams", "of NetFlow version "+strconv.Itoa(version)+" cannot be read (let the router send version 9: /ip traffic-flow target set version=9)")
	}
	add(netflow.UnknownVersion.String(), u.others, "datagram is", "datagrams are", "no NetFlow or IPFIX (capture the exports alone, as tcpdump udp port 2055 does)")
	return all
}
