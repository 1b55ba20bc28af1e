package importer

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"nfacct/collector/spool"
)

// inSequence are n datagrams of one v9 stream, its template first.
func inSequence(n int, start time.Time) []sent {
	h := &hostile{at: start, next: map[[2]uint32]uint32{}}
	h.v9(honestPort, 0, 1, dataSet(0, layout(256, biflowLayout...)))
	for i := range n - 1 {
		h.v9(honestPort, 0, 1, dataSet(256, biflowData(ip("192.168.1.5"), 1000+uint64(i), 1, uint16(i))))
	}
	var all []sent
	for _, p := range h.out {
		all = append(all, sent{time.Unix(0, p.Received), p.Payload})
	}
	return all
}

// TestDuplicates: a datagram that comes twice is counted once, however late the
// copy is, and those around it are neither lost nor a restart.
func TestDuplicates(t *testing.T) {
	for _, lag := range []int{1, 2, 100, 900, 1000, 1500, 5000, maxRecentOf - 1} {
		const n = maxRecentOf + 2000
		datagrams := inSequence(n, at)
		var with []sent
		copies := 0
		for i, d := range datagrams {
			with = append(with, d)
			if from := i - lag; from > 0 && from%7 == 0 {
				with = append(with, sent{d.at, datagrams[from].payload})
				copies++
			}
		}
		folder := t.TempDir()
		spoolFile(t, folder, at, with...)
		b := preview(t, newImporter(t, folder, hostileOffice())).Books[0]
		want := uint64(n-1)*1000 + uint64(n-1)*uint64(n-2)/2
		if b.Records != n-1 || b.Bytes != want || b.Rejected["duplicate"] != uint64(copies) || b.LostDatagrams+b.LostRecords != 0 {
			t.Errorf("lag %d: %d records, %d bytes of %d, %d duplicates of %d, lost %d and %d", lag, b.Records, b.Bytes, want, b.Rejected["duplicate"], copies, b.LostDatagrams, b.LostRecords)
		}
	}
}

// TestDuplicateOverBorder: the copy in the second file is not counted, whichever
// files are imported together.
func TestDuplicateOverBorder(t *testing.T) {
	start := at.Truncate(spool.SlotLength)
	datagrams := inSequence(100, start.Add(spool.SlotLength-5*time.Millisecond))
	first, second := datagrams[:60], slices.Clone(datagrams[60:])
	second = append(second, first[0], first[10], first[59], second[3])
	third := []sent{second[5], {datagrams[99].at.Add(time.Minute), datagrams[20].payload}} // of two files ago: too late to know
	folder := t.TempDir()
	spoolFile(t, folder, start, first...)
	spoolFile(t, folder, start.Add(spool.SlotLength), append([]sent{first[0]}, second...)...)
	spoolFile(t, folder, start.Add(2*spool.SlotLength), append([]sent{first[0]}, third...)...)
	im := newImporter(t, folder, hostileOffice())
	inputs, err := fromSpool(folder)
	if err != nil {
		t.Fatal(err)
	}
	got := func(inputs ...input) (all []string) {
		for _, in := range inputs {
			in := in
			b := im.build(Options{})
			if err := b.run(t.Context(), []input{in}, nil, anyDay); err != nil {
				t.Fatal(err)
			}
			s, _ := b.finish(nil)
			all = append(all, fmt.Sprint(s.Books[0].Records, s.Books[0].Bytes, s.Books[0].Rejected["duplicate"]))
		}
		return all
	}
	alone := got(inputs...)
	b := im.build(Options{})
	var together []string
	p := newPipeline(newSource(im.routers, newCalendar(im.loc), anyDay), newAccountant(newCalendar(im.loc), im.routers, im.rules, anyDay), nil, func(end *fileEnd) {
		for place, tally := range end.books.all {
			book := b.book(place, tally)
			together = append(together, fmt.Sprint(book.Records, book.Bytes, book.Rejected["duplicate"]))
		}
	})
	if err := p.run(t.Context(), inputs); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(alone, together) {
		t.Errorf("alone %v, together %v", alone, together)
	}
	if want := []string{"59", "40", "1"}; alone[0][:2] != want[0] || alone[1][:2] != want[1] {
		t.Errorf("records %v, want those of %v", alone, want)
	}
}

// TestDigest: it is the same in each process, and differs with every bit.
func TestDigest(t *testing.T) {
	src := netip.MustParseAddrPort("192.0.2.1:2055")
	if got := digestOf(src, []byte("the same in each process")); got != (digest128{0x92fa8ce12e632ddc, 0x90b48a4ca5f08a12}) {
		t.Errorf("%#x", got)
	}
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[digest128]string{}
	add := func(src netip.AddrPort, b []byte) {
		d := digestOf(src, b)
		text := src.String() + string(b)
		if other, found := seen[d]; found && other != text {
			t.Fatalf("%q and %q have one digest", other, text)
		}
		for i := range d { // each half alone tells them apart, too
			half := digest128{uint64(i), d[i]}
			if other, found := seen[half]; found && other != text {
				t.Fatalf("%q and %q have one half of a digest", other, text)
			}
			seen[half] = text
		}
		seen[d] = text
	}
	for size := range 130 {
		b := make([]byte, size)
		for range 2 {
			add(src, b)
			add(netip.AddrPortFrom(src.Addr(), 2056), b)
			add(netip.AddrPortFrom(ip("2001:db8::1"), 2055), b)
			for bit := range 8 * size {
				b[bit/8] ^= 1 << (bit % 8)
				add(src, b)
				b[bit/8] ^= 1 << (bit % 8)
			}
			for i := range b {
				b[i] = byte(random.Uint32())
			}
		}
	}
	for i := range uint64(100_000) {
		add(src, binary.BigEndian.AppendUint64(nil, i))
	}
}

// TestRecentBounded: a flood of streams and of exporters takes no more memory than
// one stream, and leaves each its share.
func TestRecentBounded(t *testing.T) {
	var r recent
	send := func(addr netip.Addr, domain, n uint32) digest128 {
		b := make([]byte, 28)
		binary.BigEndian.PutUint16(b, 9)
		binary.BigEndian.PutUint32(b[12:], n)
		binary.BigEndian.PutUint32(b[16:], domain)
		p := &spool.Packet{Src: netip.AddrPortFrom(addr, 2055), Payload: b}
		d := digestOf(p.Src, b)
		r.add(p, d)
		return d
	}
	flooder, honest := ip("192.0.2.66"), ip("192.0.2.1")
	var last []digest128
	for i := range uint32(4 * maxRecent) {
		send(flooder, i%3000, i)
		if i%64 == 0 {
			last = append(last, send(honest, 0, i))
		}
	}
	if len(r.seen) > maxRecent || r.shares.size != len(r.seen) {
		t.Errorf("%d remembered, %d counted", len(r.seen), r.shares.size)
	}
	for i, d := range last {
		if !r.has(d) {
			t.Fatalf("number %d of %d of the honest exporter is forgotten", i, len(last))
		}
	}
}

func TestCopiesDoNotAllocate(t *testing.T) {
	var c copies
	c.begin()
	datagrams := inSequence(40_000, at)
	i := 0
	one := func() {
		c.again(&spool.Packet{Src: gateway, Payload: datagrams[i%len(datagrams)].payload})
		i++
	}
	for range maxRecentOf + 1 {
		one()
	}
	if n := testing.AllocsPerRun(10_000, one); n != 0 {
		t.Errorf("%v allocations a datagram", n)
	}
}

func BenchmarkCopies(b *testing.B) {
	var c copies
	c.begin()
	datagrams := office(20_000, at)
	b.SetBytes(int64(len(datagrams[0].payload)))
	i := 0
	for b.Loop() {
		c.again(&spool.Packet{Src: gateway, Payload: datagrams[i%len(datagrams)].payload})
		i++
	}
}

func BenchmarkDigest(b *testing.B) {
	payload := office(1, at)[0].payload
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		digestOf(gateway, payload)
	}
}
