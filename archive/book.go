package archive

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Counts are records and their IP-layer bytes.
type Counts struct {
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"`
}

// Plus is the sum, held at the largest number.
func (c Counts) Plus(o Counts) Counts {
	return Counts{plus(c.Records, o.Records), plus(c.Bytes, o.Bytes)}
}

func (c Counts) String() string { return fmt.Sprintf("%d records with %d bytes", c.Records, c.Bytes) }

// Loaded is what went into the month tables.
type Loaded struct {
	Counts
	// Rows is filled in by Load.Commit.
	Rows uint64 `json:"rows"`
}

// Classes say where every record belongs; each is in exactly one.
type Classes struct {
	Up           Counts `json:"up"`           // host to peer
	Down         Counts `json:"down"`         // peer to host
	RouterLocal  Counts `json:"router_local"` // to or from the router itself
	Internal     Counts `json:"internal"`     // between inside hosts
	Transit      Counts `json:"transit"`      // between outside hosts
	Unattributed Counts `json:"unattributed"` // no inside host could be found
	Implausible  Counts `json:"implausible"`  // counters that cannot be true; bytes as exported
}

// Plus is the sum, class by class.
func (c Classes) Plus(o Classes) Classes {
	return Classes{
		c.Up.Plus(o.Up), c.Down.Plus(o.Down), c.RouterLocal.Plus(o.RouterLocal),
		c.Internal.Plus(o.Internal), c.Transit.Plus(o.Transit), c.Unattributed.Plus(o.Unattributed),
		c.Implausible.Plus(o.Implausible),
	}
}

// Sum is the sum over the classes.
func (c Classes) Sum() Counts {
	return c.Up.Plus(c.Down).Plus(c.RouterLocal).Plus(c.Internal).Plus(c.Transit).Plus(c.Unattributed).Plus(c.Implausible)
}

// Book is the balance of one router's day: every record received is in exactly
// one class, and what is of class up or down is either excluded or loaded. Its
// JSON form is a contract with other programs.
type Book struct {
	Day       Day    `json:"day"`
	Router    string `json:"router"`
	Datagrams uint64 `json:"datagrams"`
	Records   uint64 `json:"records"`
	Bytes     uint64 `json:"bytes"`
	// Estimated: a sampling factor was used, so bytes and packets are estimates.
	Estimated bool `json:"estimated,omitempty"`
	// LostRecords are those that the exporter's sequence numbers say are
	// missing; for v9, which counts datagrams, they are estimated from
	// LostDatagrams, and LostEstimated says so. Gaps at a file's beginning count
	// in it, because files carry the place in the sequence along. What is missed
	// in one file and comes late in the next is a record there and stays lost
	// here: the loss is never understated, and overstated by no more than what
	// overtakes a file's sealing. Late within a file is not lost, be it over
	// midnight.
	LostRecords   uint64 `json:"lost_records"`
	LostDatagrams uint64 `json:"lost_datagrams"`
	LostEstimated bool   `json:"lost_estimated"`
	// KernelDropped are datagrams that came but were not taken from the socket,
	// SpoolLost those that were taken from it but not kept, because the disk was
	// full or did not keep up. Their numbers are missing from the sequence like
	// those of datagrams that never came: both are counted among LostRecords and
	// LostDatagrams and tell why, so neither is ever added to them. With several
	// routers they stand in the book of the collector, which cannot tell whose
	// they were.
	KernelDropped uint64 `json:"kernel_dropped"`
	SpoolLost     uint64 `json:"spool_lost"`
	// Rejected counts datagrams that could not be decoded, by reason.
	Rejected map[string]uint64 `json:"rejected"`
	// HeardHours are the hours of the day that records ended in, bit by bit from its
	// first, whatever their class. It is written, and read by Routers.Heard alone.
	HeardHours uint32 `json:"-"`
	// NoTemplate counts data sets whose template had not come.
	NoTemplate uint64  `json:"no_template"`
	Classes    Classes `json:"classes"`
	// Excluded is what rules left out, by the rule's name.
	Excluded map[string]Counts `json:"excluded"`
	Loaded   Loaded            `json:"loaded"`
	// UplinkLocalBytes are those of the class router_local that an outside interface
	// counted, as of tunnels.
	UplinkLocalBytes uint64 `json:"uplink_local_bytes,omitempty"`
	// Rules are the records of all classes but implausible by what attributed them,
	// see package attribution; nothing in books of files that were loaded before they
	// were counted.
	Rules map[string]Counts `json:"rules,omitempty"`
	// Findings are in order of kind, exporter and example.
	Findings []Finding `json:"findings,omitempty"`
	// Difference says in English what does not balance, Imbalances the same as
	// figures; Archive.Books fills them in.
	Difference string      `json:"difference,omitempty"`
	Imbalances []Imbalance `json:"imbalances,omitempty"`
}

// Imbalance is one thing of a book that does not balance. By Kind, Is and Should
// are: of "classes", their sum and what was received; of "loaded", what was left
// out and loaded together and the sum of up and down; of "tables" and "rows", what
// the rollups and the rows hold and what books say was loaded; of "saturated" both
// are what was received, of which only so much is known that it is more.
type Imbalance struct {
	Kind   string `json:"kind"`
	Is     Counts `json:"is"`
	Should Counts `json:"should"`
}

// read are the reasons in Book.Rejected under which nothing was left out: datagrams
// that came twice and were read once, and what package netflow only notes.
var read = map[string]bool{"duplicate": true, "message_length": true, "no_sets": true, "template_changed": true}

// Noted says that nothing was left out for a reason in Rejected.
func Noted(reason string) bool { return read[reason] }

// LeftOut is how many things in datagrams were not read.
func (b *Book) LeftOut() (n uint64) {
	for reason, times := range b.Rejected {
		if !Noted(reason) {
			n = plus(n, times)
		}
	}
	return n
}

// RejectedDamaged is the reason in Book.Rejected of datagrams that a damaged file held
// and that cannot be read; 1 where it is not known how many they are.
const RejectedDamaged = "damaged"

// MarshalJSON writes maps without entries as {}.
func (b Book) MarshalJSON() ([]byte, error) {
	type plain Book // without this method
	if b.Rejected == nil {
		b.Rejected = map[string]uint64{}
	}
	if b.Excluded == nil {
		b.Excluded = map[string]Counts{}
	}
	return json.Marshal(plain(b))
}

// Add adds another book's figures to b. Day and Router stay b's.
func (b *Book) Add(o Book) {
	b.Datagrams = plus(b.Datagrams, o.Datagrams)
	b.Records = plus(b.Records, o.Records)
	b.Bytes = plus(b.Bytes, o.Bytes)
	b.LostRecords = plus(b.LostRecords, o.LostRecords)
	b.LostDatagrams = plus(b.LostDatagrams, o.LostDatagrams)
	b.Estimated = b.Estimated || o.Estimated
	b.LostEstimated = b.LostEstimated || o.LostEstimated
	b.KernelDropped = plus(b.KernelDropped, o.KernelDropped)
	b.SpoolLost = plus(b.SpoolLost, o.SpoolLost)
	b.NoTemplate = plus(b.NoTemplate, o.NoTemplate)
	b.UplinkLocalBytes = plus(b.UplinkLocalBytes, o.UplinkLocalBytes)
	b.Classes = b.Classes.Plus(o.Classes)
	b.Loaded.Counts = b.Loaded.Plus(o.Loaded.Counts)
	b.Loaded.Rows = plus(b.Loaded.Rows, o.Loaded.Rows)
	b.Rejected = maps.Clone(b.Rejected) // never write to a map that is somebody else's
	for reason, n := range o.Rejected {
		if b.Rejected == nil {
			b.Rejected = map[string]uint64{}
		}
		b.Rejected[reason] = plus(b.Rejected[reason], n)
	}
	b.Excluded = maps.Clone(b.Excluded)
	for rule, n := range o.Excluded {
		if b.Excluded == nil {
			b.Excluded = map[string]Counts{}
		}
		b.Excluded[rule] = b.Excluded[rule].Plus(n)
	}
	b.Rules = maps.Clone(b.Rules)
	for rule, n := range o.Rules {
		if b.Rules == nil {
			b.Rules = map[string]Counts{}
		}
		b.Rules[rule] = b.Rules[rule].Plus(n)
	}
	b.Findings = slices.Clone(b.Findings)
	for _, f := range o.Findings {
		b.Findings = AddFinding(b.Findings, f)
	}
}

// Check returns an error that says by how much the book does not balance in
// itself: the classes sum up to what was received, and up and down to what was
// excluded and loaded.
func (b Book) Check() error {
	var wrong []string
	for _, i := range b.imbalances() {
		what, than := "the classes", "received were"
		if i.Kind == "loaded" {
			what, than = "excluded and loaded", "up and down are"
		}
		wrong = append(wrong, fmt.Sprintf("%s are %v, but %s %v: %s", what, i.Is, than, i.Should, difference(i.Is, i.Should)))
	}
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("book of %s %s does not balance: %s", b.Router, b.Day, strings.Join(wrong, "; "))
}

// imbalances are what does not balance in the book itself.
func (b Book) imbalances() (wrong []Imbalance) {
	var excluded Counts
	for _, n := range b.Excluded {
		excluded = excluded.Plus(n)
	}
	for _, i := range []Imbalance{
		{"classes", b.Classes.Sum(), Counts{b.Records, b.Bytes}},
		{"loaded", excluded.Plus(b.Loaded.Counts), b.Classes.Up.Plus(b.Classes.Down)},
	} {
		if i.Is != i.Should {
			wrong = append(wrong, i)
		}
	}
	return wrong
}

// saturated says that a sum is beyond 64 bits, so that nothing can be said of it but
// that it is more than that.
func (b *Book) saturated() bool {
	_, figures := b.columns()
	for _, n := range b.Excluded {
		figures = append(figures, &n.Records, &n.Bytes)
	}
	return slices.ContainsFunc(figures, func(n *uint64) bool { return *n == math.MaxUint64 })
}

// difference writes a difference with its sign.
func difference(is, should Counts) string {
	return fmt.Sprintf("%+d records, %+d bytes", int64(is.Records-should.Records), int64(is.Bytes-should.Bytes))
}
