package importer

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"

	"nfacct/archive"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// decoded is what a file was found to be when it was read to its end.
type decoded struct {
	books      *tallies
	statistics spool.Statistics
	packets    int // datagrams of known routers
	strangers  int // and of others
	untimely   int // of known routers, with times that cannot be believed: not read
	noTemplate int // data sets whose template never came
	unread     []Unread
	damage     error // why not all of the file was read
	// left: there was no room for some of the sets without a template, and the
	// templates are there, so that reading the file again brings more.
	left bool

	// Of a given file: what the decoder knows at its end, and what it takes to
	// read it alone.
	state  []carried
	memory *memory
}

// found is what a file was found to hold so far.
type found struct {
	packets, strangers int
	untimely           map[int]uint64 // by router
	latest             int64          // when the last datagram of a router came
	exporter           int            // that router
	unread             unread
}

func (f *found) late(router int) {
	if f.untimely == nil {
		f.untimely = map[int]uint64{}
	}
	f.untimely[router]++
}

// file decodes one file. Datagrams whose templates come only after them are
// decoded when those come, be it in one of the files that follow.
func (s *source) file(ctx context.Context, in *input, decoder *netflow.Decoder) (decoded, error) {
	s.begin(ctx, decoder)
	s.input = in
	reader, err := spool.Open(in.path)
	if err != nil {
		return decoded{}, err
	}
	defer reader.Close()
	if err := s.rememberBefore(in); err != nil {
		return decoded{}, err
	}
	if err := s.peek(in); err != nil {
		return decoded{}, err
	}
	if in.short {
		if err := s.lookBefore(in); err != nil {
			return decoded{}, err
		}
	}
	var result decoded
	if err := s.read(reader, in, &result); err != nil {
		return decoded{}, err
	}
	latest := s.found.latest
	if info := reader.Info(); info.Format == spool.FormatFlowTools && s.found.packets > 0 {
		s.captured(info, latest, s.found.exporter)
	}
	if latest == 0 { // nothing in it says when it was
		if info, err := os.Stat(in.path); err == nil {
			latest = info.ModTime().UnixNano()
		}
	}
	for router, n := range s.found.untimely {
		result.untimely += int(n)
		s.tally(latest, router).untimely += n
	}
	s.losses(&result, latest)
	s.books.settleLosses()
	if s.only != anyDay { // not before: days have losses in common
		s.books.keep(s.only)
	}
	result.books = s.books
	return result, nil
}

// read decodes a file to its end, and what still waits there.
func (s *source) read(reader *spool.Reader, in *input, result *decoded) error {
	broken, stopped := replay(&s.pace, reader, s.packet)
	if stopped != nil {
		return stopped
	}
	if broken != nil {
		return broken
	}
	if !in.spool && !s.plain {
		result.state = carry(s.decoder) // before other files are looked into
	}
	if err := s.lookBehind(in, result); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	s.found.unread.Unread = reader.Unread()
	result.packets, result.strangers, result.noTemplate = s.found.packets, s.found.strangers, s.held.missing
	result.statistics, result.unread = reader.Statistics(), s.found.unread.list()
	// A given file that is merely cut is still written, perhaps; one of the spool
	// was whole when it was sealed.
	if damage := reader.Damage(); damage != nil && (in.spool || errors.Is(damage, spool.ErrCorrupt)) {
		result.damage = damage
	}
	result.left = s.left.bits != nil && (s.leftKnown || s.evicted)
	return nil
}

// losses books what is of no router: to the one there is, or to the collector.
func (s *source) losses(result *decoded, latest int64) {
	kernel, queue := result.statistics.KernelDropped, result.statistics.QueueDropped
	frames := s.found.unread.frames()
	if result.damage != nil {
		frames[archive.RejectedDamaged] = max(1, result.statistics.Missing)
	}
	if kernel+queue == 0 && len(frames) == 0 {
		return
	}
	router := collectorItself
	if s.single {
		router = 0
	}
	t := s.tally(latest, router)
	t.kernelDropped += kernel
	t.spoolLost += queue
	for _, reason := range slices.Sorted(maps.Keys(frames)) {
		t.reject(reason, frames[reason])
	}
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
