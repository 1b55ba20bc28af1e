package importer

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"slices"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// maxHeld bounds the data sets that wait for their templates, in bytes. What is
// beyond stays counted as without template, and in the spool.
const maxHeld = 32 << 20

// maxFruitless is how many times in a file the waiting sets are tried in vain
// before only its end and the files that follow are awaited: an exporter that
// announces templates without end must not make us read its data as often.
const maxFruitless = 100

// held are data sets whose template is not known yet, each as a datagram of its
// own: the sets beside it have been read already.
type held struct {
	waiting   []heldSet
	bytes     int
	sets      int // waiting, and those there was no room for
	fruitless int
}

type heldSet struct {
	router   int
	src      netip.AddrPort
	received int64
	payload  []byte
}

// Header sizes: RFC 3954 section 5.1, RFC 7011 section 3.1; set header of both: 4.
const (
	v9Header    = 20
	ipfixHeader = 16
	setHeader   = 4
	firstData   = 256
)

// hold keeps the sets of a datagram that had no template.
func (s *source) hold(router int, packet *spool.Packet, g *netflow.Datagram) {
	header := ipfixHeader
	if g.Version == flow.V9 {
		header = v9Header
	}
	payload := packet.Payload
	var sets [][]byte
	for rest := payload[min(header, len(payload)):]; len(rest) >= setHeader; {
		n := int(binary.BigEndian.Uint16(rest[2:]))
		if n < setHeader || n > len(rest) {
			break
		}
		if binary.BigEndian.Uint16(rest) >= firstData {
			sets = append(sets, rest[:n])
		}
		rest = rest[n:]
	}
	s.held.sets += g.NoTemplate
	if len(sets) > g.NoTemplate {
		sets = s.missing(packet, payload[:header], sets)
	}
	for _, set := range sets {
		if s.held.bytes+header+len(set) > maxHeld {
			return
		}
		s.held.bytes += header + len(set)
		s.held.waiting = append(s.held.waiting, heldSet{router, packet.Src, packet.Received, alone(g.Version, payload[:header], set)})
	}
}

// alone makes a datagram of one set.
func alone(version flow.Version, header, set []byte) []byte {
	b := make([]byte, 0, len(header)+len(set))
	b = append(append(b, header...), set...)
	if version == flow.IPFIX {
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	}
	return b
}

// missing picks the sets that the decoder has no template for.
func (s *source) missing(packet *spool.Packet, header []byte, sets [][]byte) [][]byte {
	probe := s.twin()
	var without [][]byte
	version := flow.Version(binary.BigEndian.Uint16(header))
	for _, set := range sets {
		if g := probe.Scan(packet.Src, packet.Received, alone(version, header, set)); g.NoTemplate > 0 {
			without = append(without, set)
		}
	}
	return without
}

// twin is a decoder that knows what the file's knows.
func (s *source) twin() *netflow.Decoder {
	twin := netflow.NewDecoder(netflow.Limits{})
	s.decoder.Carry(twin.Learn)
	return twin
}

// release decodes what has waited for the templates of an exporter that the
// decoder knows now.
func (s *source) release(src netip.AddrPort) error {
	late := s.twin()
	keep := s.held.waiting[:0]
	for _, h := range s.held.waiting {
		if h.src != src {
			keep = append(keep, h)
			continue
		}
		if err := s.room(h.router); err != nil {
			return err
		}
		before := len(s.batch.records)
		records, g := late.Decode(s.batch.records, h.src, h.received, h.payload)
		if g.NoTemplate > 0 {
			s.batch.records = records[:before]
			keep = append(keep, h)
			continue
		}
		s.batch.records = records
		s.held.sets--
		s.held.bytes -= len(h.payload)
		t := s.tally(h.received, h.router)
		t.noTemplate--
		t.rejects.Add(&g.Rejects)
		if g.Version == flow.V9 {
			t.v9Records += uint64(g.Records)
		}
	}
	if len(keep) == len(s.held.waiting) {
		s.held.fruitless++
	}
	clear(s.held.waiting[len(keep):])
	s.held.waiting = keep
	return nil
}

// lookBehind decodes what still waits at a file's end by templates that came later:
// those that are remembered of a given file, and those of the files that follow.
func (s *source) lookBehind(ctx context.Context, in *input, result *decoded) error {
	if in.memory != nil {
		result.memory = &memory{Before: in.memory.Before, Late: in.memory.Late}
	}
	if len(s.held.waiting) == 0 {
		return nil
	}
	sources, before := s.held.sources(), s.held.sets
	if in.memory != nil && len(in.memory.Late) > 0 {
		learn(s.decoder, in.memory.Late)
		for _, src := range sources {
			if err := s.release(src); err != nil {
				return err
			}
		}
	}
	if err := s.lookAhead(ctx, in.following); err != nil {
		return err
	}
	if result.memory != nil && s.held.sets < before {
		result.memory.Late = carry(s.decoder, sources)
	}
	return nil
}

// lookAhead searches the files that follow for the templates that are missing.
func (s *source) lookAhead(ctx context.Context, following []string) error {
	if s.held.fruitless >= maxFruitless {
		for _, src := range s.held.sources() {
			if err := s.release(src); err != nil {
				return err
			}
		}
	}
	for _, path := range following {
		if len(s.held.waiting) == 0 {
			return nil
		}
		if err := s.lookInto(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// lookInto reads one such file. A file that cannot be read ends the search in
// it: it will say so itself when it is imported.
func (s *source) lookInto(ctx context.Context, path string) error {
	reader, err := spool.Open(path)
	if err != nil {
		return nil
	}
	defer reader.Close()
	carried := map[netip.AddrPort]bool{}
	for n := 0; len(s.held.waiting) > 0; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		packet, err := reader.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return nil
			}
			break
		}
		if !s.held.waitsFor(packet.Src) {
			continue
		}
		if packet.Carried {
			s.decoder.Learn(packet.Src, packet.Received, packet.Payload)
			carried[packet.Src] = true
			continue
		}
		g := s.decoder.Scan(packet.Src, packet.Received, packet.Payload)
		if g.Templates > 0 && s.held.fruitless < 2*maxFruitless || carried[packet.Src] {
			delete(carried, packet.Src)
			if err := s.release(packet.Src); err != nil {
				return err
			}
		}
	}
	for src := range carried {
		if err := s.release(src); err != nil {
			return err
		}
	}
	return nil
}

func (h *held) sources() []netip.AddrPort {
	var all []netip.AddrPort
	for i := range h.waiting {
		if !slices.Contains(all, h.waiting[i].src) {
			all = append(all, h.waiting[i].src)
		}
	}
	return all
}

func (h *held) waitsFor(src netip.AddrPort) bool {
	for i := range h.waiting {
		if h.waiting[i].src == src {
			return true
		}
	}
	return false
}
