package importer

import (
	"cmp"
	"maps"
	"math"
	"math/bits"
	"net/netip"
	"slices"

	"nfacct/archive"
	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/importer/attribution"
)

// counts are records and their bytes.
type counts struct{ records, bytes uint64 }

// add adds to them; a sum of bytes stays at the largest number. Records are counted one
// by one, and nobody lives to see 2^64 of them.
func (c *counts) add(records, bytes uint64) {
	c.records += records
	c.bytes = plus(c.bytes, bytes)
}

// plus adds two counters. No sum wraps: an exporter can send any number.
func plus(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return math.MaxUint64
	}
	return sum
}

// tally is what one file holds of one day of one router.
type tally struct {
	datagrams     uint64
	duplicates    uint64 // datagrams that came twice, read once
	lost          int64  // records of v5 and IPFIX; not below 0 once settled
	lostDatagrams int64  // of v9
	v9Datagrams   uint64 // that came, and their records: what a lost one held is estimated by them
	v9Records     uint64
	untimely      uint64 // datagrams with times that cannot be believed
	kernelDropped uint64 // datagrams
	spoolLost     uint64 // datagrams, for want of disk or queue
	noTemplate    uint64 // data sets
	rejects       netflow.RejectTotals
	noCounters    uint64            // records
	unreadable    map[string]uint64 // of a Stream, by reason

	records   counts
	classes   [attribution.Classes]counts
	excluded  []counts // by rule
	loaded    counts
	estimated bool   // a sampling factor was used
	hours     uint32 // of the day, bit by bit from its first, that records ended in

	implausible counts // a class of its own, with bytes as exported
	found       []oddity
	basis       basis
}

// datagram counts what the decoder says about one.
func (t *tally) datagram(g *netflow.Datagram, synthetic bool) {
	t.datagrams++
	t.rejects.Add(&g.Rejects)
	t.noTemplate += uint64(g.NoTemplate)
	if g.Version == flow.V9 {
		t.v9Datagrams++
		t.v9Records += uint64(g.Records)
	}
	if synthetic {
		return
	}
	lost := int64(g.Loss.Lost) - int64(g.Loss.Late)
	if g.Version == flow.V9 {
		t.lostDatagrams += lost
	} else {
		t.lost += lost
	}
}

// senders notes what a datagram says of who else sends from its exporter's address.
func (t *tally) senders(exporter netip.Addr, g *netflow.Datagram) {
	for kind, n := range map[archive.FindingKind]int{archive.FoundShared: 0, archive.FoundBorrowed: g.Borrowed} {
		if kind == archive.FoundShared && g.Loss.Shared {
			n = max(g.Records, 1)
		}
		if n == 0 {
			continue
		}
		if found := t.oddity(kind, exporter, ""); found != nil {
			found.add(uint64(n), 0)
		}
	}
}

// reject counts what a Stream could not read.
func (t *tally) reject(reason string, n uint64) {
	if t.unreadable == nil {
		t.unreadable = map[string]uint64{}
	}
	t.unreadable[reason] += n
}

// lostRecords is the loss in records, and whether that is an estimate: v9
// numbers datagrams, so each lost one is taken to have held the mean.
func (t *tally) lostRecords() (records uint64, estimated bool) {
	lost := float64(t.lost)
	if t.lostDatagrams > 0 && t.v9Datagrams > 0 {
		lost += math.Round(float64(t.lostDatagrams) * float64(t.v9Records) / float64(t.v9Datagrams))
		estimated = true
	}
	return uint64(lost), estimated
}

// add merges another tally of the same day and router.
func (t *tally) add(o *tally) {
	t.datagrams += o.datagrams
	t.duplicates += o.duplicates
	t.lost += o.lost
	t.lostDatagrams += o.lostDatagrams
	t.v9Datagrams += o.v9Datagrams
	t.v9Records += o.v9Records
	t.untimely += o.untimely
	t.kernelDropped += o.kernelDropped
	t.spoolLost += o.spoolLost
	t.noTemplate += o.noTemplate
	for reason, n := range o.rejects {
		t.rejects[reason] += n
	}
	t.noCounters += o.noCounters
	for reason, n := range o.unreadable {
		t.reject(reason, n)
	}
	t.records.add(o.records.records, o.records.bytes)
	for i := range t.classes {
		t.classes[i].add(o.classes[i].records, o.classes[i].bytes)
	}
	if t.excluded == nil && o.excluded != nil {
		t.excluded = make([]counts, len(o.excluded))
	}
	for i := range o.excluded {
		t.excluded[i].add(o.excluded[i].records, o.excluded[i].bytes)
	}
	t.loaded.add(o.loaded.records, o.loaded.bytes)
	t.estimated = t.estimated || o.estimated
	t.basis.merge(&o.basis)
	t.implausible.add(o.implausible.records, o.implausible.bytes)
	for i := range o.found {
		f := &o.found[i]
		name := ""
		if f.kind == archive.FoundRepeated {
			name = f.example
		}
		if n := t.oddity(f.kind, f.exporter, name); n != nil {
			n.add(f.records, f.bytes)
			n.seconds, n.example = cmp.Or(n.seconds, f.seconds), cmp.Or(n.example, f.example)
		}
	}
}

// place is a day of a router, by the router's number in the configuration.
type place struct {
	day    date
	router int
}

// tallies finds the tally of a place, made when it is first asked for.
type tallies struct {
	all  map[place]*tally
	last place
	at   *tally
}

func newTallies() *tallies { return &tallies{all: map[place]*tally{}} }

func (t *tallies) of(p place) *tally {
	if t.at != nil && t.last == p {
		return t.at
	}
	found := t.all[p]
	if found == nil {
		found = new(tally)
		t.all[p] = found
	}
	t.last, t.at = p, found
	return found
}

// settleLosses takes what came late after a midnight back from the day that
// missed it. What an earlier file missed stays lost in that file's books.
func (t *tallies) settleLosses() {
	places := slices.SortedFunc(maps.Keys(t.all), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.router, b.router), cmp.Compare(b.day, a.day))
	})
	for i, p := range places {
		late := t.all[p]
		if i+1 < len(places) && places[i+1].router == p.router {
			before := t.all[places[i+1]]
			before.lost += min(late.lost, 0)
			before.lostDatagrams += min(late.lostDatagrams, 0)
		}
		late.lost, late.lostDatagrams = max(late.lost, 0), max(late.lostDatagrams, 0)
	}
}

// keep leaves only a day's.
func (t *tallies) keep(day date) {
	maps.DeleteFunc(t.all, func(p place, _ *tally) bool { return p.day != day })
	t.at = nil
}

// add merges the tallies of the same file made elsewhere.
func (t *tallies) add(o *tallies) {
	for p, tally := range o.all {
		t.of(p).add(tally)
	}
}
