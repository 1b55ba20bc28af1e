package importer

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
)

// Two senders behind one address and port, each with numbers of its own: the books
// say that loss is not known, and not that nearly everything is lost.
func TestSharedAddress(t *testing.T) {
	be := binary.BigEndian
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	var packets []spool.Packet
	for n := range 400 {
		sequence := uint32(n / 2)
		if n%2 == 1 {
			sequence += 3_000_000
		}
		when := at.Add(time.Duration(n) * time.Second)
		p := timedV9(when, 0, int(sequence), uint16(1000+n), uint32(10_000+n))
		be.PutUint32(p.Payload[12:], sequence)
		packets = append(packets, p)
	}
	var l ledger
	s := load(t, newImporter(t, "", hostileOffice()), &l, anyDay, pcapOf(t, packets))
	if len(s.Books) != 1 {
		t.Fatalf("%+v", s.Books)
	}
	b := &s.Books[0]
	if found := findingOf(b, archive.FoundShared); found.Records == 0 || found.Exporter != gateway.Addr().String() {
		t.Errorf("%+v", b.Findings)
	}
	if b.LostRecords > b.Records/10 {
		t.Errorf("%d of %d records are called lost", b.LostRecords, b.Records)
	}
}

// A template that came from another port of the exporter reads its data, and the books
// say so (RFC 3954, section 5.1).
func TestBorrowedTemplate(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	first := timedV9(at, 0, 0, 1000, 5000)
	// The second is of another port and has no template: header, then its data set.
	second := timedV9(at.Add(time.Second), 0, 0, 1001, 6000)
	set := 4 + 4 + 4*len(timedLayout)
	second.Payload = append(second.Payload[:20:20], second.Payload[20+set:]...)
	second.Src = netip.AddrPortFrom(second.Src.Addr(), 4000)
	var l ledger
	s := load(t, newImporter(t, "", hostileOffice()), &l, anyDay, pcapOf(t, []spool.Packet{first, second}))
	b := &s.Books[0]
	if b.Records != 2 || b.NoTemplate != 0 {
		t.Fatalf("%+v", b)
	}
	if found := findingOf(b, archive.FoundBorrowed); found.Records != 1 {
		t.Errorf("%+v", b.Findings)
	}
}

// RouterOS 6.49 writes a sampling interval with its bytes swapped (fastnetmon issue
// 985): without facts the smaller reading is taken and said, and a router whose
// sampling is stated is not asked. The capture is that of the decoder's case.
func TestAmbiguousSampling(t *testing.T) {
	for _, stated := range []float64{0, 65536} {
		office := hostileOffice()
		office.Sampling = stated
		at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
		p := sampledV9(at, 0x00010000, 1500)
		var l ledger
		s := load(t, newImporter(t, "", office), &l, anyDay, pcapOf(t, []spool.Packet{p}))
		b := &s.Books[0]
		found := findingOf(b, archive.FoundSampling)
		want := uint64(1500 * 256)
		if stated > 0 {
			want = uint64(1500 * stated)
		}
		if b.Bytes != want || (found.Records == 1) != (stated == 0) || stated == 0 && !strings.Contains(found.Example, "octets") {
			t.Errorf("stated %g: %d bytes, want %d; %+v", stated, b.Bytes, want, b.Findings)
		}
	}
}

// sampledV9 is a v9 datagram of one record that carries element 34.
func sampledV9(at time.Time, interval, octets uint32) spool.Packet {
	be := binary.BigEndian
	layoutOf := [][2]uint16{{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {1, 4}, {2, 4}, {34, 4}}
	b := be.AppendUint16(nil, 9)
	b = be.AppendUint16(b, 2)
	for _, n := range []uint32{1_000_000, uint32(at.Unix()), 0, 7} {
		b = be.AppendUint32(b, n)
	}
	b = append(b, dataSet(0, layout(256, layoutOf...))...)
	r := append(honestHost.AsSlice(), 198, 51, 100, 9)
	r = be.AppendUint16(r, 50000)
	r = be.AppendUint16(r, 443)
	r = append(r, 6)
	for _, n := range []uint32{octets, 1, interval} {
		r = be.AppendUint32(r, n)
	}
	b = append(b, dataSet(256, r)...)
	return spool.Packet{Received: at.UnixNano(), Src: netip.AddrPortFrom(gateway.Addr(), 2055), Dst: ours, Payload: b}
}
