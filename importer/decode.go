package importer

import (
	"context"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// collectorItself is the number of no router: what the collector as a whole
// lost is counted under it when there are several routers.
const collectorItself = -1

// batchRecords is when a batch is handed over: 150 kB, so that it stays in the
// cache of the core that made it.
const batchRecords = 512

// maxBatch is the most records that a batch keeps room for. A datagram of 64 kB
// can make 65,000 of them; what that took is given back.
const maxBatch = 8 * batchRecords

// batch is records of one router in the order they came.
type batch struct {
	router  int
	records []flow.Record
}

// source decodes files.
type source struct {
	routers  exporters
	single   bool // exactly one router is configured
	calendar calendar
	only     date // if not anyDay, the one day that is counted
	unknown  strangers
	copies   copies
	came     noted // templates that files brought
	clocks   clocks
	repeats  repeats
	input    *input         // the file at hand
	versions []flow.Version // that routers are configured to send, by their numbers; 0 is not known
	// plain: for whoever looks at records, all are wanted: of any time, and those
	// that came twice.
	plain bool

	// Of the file at hand:
	pace      pace
	decoder   *netflow.Decoder
	ahead     *netflow.Decoder // knows what comes behind, if the file is read for that
	books     *tallies
	held      held
	left      noted // what the sets waited for that there was no room for
	leftKnown bool  // and it came
	evicted   bool  // the decoder had to forget streams or templates
	months    months
	found     found
	batch     *batch
	// next takes a full batch and gives an empty one.
	next func(*batch) (*batch, error)
}

func newSource(routers []Router, calendar calendar, only date) *source {
	s := &source{
		routers:  exportersOf(routers),
		single:   len(routers) == 1,
		calendar: calendar,
		only:     only,
		unknown:  newStrangers(),
	}
	for i := range routers {
		s.versions = append(s.versions, routers[i].Version)
	}
	return s
}

// preferred is the version that a router is configured to send; 0 is not known.
func (s *source) preferred(router int) flow.Version {
	if router < 0 || router >= len(s.versions) {
		return 0
	}
	return s.versions[router]
}

// begin makes the source one of a file that has not been read yet.
func (s *source) begin(ctx context.Context, decoder *netflow.Decoder) {
	s.pace, s.input = pace{ctx: ctx}, new(input)
	s.decoder, s.ahead, s.books = decoder, nil, newTallies()
	s.held, s.left, s.leftKnown, s.evicted = held{}, noted{}, false, false
	s.months, s.found = months{}, found{}
	s.copies.begin()
	s.clocks.begin()
	s.repeats.begin()
}

// tally is that of a datagram's day.
func (s *source) tally(received int64, router int) *tally {
	if s.plain {
		return s.books.of(place{})
	}
	return s.books.of(place{s.calendar.day(received).date, router})
}

// room makes the batch one of the router, with room for a datagram.
func (s *source) room(router int) error {
	if s.batch != nil && (s.batch.router == router || len(s.batch.records) == 0) && len(s.batch.records) < batchRecords {
		s.batch.router = router
		return nil
	}
	return s.handOver(router)
}

func (s *source) handOver(router int) error {
	empty, err := s.next(s.batch)
	if err != nil {
		return err
	}
	s.batch = empty
	if cap(empty.records) > maxBatch {
		empty.records = make([]flow.Record, 0, batchRecords+64)
	}
	s.batch.router, s.batch.records = router, s.batch.records[:0]
	return nil
}

// flush hands the last batch over.
func (s *source) flush() error {
	if s.batch == nil || len(s.batch.records) == 0 {
		return nil
	}
	return s.handOver(0)
}

// packet takes a packet of the file.
func (s *source) packet(p *spool.Packet) error {
	router, known := s.routers.find(p.Src.Addr())
	switch {
	case !known && p.Carried:
		return nil
	case !known:
		s.unknown.add(p.Src.Addr())
		s.found.strangers++
		return nil
	case p.Carried:
		s.decoder.Learn(p.Src, p.Received, p.Payload)
		_, err := s.release()
		return err
	case !s.plain && !s.months.plausible(p.Received, &s.calendar):
		s.found.late(router)
		return nil
	}
	s.found.latest, s.found.exporter = p.Received, router
	if p.Cut > 0 {
		s.found.unread.cut++
		s.tally(p.Received, router).reject(rejectedCut, 1)
		return nil
	}
	s.found.packets++
	return s.datagram(router, p)
}

func (s *source) datagram(router int, p *spool.Packet) error {
	if !p.Synthetic && s.copies.again(p) {
		t := s.tally(p.Received, router)
		t.duplicates++
		if !s.plain {
			t.datagrams++
			return nil
		}
	}
	if err := s.room(router); err != nil {
		return err
	}
	before := len(s.batch.records)
	records, g := s.decoder.Decode(s.batch.records, p.Src, p.Received, p.Payload)
	if p.Synthetic && s.plain {
		for i := range records {
			records[i].Has &^= flow.HasSequence
		}
	}
	s.batch.records = records
	t := s.tally(p.Received, router)
	t.datagram(&g, p.Synthetic)
	if !s.plain && !p.Synthetic && len(records) > before {
		if err := s.once(t, router, streamKey{p.Src, g.Version, g.Domain}, before); err != nil {
			return err
		}
		records = s.batch.records
		s.correct(t, records[before:], &g, s.clocks.offset(p.Src.Addr(), g.ExportTime, p.Received))
	}
	if g.Loss.Shared || g.Borrowed > 0 {
		t.senders(p.Src.Addr(), &g)
	}
	s.found.unread.rejected(&g)
	s.evicted = s.evicted || g.Rejects[netflow.StreamEvicted]+g.Rejects[netflow.TemplateEvicted] > 0
	if g.NoTemplate > 0 {
		if err := s.hold(router, len(p.Payload)); err != nil {
			return err
		}
	}
	_, err := s.release()
	return err
}
