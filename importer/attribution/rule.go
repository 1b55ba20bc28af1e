package attribution

import "fmt"

// Rule is what decided about a record. Rules of Up and Down are 1 to 14 and
// grow with weakness; they fit the four bits a direction that a row keeps.
type Rule uint8

const (
	// NoRule: nothing was decided; in a row, no record of that direction.
	NoRule Rule = 0

	// Inside: the interfaces gave the direction, and the record's own source
	// (up) or destination (down) is inside.
	Inside Rule = 1
	// Translated: the interfaces gave the direction, and the address after
	// translation (elements 225, 226) is inside.
	Translated Rule = 2
	// InsideOnly: interfaces not known, exactly one side is inside.
	InsideOnly Rule = 3
	// TranslatedOnly: interfaces not known, the address after translation is inside.
	TranslatedOnly Rule = 4
	// NextHop: a download without translation fields, whose next hop is inside.
	// True of hosts that are directly attached; an inner router that is not
	// configured as such would be charged in place of the hosts behind it.
	NextHop Rule = 5
	// NextHopOnly: as NextHop, interfaces not known.
	NextHopOnly Rule = 6
	// Reverse: a download that answers the uploads of exactly one host. Rests on
	// masquerade keeping the port when it is free [inferred].
	Reverse Rule = 7
	// ReverseOnly: as Reverse, interfaces not known.
	ReverseOnly Rule = 8
	// Migrated: a record that another program kept without interfaces,
	// translation and times of its own, exactly one side of which is inside.
	Migrated Rule = 9
	// NextHopSilent: as NextHop, and that host sent nothing in the same time though
	// others did: it may be a router that the configuration does not know.
	NextHopSilent Rule = 10

	lastStored Rule = 15

	// RouterInterface: in or out is interface 0.
	RouterInterface Rule = 16
	// RouterAddress: interfaces not known, an end of the record is an address of the router.
	RouterAddress Rule = 17
	// InsideInterfaces: neither interface is outside.
	InsideInterfaces Rule = 18
	// InsideAddresses: both sides are inside, translated destinations included
	// (hairpin), be it that interfaces are not known or that the packets left by an
	// outside one (IPsec with policies).
	InsideAddresses Rule = 19
	// LinkLocal: interfaces not known, an address that no router forwards.
	LinkLocal Rule = 20
	// OutsideInterfaces: both interfaces are outside.
	OutsideInterfaces Rule = 21

	// NoAddresses: the record has no source or no destination.
	NoAddresses Rule = 22
	// NobodyInside: no address of the record is inside.
	NobodyInside Rule = 23
	// Ambiguous: several hosts sent what this download could answer.
	Ambiguous Rule = 24

	// Unanswered: a download that may answer an upload, which was not looked for.
	Unanswered Rule = 25

	// UnlistedInterface: between a host and the world, and neither interface is known
	// to lead outside: there is an uplink more than the configuration says, or its
	// ifIndex has changed.
	UnlistedInterface Rule = 26
	// Group: from outside to a multicast group or to everybody, which is no host.
	Group Rule = 27

	rules Rule = 28
)

// Rules is a number above that of every rule.
const Rules = rules

var ruleNames = [rules]string{
	NoRule:            "none",
	Inside:            "inside address",
	Translated:        "translated address",
	InsideOnly:        "inside address, interfaces unknown",
	TranslatedOnly:    "translated address, interfaces unknown",
	NextHop:           "next hop",
	NextHopOnly:       "next hop, interfaces unknown",
	Reverse:           "answer to an upload",
	ReverseOnly:       "answer to an upload, interfaces unknown",
	Migrated:          "inside address, kept by another program",
	NextHopSilent:     "next hop that sent nothing",
	RouterInterface:   "interface of the router itself",
	RouterAddress:     "address of the router itself",
	InsideInterfaces:  "no outside interface",
	InsideAddresses:   "both addresses inside",
	LinkLocal:         "link-local address",
	OutsideInterfaces: "both interfaces outside",
	NoAddresses:       "no addresses",
	NobodyInside:      "no address inside",
	Ambiguous:         "answer to several uploads",
	Unanswered:        "no address inside, uploads not searched",
	UnlistedInterface: "interface that wan does not list",
	Group:             "multicast or broadcast from outside",
}

// String is the rule's name.
func (r Rule) String() string {
	if r < rules && ruleNames[r] != "" {
		return ruleNames[r]
	}
	return fmt.Sprintf("rule(%d)", uint8(r))
}

// Code is the rule at its place in a row's attribution byte: low four bits up,
// high four bits down; 0 for other classes.
func (r Result) Code() uint8 {
	switch {
	case r.Rule > lastStored:
		return 0
	case r.Class == Up:
		return uint8(r.Rule)
	case r.Class == Down:
		return uint8(r.Rule) << 4
	}
	return 0
}

// Migrated is the result for a record that another program kept: its addresses
// may say whose it is, but never what was uploaded shortly before, because the
// order and time of such records are not known well enough.
func (r Result) Migrated() Result {
	switch r.Rule {
	case InsideOnly:
		r.Rule = Migrated
	case Unanswered:
		r.Rule = NobodyInside
	}
	return r
}

// Weaker merges two attribution bytes: the weaker rule of each direction stays.
func Weaker(a, b uint8) uint8 {
	return max(a&0x0f, b&0x0f) | max(a&0xf0, b&0xf0)
}

// Decode splits a row's attribution byte.
func Decode(code uint8) (up, down Rule) { return Rule(code & 0x0f), Rule(code >> 4) }
