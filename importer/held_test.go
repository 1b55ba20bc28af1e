package importer

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// FuzzHeld: in whatever order templates and data come, in one datagram or several,
// the same records are read as by a decoder that knew all templates before.
func FuzzHeld(f *testing.F) {
	// Each byte is a set: two bits of the stream, two of the template, one of the
	// kind, one that ends the datagram.
	f.Add([]byte{0x20, 0x30})
	f.Add([]byte{0x00, 0x10, 0x20, 0x35, 0x25, 0x3f, 0x1f, 0x2f, 0x0f, 0x3f})
	random := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		in := make([]byte, random.IntN(200))
		for i := range in {
			in[i] = byte(random.Uint32())
		}
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > maxHeldOf { // more sets in a datagram than wait
			return
		}
		h := &hostile{at: at, next: map[[2]uint32]uint32{}}
		before := &hostile{at: at, next: map[[2]uint32]uint32{}}
		defined := map[[2]int]bool{}
		var sets [4][][]byte
		want, missing := uint64(0), 0
		var waits [][2]int
		for i, b := range in {
			stream, template := int(b&3), int(b>>2&3)
			// Each template of each stream has a length of its own.
			extra := [2]uint16{5, uint16(1 + 4*stream + template)}
			fields := append(append([][2]uint16{}, smallLayout...), extra)
			if b&0x10 != 0 {
				sets[stream] = append(sets[stream], dataSet(0, layout(uint16(300+template), fields...)))
				defined[[2]int{stream, template}] = true
			} else {
				sets[stream] = append(sets[stream], dataSet(uint16(300+template), append(smallData(ip("192.168.1.9"), uint32(1+i)), make([]byte, extra[1])...)))
				waits = append(waits, [2]int{stream, template})
			}
			if b&0x20 != 0 || i == len(in)-1 {
				for s := range sets {
					if len(sets[s]) > 0 {
						h.v9(hostilePort, uint32(s), len(sets[s]), sets[s]...)
					}
					sets[s] = nil
				}
			}
		}
		for key := range defined {
			fields := append(append([][2]uint16{}, smallLayout...), [2]uint16{5, uint16(1 + 4*key[0] + key[1])})
			before.v9(hostilePort, uint32(key[0]), 1, dataSet(0, layout(uint16(300+key[1]), fields...)))
		}
		reference := netflow.NewDecoder(netflow.Limits{})
		for _, p := range before.out {
			reference.Learn(p.Src, p.Received, p.Payload)
		}
		var records []flow.Record
		for _, p := range h.out {
			records, _ = reference.Decode(records, p.Src, p.Received, p.Payload)
		}
		for i := range records {
			want += records[i].Bytes
		}
		for _, key := range waits {
			if !defined[key] {
				missing++
			}
		}
		got, n := uint64(0), 0
		s := readAll(t, h.out, func(r *flow.Record) { got, n = got+r.Bytes, n+1 })
		if got != want || n != len(records) || s.held.missing != missing || (missing == 0) != s.held.empty() {
			t.Errorf("%d records of %d bytes, want %d of %d; %d missing, want %d", n, got, len(records), want, s.held.missing, missing)
		}
		checkHeld(t, &s.held)
	})
}

// readAll sends packets through a source.
func readAll(t testing.TB, packets []spool.Packet, each func(*flow.Record)) *source {
	t.Helper()
	s := newSource([]Router{hostileOffice()}, newCalendar(time.UTC), anyDay)
	s.begin(context.Background(), netflow.NewDecoder(netflow.Limits{}))
	s.batch = new(batch)
	s.next = func(full *batch) (*batch, error) {
		for i := range full.records {
			each(&full.records[i])
		}
		return full, nil
	}
	for i := range packets {
		if err := s.packet(&packets[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	return s
}

// checkHeld adds up what is held.
func checkHeld(t testing.TB, h *held) {
	t.Helper()
	size, exporters, piled := 0, 0, 0
	for _, e := range h.shares.exporters {
		of := 0
		for _, stream := range e.streams {
			n := 0
			for set := stream.kept.first; set != nil; set = set.links[inStream].next {
				n += heldCost + len(set.Body)
				size++
			}
			if n != stream.rank.size || n == 0 {
				t.Errorf("a stream of %d bytes says %d", n, stream.rank.size)
			}
			of += n
		}
		if of != e.rank.size {
			t.Errorf("an exporter of %d bytes says %d", of, e.rank.size)
		}
		exporters += of
	}
	for _, pile := range h.piles {
		for set := pile.first; set != nil; set = set.links[inPile].next {
			piled++
		}
	}
	for set := h.tired.first; set != nil; set = set.links[inPile].next {
		piled++
	}
	if exporters != h.shares.size || exporters > maxHeld || piled != size {
		t.Errorf("%d bytes held, %d counted; %d sets by stream, %d by template", exporters, h.shares.size, size, piled)
	}
}

// TestHeldShares: whoever fills what waits, an exporter and a stream that want
// less than their share keep all of theirs.
func TestHeldShares(t *testing.T) {
	var h held
	left := map[netip.AddrPort]int{}
	unread := func(addr string, domain uint32, size int) *netflow.Unread {
		d := netflow.NewDecoder(netflow.Limits{})
		b := binary.BigEndian.AppendUint32(nil, 9<<16|1)
		for _, n := range []uint32{1000, uint32(at.Unix()), 0, domain} {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		d.Scan(netip.AddrPortFrom(ip(addr), 2055), at.UnixNano(), append(b, dataSet(300, make([]byte, size))...))
		return &d.Unread()[0]
	}
	keep := func(u *netflow.Unread) {
		kept, err := h.keep(0, u, func(_ int, u *netflow.Unread) error { left[u.Source]++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		if !kept {
			left[u.Source]++
		}
	}
	flood := unread("192.0.2.66", 1, 1400)
	neighbour := unread("192.0.2.66", 2, 1400)
	honest := unread("192.0.2.1", 1, 1400)
	for i := range 100_000 {
		keep(flood)
		if i%20 == 0 { // 5000 of them take 8.6 MB, of 32
			keep(honest)
		}
		if i%50 == 0 { // a stream of the flooder's own address
			keep(neighbour)
		}
	}
	checkHeld(t, &h)
	if left[honest.Source] != 0 {
		t.Errorf("%d of the honest exporter's sets had to go", left[honest.Source])
	}
	streams := map[uint32]int{}
	for key, stream := range h.shares.exporters[neighbour.Source.Addr()].streams {
		streams[key.domain] = stream.rank.size / (heldCost + 1400)
	}
	if streams[2] != 2000 || streams[1] < 10_000 {
		t.Errorf("sets of the flooder's streams: %v", streams)
	}
}

// TestHeldTired: a set that templates of another port do not fit is tried some
// times, not each time, and again at the file's end.
func TestHeldTired(t *testing.T) {
	h := &hostile{at: at, next: map[[2]uint32]uint32{}}
	for i := range 100 {
		h.v9(1000, 7, 1, dataSet(300, smallData(ip("192.168.1.9"), uint32(i))))
	}
	for i := range 500 {
		fields := append(append([][2]uint16{}, smallLayout...), [2]uint16{5, uint16(10 + i)})
		h.v9(2000, 7, 1, dataSet(0, layout(300, fields...)))
	}
	h.v9(1000, 7, 1, dataSet(0, layout(300, smallLayout...)))
	n := 0
	s := readAll(t, h.out, func(*flow.Record) { n++ })
	tired := 0
	for set := s.held.tired.first; set != nil; set = set.links[inPile].next {
		tired++
	}
	if work := s.pace.all + int64(s.pace.work); work > 100*(maxTries+1)*200+700*200 {
		t.Errorf("work %d", work)
	}
	if n+tired != 100 {
		t.Errorf("%d records, %d tired", n, tired)
	}
	if err := s.lookBehind(&input{}, new(decoded)); err != nil {
		t.Fatal(err)
	}
	if err := s.flush(); err != nil || n != 100 || s.held.missing != 0 {
		t.Errorf("%d records at the end, %d missing, %v", n, s.held.missing, err)
	}
}

// TestRanking holds the ranking against a plain search.
func TestRanking(t *testing.T) {
	type thing struct{ rank[thing] }
	random := rand.New(rand.NewPCG(1, 1))
	var r ranking[thing]
	all := make([]thing, 50)
	for i := range all {
		all[i].owner = &all[i]
	}
	for range 100_000 {
		x := &all[random.IntN(len(all))]
		by := random.IntN(1 << random.IntN(22))
		if random.IntN(3) == 0 {
			by = -random.IntN(x.size + 1)
		}
		r.resize(&x.rank, by)
		largest := 0
		for i := range all {
			largest = max(largest, all[i].size)
		}
		most := r.most()
		if (most == nil) != (largest == 0) || most != nil && (most.size*5 < largest*4 || most.size == 0) {
			t.Fatalf("the largest is %d, found %+v", largest, most)
		}
	}
}

// TestUnreadIsCloned: what is held does not depend on the reader's buffer.
func TestUnreadIsCloned(t *testing.T) {
	h := &hostile{at: at, next: map[[2]uint32]uint32{}}
	h.v9(1000, 7, 1, dataSet(300, smallData(ip("192.168.1.9"), 77)))
	h.v9(1000, 7, 1, dataSet(0, layout(300, smallLayout...)))
	var bytesRead []uint64
	s := newSource([]Router{hostileOffice()}, newCalendar(time.UTC), anyDay)
	s.begin(context.Background(), netflow.NewDecoder(netflow.Limits{}))
	s.batch = new(batch)
	s.next = func(full *batch) (*batch, error) {
		for i := range full.records {
			bytesRead = append(bytesRead, full.records[i].Bytes)
		}
		return full, nil
	}
	for _, p := range h.out {
		p.Payload = bytes.Clone(p.Payload)
		if err := s.packet(&p); err != nil {
			t.Fatal(err)
		}
		clear(p.Payload)
	}
	if err := s.flush(); err != nil || len(bytesRead) != 1 || bytesRead[0] != 77 {
		t.Errorf("%v, %v", bytesRead, err)
	}
}
