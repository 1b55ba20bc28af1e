package importer

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/flow"
	"nfacct/collector/spool"
)

// timedV5 is the record of timedV9 in version 5.
func timedV5(at time.Time, sequence int, port uint16, octets uint32) spool.Packet {
	be := binary.BigEndian
	const uptime = 1_000_000
	b := be.AppendUint16(nil, 5)
	b = be.AppendUint16(b, 1)
	for _, n := range []uint32{uptime, uint32(at.Unix()), 0, uint32(sequence), 0} {
		b = be.AppendUint32(b, n)
	}
	r := make([]byte, 48)
	copy(r, honestHost.AsSlice())
	copy(r[4:], []byte{198, 51, 100, 9})
	be.PutUint32(r[16:], octets/100)
	be.PutUint32(r[20:], octets)
	be.PutUint32(r[24:], uptime-75_000)
	be.PutUint32(r[28:], uptime-15_000)
	be.PutUint16(r[32:], port)
	be.PutUint16(r[34:], 443)
	r[38] = 6
	return spool.Packet{Received: at.UnixNano(), Src: netip.AddrPortFrom(gateway.Addr(), 2056), Dst: ours, Payload: append(b, r...)}
}

// TestTwoTargets: a router that sends its flows by version 9 and 5 is accounted once,
// by version 9 whichever comes first, and by 5 what only that has. The books say which
// target to remove.
func TestTwoTargets(t *testing.T) {
	const records = 40
	flows := func(nine, five func(n int) time.Duration) (packets []spool.Packet) {
		for n := range records {
			sent := at.Add(time.Duration(n) * 10 * time.Second)
			if d := nine(n); d >= 0 {
				packets = append(packets, timedV9(sent.Add(d), 0, n, uint16(1000+n), uint32(10_000+n)))
			}
			if d := five(n); d >= 0 {
				packets = append(packets, timedV5(sent.Add(d), n, uint16(1000+n), uint32(10_000+n)))
			}
		}
		slices.SortStableFunc(packets, func(a, b spool.Packet) int { return int(a.Received - b.Received) })
		return packets
	}
	always := func(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }
	half := func(n int) time.Duration { // sent for the second half of the time
		if n < records/2 {
			return -1
		}
		return 0
	}
	nine, five := "version 9 to "+ours.String()+" (from port 2055)", "version 5 to "+ours.String()+" (from port 2056)"
	for _, c := range []struct {
		name    string
		packets []spool.Packet
		version flow.Version
		left    uint64
		target  string
	}{
		{"9 first", flows(always(0), always(time.Millisecond)), 0, records, five},
		{"5 first", flows(always(time.Second), always(0)), 0, records, five},
		{"5 is configured", flows(always(0), always(time.Second)), flow.V5, records, nine},
		{"9 for half the time", flows(half, always(0)), 0, records / 2, five},
		{"5 for half the time", flows(always(0), half), 0, records / 2, five},
		{"9 alone", flows(always(0), always(-1)), 0, 0, ""},
	} {
		office := hostileOffice()
		office.Version = c.version
		var l ledger
		s := load(t, newImporter(t, "", office), &l, anyDay, pcapOf(t, c.packets))
		b := &s.Books[0]
		f := findingOf(b, archive.FoundRepeated)
		if b.Records != records || b.Classes.Up.Bytes != 40*10_000+39*40/2 || b.Check() != nil || f.Records != c.left || f.Example != c.target {
			t.Errorf("%s: %d records, %+v, found %+v", c.name, b.Records, b.Classes.Up, b.Findings)
		}
	}
}

// TestNoRepetition: what a second stream has of its own counts: other flows, flows of
// other counters, and the same ones at another time.
func TestNoRepetition(t *testing.T) {
	var packets []spool.Packet
	for n := range 10 {
		sent := at.Add(time.Duration(n) * 10 * time.Second)
		packets = append(packets, timedV9(sent, 0, n, uint16(1000+n), 10_000),
			timedV5(sent, 3*n, uint16(2000+n), 10_000), timedV5(sent, 3*n+1, uint16(1000+n), 20_000), timedV5(sent.Add(10*time.Minute), 3*n+2, uint16(1000+n), 10_000))
	}
	slices.SortStableFunc(packets, func(a, b spool.Packet) int { return int(a.Received - b.Received) })
	var l ledger
	s := load(t, newImporter(t, "", hostileOffice()), &l, anyDay, pcapOf(t, packets))
	if b := &s.Books[0]; b.Records != 40 || findingOf(b, archive.FoundRepeated).Records != 0 {
		t.Errorf("%d records, %+v", b.Records, b.Findings)
	}
}

// Copies on both sides of a border of two files are known, whichever is imported alone;
// a second stream that begins late in a file is too.
func TestRepeatedAtBorder(t *testing.T) {
	folder := t.TempDir()
	border := at.Truncate(15 * time.Minute).Add(15 * time.Minute)
	var sides [2][]sent
	for n := range 20 {
		five := timedV5(border.Add(time.Duration(n-20)*20*time.Millisecond), n, uint16(1000+n), 10_000)
		sides[0] = append(sides[0], sent{time.Unix(0, five.Received), five.Payload})
		nine := timedV9(border.Add(time.Duration(n)*20*time.Millisecond), 0, n, uint16(1000+n), 10_000)
		sides[1] = append(sides[1], sent{time.Unix(0, nine.Received), nine.Payload})
	}
	// The streams of spoolFile come from one port: they differ by version.
	spoolFile(t, folder, border.Add(-15*time.Minute), append([]sent{{border.Add(-10 * time.Minute), timedV9(border.Add(-10*time.Minute), 0, 0, 99, 10_000).Payload}}, sides[0]...)...)
	spoolFile(t, folder, border, sides[1]...)
	var l ledger
	load(t, newImporter(t, folder, hostileOffice()), &l, anyDay)
	var flows uint64
	for _, r := range l.rows {
		flows += r.Flows
	}
	if flows != 21 {
		t.Errorf("%d flows, want 21", flows)
	}
}

// A router with more streams than are known has its records accounted, and the books
// say that not all were compared.
func TestUncompared(t *testing.T) {
	var packets []spool.Packet
	for n := range maxExported + 3 {
		p := timedV5(at.Add(time.Duration(n)*time.Millisecond), 0, uint16(n), 10_000)
		p.Payload[20], p.Payload[21] = byte(n>>8), byte(n) // engine type and id: a stream each
		packets = append(packets, p)
	}
	var l ledger
	s := load(t, newImporter(t, "", hostileOffice()), &l, anyDay, pcapOf(t, packets))
	b := &s.Books[0]
	if f := findingOf(b, archive.FoundUncompared); b.Records != maxExported+3 || f.Records < 3 || f.Bytes != f.Records*10_000 || f.Exporter != gateway.Addr().String() {
		t.Errorf("%d records, found %+v", b.Records, b.Findings)
	}
	if f := findingOf(b, archive.FoundRepeated); f.Records != 0 {
		t.Errorf("%+v", f)
	}
}

func BenchmarkSight(b *testing.B) {
	r := flow.Record{Src: honestHost, Dst: ip("198.51.100.9"), Proto: 6}
	for range b.N {
		sightOf(1, &r, 0)
	}
}
