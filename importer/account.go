package importer

import (
	"context"
	"math"
	"math/bits"

	"nfacct/archive"
	"nfacct/collector/flow"
	"nfacct/importer/attribution"
	"nfacct/importer/rules"
)

// accountant turns decoded records into tallies and biflows.
type accountant struct {
	calendar  calendar
	routers   []*eras
	uploads   uploads
	ruleCount int  // how many rules there are
	only      date // if not anyDay, the one day whose books and rows are wanted
	books     *tallies
	table     *table // nil when no rows are wanted
	migrated  bool   // records are of Streams
	shown     shown
}

// accounted is a router as the accountant sees it, for as long as nothing changes
// there.
type accounted struct {
	attributor *attribution.Attributor
	rules      *rules.Set
	limits     limits
}

const hour = 3600 * second

// anyDay is no date.
const anyDay = date(0)

func newAccountant(calendar calendar, routers []Router, list []rules.Rule, only date) *accountant {
	a := &accountant{calendar: calendar, only: only, books: newTallies(), ruleCount: len(list)}
	a.uploads = uploads{routers: exportersOf(routers), known: map[string]*attribution.Uploads{}}
	for i, r := range routers {
		a.routers = append(a.routers, newEras(i, r, list))
	}
	a.uploads.eras = a.routers
	return a
}

// record accounts one record of a router, found in a file. It needs room for as
// many pieces as the record has days; table.full leaves it. The one error is to
// be told to stop.
func (a *accountant) record(ctx context.Context, in *input, router int, r *flow.Record) error {
	from, to := times(r.Start, r.End, r.Received)
	// What ends with the day is the day's: bytes, packets and the record itself.
	last := to
	if !a.migrated { // whose times are begins of slots
		last--
	}
	day := a.calendar.day(last)
	if r.Has&(flow.HasBytes|flow.HasPackets) == 0 {
		if t := a.tally(day.date, router); t != nil {
			t.noCounters++ // and it is no record of the books
		}
		return nil
	}
	who := a.routers[router].at(to)
	bytes, packets, estimated := who.attributor.Scale(r)
	if a.migrated { // whether the router sampled in those days is not known
		bytes, packets, estimated = r.Bytes, r.Packets, false
	}
	if !who.limits.plausible(r, bytes, to-from) {
		if t := a.tally(day.date, router); t != nil {
			t.records.add(1, r.Bytes)
			t.implausible.add(1, r.Bytes)
			t.note(archive.FoundImplausible, r)
		}
		return nil
	}
	if r.Has&(flow.AmbiguousSampling|flow.UnknownSampling) != 0 && !who.attributor.SamplingStated() {
		if t := a.tally(day.date, router); t != nil {
			t.note(archive.FoundSampling, r)
		}
	}
	if packets > mostPackets || thin(r) {
		packets = a.trim(r, day.date, router, bytes, packets)
	}
	res := who.attributor.Attribute(r)
	if res.Rule == attribution.Unanswered && !a.migrated {
		uploads, err := a.uploads.forFile(ctx, in)
		if err != nil {
			return err
		}
		res = who.attributor.Answer(r, uploads)
	}
	if a.migrated {
		res = res.Migrated()
	}
	rule := rules.None
	switch {
	case res.Class == attribution.Up || res.Class == attribution.Down:
		rule = who.rules.Match(r, &res, bytes)
	case res.Rule == attribution.Group:
		// A download of no host: what a rule leaves out need not be attributed.
		group := attribution.ToGroup(r)
		if rule = who.rules.Match(r, &group, bytes); rule != rules.None {
			res = group
		}
	}
	a.shown.piece.Received = r.Received
	p := piece{
		router:      uint16(router),
		wan:         uint16(min(res.WAN, math.MaxUint16)),
		proto:       r.Proto,
		class:       res.Class,
		rule:        res.Rule,
		attribution: res.Code(),
		v5:          r.Version == flow.V5,
		host:        res.Host,
		peer:        res.Peer,
		hostPort:    res.HostPort,
		peerPort:    res.PeerPort,
		flows:       1,
	}
	switch {
	case res.Class == attribution.RouterLocal:
		p.passed = who.attributor.ByUplink(r)
	case res.Rule == attribution.UnlistedInterface:
		p.unlisted = res.WAN
	}
	// A record that began before midnight: its bytes and packets are divided by
	// time, to the last one. The record itself counts where it ended.
	for from < day.from {
		before := part(bytes, day.from-from, to-from)
		fewer := part(packets, day.from-from, to-from)
		p.bytes, p.packets = bytes-before, packets-fewer
		a.piece(&p, &day, day.from, to, rule, estimated)
		bytes, packets, to, p.flows = before, fewer, day.from, 0
		day = a.calendar.day(to - 1)
	}
	p.bytes, p.packets = bytes, packets
	a.piece(&p, &day, from, to, rule, estimated)
	return nil
}

// trim looks at more packets than there can be: in so many octets, or in two rows.
// What it gives is how many are accounted.
func (a *accountant) trim(r *flow.Record, day date, router int, bytes, packets uint64) uint64 {
	most, kind := uint64(mostPackets), archive.FoundPackets
	switch {
	case !thin(r):
	case a.migrated || r.Has&flow.NarrowBytes != 0:
		// The octets began anew at 4 GiB if the packets can have carried so much: they
		// are right then, and both stay. Fewer packets are a fault of rounding.
		if r.Packets >= fewestWrapped {
			kind = archive.FoundWrapped
		}
	default:
		most = min(most, max(bytes/leastPacket, 1))
	}
	if packets > most || kind == archive.FoundWrapped {
		if t := a.tally(day, router); t != nil {
			t.note(kind, r)
		}
	}
	return min(packets, most)
}

// part is n*share/whole, rounded down, for 0 <= share <= whole, 0 < whole.
func part(n uint64, share, whole int64) uint64 {
	hi, lo := bits.Mul64(n, uint64(share))
	q, _ := bits.Div64(hi, lo, uint64(whole))
	return q
}

// piece accounts the part of a record that lies in one day.
func (a *accountant) piece(p *piece, day *span, from, to int64, rule int, estimated bool) {
	t := a.tally(day.date, int(p.router))
	if t == nil {
		return
	}
	records := uint64(p.flows)
	if records > 0 {
		t.hours |= 1 << uint((to-1-day.from)/hour)
	}
	t.records.add(records, p.bytes)
	t.classes[p.class].add(records, p.bytes)
	t.basis.add(p, records)
	t.estimated = t.estimated || estimated
	if p.class != attribution.Up && p.class != attribution.Down {
		return
	}
	if rule != rules.None {
		if t.excluded == nil {
			t.excluded = make([]counts, a.ruleCount)
		}
		t.excluded[rule].add(records, p.bytes)
		return
	}
	t.loaded.add(records, p.bytes)
	if a.table == nil && a.shown.take == nil {
		return
	}
	at := to
	if at == day.to { // ended with the day: the last slot, not the next day's first
		at--
	}
	slot, start := day.slot(at)
	if a.shown.take != nil {
		a.shown.show(p, day.date, slot)
	}
	if a.table == nil {
		return
	}
	p.day, p.slot = day.date, slot
	p.first = max(seconds(from-start), math.MinInt16)
	p.last = seconds(to - start)
	a.table.add(p)
}

// seconds rounds down, below zero too.
func seconds(nanoseconds int64) int32 {
	s := nanoseconds / second
	if nanoseconds%second < 0 {
		s--
	}
	return int32(max(s, math.MinInt32))
}

// tally is where a day's records of a router are counted, or nil for a day that
// is not wanted.
func (a *accountant) tally(day date, router int) *tally {
	if a.only != anyDay && day != a.only {
		return nil
	}
	return a.books.of(place{day, router})
}
