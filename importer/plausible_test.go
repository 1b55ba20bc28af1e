package importer

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/flow"
	"nfacct/importer/attribution"
)

func TestRate(t *testing.T) {
	for text, want := range map[string]Rate{"100G": 100e9, "2.5G": 2.5e9, "1M": 1e6, "10T": 10e12, "1000000000": 1e9, "100 G": 100e9} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%s: %d, %v", text, r, err)
		}
	}
	for _, text := range []string{"", "G", "0", "-1G", "999k", "11T", "NaNG", "InfG", "1e30G", "fast"} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, r)
		}
	}
}

// A record has at most what the port carries in its time and one active timeout.
func TestLimits(t *testing.T) {
	minute := int64(time.Minute)
	l := limitsOf(1e9, time.Minute, false)
	for _, c := range []struct {
		octets   uint64
		duration int64
		sampling uint32
		want     bool
	}{
		{7_500_000_000, 0, 0, true}, {7_500_000_001, 0, 0, false},
		{15_000_000_000, minute, 0, true}, {15_000_000_001, minute, 0, false},
		{15_000_000_001, 24 * 60 * minute, 0, false}, // the duration is the sender's word
		{7_500_000_001, -minute, 0, false},
		{100, 0, 65_536, true}, {100, 0, 65_537, false},
		{math.MaxUint64, minute, 0, false},
	} {
		r := flow.Record{Has: flow.HasBytes | flow.HasSampling, Sampling: c.sampling}
		if got := l.plausible(&r, c.octets, c.duration); got != c.want {
			t.Errorf("%d octets in %v, 1 of %d: %v", c.octets, time.Duration(c.duration), c.sampling, got)
		}
	}
	// The router states its sampling: what records say of it is not asked.
	l = limitsOf(0, 0, true)
	if !l.plausible(&flow.Record{Has: flow.HasSampling, Sampling: 1 << 31}, 22_500_000_000_000, 0) || l.plausible(&flow.Record{}, 22_500_000_000_001, 0) {
		t.Errorf("unknown router: %+v", l)
	}
	if l = limitsOf(greatestRate, 365*24*time.Hour, true); l.octets(math.MaxInt64) < l.least {
		t.Errorf("wraps: %+v", l)
	}
}

func findingOf(b *archive.Book, kind archive.FindingKind) (f archive.Finding) {
	for _, f := range b.Findings {
		if f.Kind == kind {
			return f
		}
	}
	return f
}

// Fewer than 20 octets a packet: a counter of four bytes began anew, and both stay;
// of eight, the packets are wrong.
func TestThinRecords(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	im := newImporter(t, "", v5Office())
	for _, c := range []struct {
		name           string
		has            flow.Fields
		bytes, packets uint64
		wantPackets    uint64
		kind           archive.FindingKind
	}{
		{"honest", 0, 2000, 100, 100, ""},
		{"narrow", flow.NarrowBytes, 1999, 100_000, 100_000, archive.FoundWrapped},
		{"narrow, and too few packets for 4 GiB", flow.NarrowBytes, 1999, 100, 100, ""},
		{"wide", 0, 1999, 100, 99, archive.FoundPackets},
		{"one packet", 0, 7, 1, 1, ""},
		{"a few octets", 0, 7, 5, 1, archive.FoundPackets},
		{"impossible", 0, 100, 1 << 63, 5, archive.FoundPackets},
		{"impossible, narrow", flow.NarrowBytes, 100, 1 << 63, 2 * math.MaxUint32, archive.FoundWrapped},
		{"as many as two rows have room for", 0, 20 * 2 * math.MaxUint32, 2 * math.MaxUint32, 2 * math.MaxUint32, ""},
		{"more", 0, 1e13, 1e13 / 20, 2 * math.MaxUint32, archive.FoundPackets},
	} {
		r := upload(at, at.Add(time.Minute), c.bytes, c.packets)
		r.Has |= c.has
		rows, books := account(im, anyDay, r)
		if len(rows) != 1 || rows[0].UpBytes != c.bytes || rows[0].UpPackets != c.wantPackets || books[0].Check() != nil {
			t.Errorf("%s: %+v, %v", c.name, rows, books[0].Check())
		}
		if len(books[0].Findings) > 1 || c.kind != "" && findingOf(&books[0], c.kind).Records != 1 || c.kind == "" && books[0].Findings != nil {
			t.Errorf("%s: found %+v", c.name, books[0].Findings)
		}
	}
	// A record without octets keeps its packets.
	r := upload(at, at, 0, 1000)
	r.Has &^= flow.HasBytes
	if rows, books := account(im, anyDay, r); rows[0].UpPackets != 1000 || books[0].Findings != nil {
		t.Errorf("without octets: %+v, %+v", rows, books[0].Findings)
	}
}

// Records that cannot be are a class of their own, as exported, and no rows.
func TestImplausible(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	router := v5Office()
	router.PortRate, router.ActiveTimeout = 1e9, time.Minute
	im := newImporter(t, "", router)
	honest := upload(at, at, 123_456, 99)
	huge := upload(at, at, math.MaxUint64-5, 7)
	huge.Exporter = gateway.Addr()
	sampled := upload(at, at, 1<<20, 1<<10)
	sampled.Has, sampled.Sampling = sampled.Has|flow.HasSampling, 10_000
	rows, books := account(im, anyDay, huge, honest, huge, sampled)
	if len(rows) != 1 || rows[0].UpBytes != 123_456 || len(books) != 1 {
		t.Fatalf("%+v", rows)
	}
	b := &books[0]
	if b.Check() != nil || b.Records != 4 || b.Classes.Implausible != (archive.Counts{Records: 3, Bytes: math.MaxUint64}) || b.Classes.Up.Records != 1 {
		t.Errorf("%v: %+v", b.Check(), b.Classes)
	}
	f := findingOf(b, archive.FoundImplausible)
	if len(b.Findings) != 2 || b.Findings[1].Exporter != gateway.Addr().String() || b.Findings[1].Records != 2 ||
		b.Findings[1].Example != "2026-11-23T12:00:15Z 192.168.0.5:50000 > 198.51.100.9:443 protocol 6: 18446744073709551610 octets, 7 packets" ||
		f.Exporter != "" || f.Records != 1 {
		t.Errorf("%+v", b.Findings)
	}
	if b.Rules[attribution.Inside.String()] != (archive.Counts{Records: 1, Bytes: 123_456}) || len(b.Rules) != 1 {
		t.Errorf("rules: %+v", b.Rules)
	}
	// In a time in which the router sampled 1 of 10,000 as it said itself, all the more.
	router.Sampling = 10_000
	router.PortRate = 0
	if _, books = account(newImporter(t, "", router), anyDay, sampled); books[0].Classes.Implausible.Records != 0 || books[0].Bytes != 10_000<<20 {
		t.Errorf("stated: %+v", books)
	}
}

// A record that ends with the day is the day's: bytes, packets and the record.
func TestEndsAtMidnight(t *testing.T) {
	midnight := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	im := newImporter(t, "", v5Office())
	for _, length := range []time.Duration{0, time.Second, 20 * time.Minute} {
		rows, books := account(im, anyDay, upload(midnight.Add(-length), midnight, 1000, 7))
		if len(rows) != 1 || len(books) != 1 {
			t.Fatalf("%v: %+v", length, rows)
		}
		if r := rows[0]; r.Day != (archive.Day{Year: 2026, Month: 11, Day: 23}) || r.Slot != 95 || r.Flows != 1 || r.UpBytes != 1000 || r.UpPackets != 7 {
			t.Errorf("%v: %+v", length, r)
		}
		if b := books[0]; b.Records != 1 || b.Bytes != 1000 || b.Check() != nil {
			t.Errorf("%v: %+v", length, b)
		}
	}
}

// The hostile exports of issue 18: nothing of them is a row beyond what can be, and
// it takes no time.
func TestImpossible(t *testing.T) {
	for _, c := range []struct {
		mode        string
		implausible archive.Counts
		rows        int
		kind        archive.FindingKind
	}{
		{"impossible-packets", archive.Counts{}, 2, archive.FoundPackets},
		{"impossible-octets", archive.Counts{Records: 8, Bytes: math.MaxUint64}, 1, archive.FoundImplausible},
		{"impossible-sampling", archive.Counts{Records: 600, Bytes: 600 * math.MaxUint32}, 1, archive.FoundImplausible},
	} {
		t.Run(c.mode, func(t *testing.T) {
			path := attack(t, 1, c.mode)
			begin := time.Now()
			var l ledger
			s := load(t, newImporter(t, "", hostileOffice()), &l, anyDay, path)
			if took := time.Since(begin); took > time.Second {
				t.Errorf("took %v", took)
			}
			honest(t, l.rows)
			if s.Failed != 0 || len(s.Books) != 1 || len(l.rows) != c.rows {
				t.Fatalf("%+v, %d rows", s, len(l.rows))
			}
			b := &s.Books[0]
			if b.Check() != nil || b.Classes.Implausible != c.implausible || findingOf(b, c.kind).Exporter != gateway.Addr().String() || findingOf(b, c.kind).Example == "" {
				t.Errorf("%v: %+v, %+v", b.Check(), b.Classes, b.Findings)
			}
			for _, r := range l.rows {
				if r.Host == ip("192.168.1.5") && (r.UpBytes != 100 || r.UpPackets != 5) {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

// What is accounted does not allocate, be it implausible or thin.
func TestImplausibleAllocatesNothing(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	im := newImporter(t, "", v5Office())
	a := newAccountant(newCalendar(im.loc), im.routers, im.rules, anyDay)
	a.table = newTable()
	in := new(input)
	records := []*flow.Record{upload(at, at, 123_456, 99), upload(at, at, math.MaxUint64, 7), upload(at, at, 100, 1<<63)}
	all := func() {
		for _, r := range records {
			if err := a.record(t.Context(), in, 0, r); err != nil {
				t.Error(err)
			}
		}
	}
	all()
	if n := testing.AllocsPerRun(100, all); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// No sum wraps.
func TestCountsSaturate(t *testing.T) {
	c := counts{1, math.MaxUint64 - 1}
	c.add(5, 2)
	if c != (counts{6, math.MaxUint64}) {
		t.Errorf("%+v", c)
	}
	b := biflow{upBytes: math.MaxUint64 - 1, upPackets: math.MaxUint64, downBytes: 1, flows: math.MaxUint32}
	b.merge(&piece{class: attribution.Up, bytes: 9, packets: 9, flows: 1})
	if b.upBytes != math.MaxUint64 || b.upPackets != math.MaxUint64 || b.downBytes != 1 || b.flows != math.MaxUint32 {
		t.Errorf("%+v", b)
	}
}

// Exporters beyond those that there is room for add up.
func TestOdditiesBeyond(t *testing.T) {
	var tally tally
	for n := range 300 {
		tally.oddity(archive.FoundClock, netip.AddrFrom4([4]byte{192, 0, byte(n >> 8), byte(n)}), "").add(1, 10)
		tally.oddity(archive.FoundShared, netip.AddrFrom4([4]byte{192, 0, byte(n >> 8), byte(n)}), "").add(1, 0)
	}
	var records uint64
	for _, f := range tally.findings(nil) {
		records += f.Records
	}
	if len(tally.found) != mostOddities+2 || records != 600 {
		t.Errorf("%d found of %d records", len(tally.found), records)
	}
}
