package archive

import (
	"cmp"
	"slices"
)

// Finding is something odd about a router's records of a day that the operator can
// do something about. Which fields say something depends on Kind.
type Finding struct {
	Kind FindingKind `json:"kind"`
	// Exporter is the address that the records came from; of FoundTwice the name of the
	// other router.
	Exporter string `json:"exporter,omitempty"`
	Counts
	// Seconds is of FoundClock: how far the exporter's clock is ahead of the
	// collector's.
	Seconds int64 `json:"seconds,omitempty"`
	// Example is one of the records; of FoundRepeated the stream that was left out,
	// of FoundTwice one of the hosts, of FoundUnlisted the ifIndex, of
	// FoundWeak the rule.
	Example string `json:"example,omitempty"`
}

// FindingKind says what was found.
type FindingKind string

const (
	// FoundImplausible: counters that cannot be true. The records are in the class
	// implausible.
	FoundImplausible FindingKind = "implausible"
	// FoundWrapped: fewer than 20 octets a packet with an octet counter of 32 bits,
	// which began anew while the flow went on. The octets are too few.
	FoundWrapped FindingKind = "wrapped"
	// FoundPackets: more packets than the octets, or two rows, have room for. They
	// were cut.
	FoundPackets FindingKind = "packets"
	// FoundClock: the exporter's clock is wrong. Times are corrected.
	FoundClock FindingKind = "clock"
	// FoundRepeated: a stream whose flows repeat another's of the same router. They
	// were left out: they are no records of the books.
	FoundRepeated FindingKind = "repeated"
	// FoundUncompared: records of a router with so many streams or flows that not all
	// were compared with each other: they may repeat others.
	FoundUncompared FindingKind = "not_compared"
	// FoundTwice: a host that another router charged for the same conversations.
	FoundTwice FindingKind = "twice"
	// FoundUnlisted: traffic between hosts and the world by an interface that is not
	// known to lead outside; the example is its ifIndex, 0 for further ones. The
	// records are unattributed.
	FoundUnlisted FindingKind = "unlisted_interface"
	// FoundSilentHop: downloads that were charged to their next hop, which sent nothing
	// in the same time though others did: it may be a router.
	FoundSilentHop FindingKind = "silent_next_hop"
	// FoundWeak: downloads that the router sent by version 5, which were charged by
	// next hop or by the uploads that they answer, the example is the rule: another
	// host may have had them. Version 9 and IPFIX say it.
	FoundWeak FindingKind = "weak_attribution"
	// FoundShared: two senders share the exporter's address, port and source id, so
	// that loss cannot be known.
	FoundShared FindingKind = "shared_address"
	// FoundBorrowed: data sets that were read by a template of another port of the
	// exporter; the count is of sets.
	FoundBorrowed FindingKind = "borrowed_template"
	// FoundSampling: records whose sampling can be read in two ways, or is said of
	// other interfaces alone, while neither facts nor the configuration state it. The
	// smaller rate was taken, or none.
	FoundSampling FindingKind = "ambiguous_sampling"
)

// mostFindings bounds the findings of a kind in one book: each names an exporter or
// a host, and of these anybody can make up many. What is found of further ones adds up
// in one of Others.
const mostFindings = 20

// Others stands for the exporters that a book has no room to name.
const Others = "others"

// AddFinding adds to what was found: of one kind, exporter, and where it names
// somebody else that too, counts add up.
func AddFinding(list []Finding, f Finding) []Finding {
	at, known := slices.BinarySearchFunc(list, f, compareFindings)
	if !known {
		same := 0
		for i := range list {
			if list[i].Kind == f.Kind {
				same++
			}
		}
		if same >= mostFindings && f.Exporter != Others {
			f.Exporter, f.Example = Others, ""
			return AddFinding(list, f)
		}
		return slices.Insert(list, at, f)
	}
	old := &list[at]
	old.Counts = old.Plus(f.Counts)
	if abs(f.Seconds) > abs(old.Seconds) {
		old.Seconds = f.Seconds
	}
	if f.Example != "" && (old.Example == "" || f.Example < old.Example) {
		old.Example = f.Example
	}
	return list
}

// names says that the example is somebody of his own.
func (k FindingKind) names() bool {
	return k == FoundRepeated || k == FoundUnlisted || k == FoundWeak
}

func compareFindings(a, b Finding) int {
	by := cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Exporter, b.Exporter))
	if by == 0 && a.Kind.names() {
		by = cmp.Compare(a.Example, b.Example)
	}
	return by
}

func abs(n int64) int64 { return max(n, -n) }
