package importer

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"net/netip"
	"os"

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

	seed   maphash.Seed
	recent [1 << 12]uint64 // hashes of datagrams, by their lowest bits

	// Of the file at hand:
	decoder *netflow.Decoder
	books   *tallies
	held    held
	months  months
	batch   *batch
	// next takes a full batch and gives an empty one.
	next func(*batch) (*batch, error)
}

// strangers counts the datagrams of addresses that belong to no router.
type strangers struct {
	datagrams map[netip.Addr]uint64
	others    uint64 // of addresses beyond maxStrangers
}

const maxStrangers = 1000

func (s *strangers) add(addr netip.Addr) {
	if _, known := s.datagrams[addr]; !known && len(s.datagrams) >= maxStrangers {
		s.others++
		return
	}
	s.datagrams[addr]++
}

func newSource(routers []Router, calendar calendar, only date) *source {
	return &source{
		routers:  exportersOf(routers),
		single:   len(routers) == 1,
		calendar: calendar,
		only:     only,
		unknown:  strangers{datagrams: map[netip.Addr]uint64{}},
		seed:     maphash.MakeSeed(),
	}
}

// exporters says which router an address belongs to.
type exporters map[netip.Addr]int

func exportersOf(routers []Router) exporters {
	of := exporters{}
	for i := range routers {
		for _, addr := range routers[i].Export {
			of[addr.Unmap()] = i
		}
	}
	return of
}

// others is the key of the router that all other addresses are taken for.
var others netip.Addr

func (e exporters) find(addr netip.Addr) (router int, known bool) {
	if router, known = e[addr]; !known {
		router, known = e[others]
	}
	return router, known
}

// decoded is what a file was found to be when it was read to its end.
type decoded struct {
	books      *tallies
	statistics spool.Statistics
	packets    int // datagrams of known routers
	strangers  int // and of others
	untimely   int // of known routers, with times that cannot be believed: not read
	noTemplate int // data sets whose template never came

	// Of a given file: what the decoder knows at its end, and what it takes to
	// read it alone.
	state  []carried
	memory *memory
}

// file decodes one file. Datagrams whose templates come only after them are
// decoded when those come, be it in one of the files that follow.
func (s *source) file(ctx context.Context, in *input, decoder *netflow.Decoder) (decoded, error) {
	s.decoder, s.books, s.held = decoder, newTallies(), held{}
	s.months = months{}
	clear(s.recent[:]) // what other files hold makes no difference
	reader, err := spool.Open(in.path)
	if err != nil {
		return decoded{}, err
	}
	defer reader.Close()
	packets, strangers, latest, exporter := 0, 0, int64(0), netip.Addr{}
	untimely := map[int]uint64{} // by router
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return decoded{}, ctx.Err()
		}
		packet, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return decoded{}, err
		}
		router, known := s.routers.find(packet.Src.Addr())
		switch {
		case !known && !packet.Carried:
			s.unknown.add(packet.Src.Addr())
			strangers++
			continue
		case !known:
			continue
		case packet.Carried:
			decoder.Learn(packet.Src, packet.Received, packet.Payload)
			continue
		case !s.months.plausible(packet.Received, &s.calendar):
			untimely[router]++
			continue
		}
		packets++
		latest, exporter = packet.Received, packet.Src.Addr()
		if err := s.datagram(router, &packet); err != nil {
			return decoded{}, err
		}
	}
	result := decoded{packets: packets, strangers: strangers}
	if !in.spool {
		result.state = carry(decoder, nil) // before other files are looked into
	}
	if err := s.lookBehind(ctx, in, &result); err != nil {
		return decoded{}, err
	}
	if err := s.flush(); err != nil {
		return decoded{}, err
	}
	if info := reader.Info(); info.Format == spool.FormatFlowTools && packets > 0 {
		if router, known := s.routers.find(exporter); known {
			s.captured(info, latest, router)
		}
	}
	s.books.settleLosses()
	result.books, result.statistics, result.noTemplate = s.books, reader.Statistics(), s.held.sets
	if latest == 0 { // nothing in it says when it was
		if info, err := os.Stat(in.path); err == nil {
			latest = info.ModTime().UnixNano()
		}
	}
	for router, n := range untimely {
		result.untimely += int(n)
		s.tally(latest, router).untimely += n
	}
	if kernel, queue := result.statistics.KernelDropped, result.statistics.QueueDropped; kernel+queue > 0 {
		router := collectorItself
		if s.single {
			router = 0
		}
		t := s.tally(latest, router)
		t.kernelDropped += kernel
		t.spoolLost += queue
	}
	if s.only != anyDay { // not before: days have losses in common
		s.books.keep(s.only)
	}
	return result, nil
}

// captured counts what flow-capture says it has lost. Its files do not tell of
// which router that was, so it is booked to the one that the last record is of.
func (s *source) captured(info spool.Info, latest int64, router int) {
	t := s.tally(latest, router)
	t.lost += int64(info.Lost)
	if info.Corrupt > 0 {
		t.reject("corrupt for flow-capture", uint64(info.Corrupt))
	}
}

// tally is that of a datagram's day.
func (s *source) tally(received int64, router int) *tally {
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

func (s *source) datagram(router int, packet *spool.Packet) error {
	if err := s.room(router); err != nil {
		return err
	}
	before := len(s.batch.records)
	records, g := s.decoder.Decode(s.batch.records, packet.Src, packet.Received, packet.Payload)
	s.batch.records = records
	t := s.tally(packet.Received, router)
	if s.again(packet, &g) {
		s.batch.records = records[:before]
		t.datagrams++
		t.duplicates++
		return nil
	}
	t.datagram(&g, packet.Synthetic)
	if g.NoTemplate > 0 {
		s.hold(router, packet, &g)
	}
	if g.Templates > 0 && len(s.held.waiting) > 0 && s.held.fruitless < maxFruitless {
		return s.release(packet.Src)
	}
	return nil
}

// again says that a datagram came twice: its number says so, and the very same
// bytes came not long ago. The number alone will not do, because there are
// exporters that do not count.
func (s *source) again(packet *spool.Packet, g *netflow.Datagram) bool {
	if packet.Synthetic {
		return false
	}
	hash := maphash.Bytes(s.seed, packet.Payload)
	place := &s.recent[hash%uint64(len(s.recent))]
	same := *place == hash
	*place = hash
	return same && g.Loss.Duplicate
}
