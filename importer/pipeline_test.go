package importer

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/flow"
	"nfacct/importer/attribution"
	"nfacct/importer/rules"
)

func TestFlowTools(t *testing.T) {
	im := newImporter(t, "", Router{Name: "lo", Export: []netip.Addr{ip("127.0.0.1")}, Router: v5Office().Router})
	var l ledger
	s := load(t, im, &l, anyDay, filepath.Join("testdata", "flow-tools"))
	if s.Loaded != 2 || s.Records != 132 || s.Failed != 0 || len(s.Unknown) != 0 {
		t.Errorf("summary: %+v", s)
	}
	if s = load(t, im, &l, anyDay, filepath.Join("testdata", "flow-tools")); s.Loaded != 0 || s.Known != 2 {
		t.Errorf("the second time: %+v", s)
	}
}

func TestUnknownExporter(t *testing.T) {
	folder := t.TempDir()
	spoolFile(t, folder, at, sent{at, payload(t, "netflow5_test_microtik.dat")})
	other := v5Office()
	other.Export = []netip.Addr{ip("192.0.2.77")}
	s := preview(t, newImporter(t, folder, other))
	if s.Unknown["192.0.2.1"] != 1 || s.Records != 0 || len(s.Books) != 0 {
		t.Errorf("summary: %+v", s)
	}
	// It is not loaded, so that it can be once its router is configured.
	var l ledger
	if s = load(t, newImporter(t, folder, other), &l, anyDay); s.Failed != 1 || s.Loaded != 0 || s.Unknown["192.0.2.1"] != 1 {
		t.Errorf("summary: %+v", s)
	}
	if s = load(t, newImporter(t, folder, v5Office()), &l, anyDay); s.Loaded != 1 || s.Records != 30 {
		t.Errorf("with the router: %+v", s)
	}
}

func TestPreviewCountsRules(t *testing.T) {
	folder := t.TempDir()
	spoolFile(t, folder, at, sent{at, payload(t, "netflow5_test_microtik.dat")})
	im := newImporter(t, folder, v5Office())
	im.rules = rules.Effective([]rules.Rule{{Name: "web", PeerPort: rules.Ports{{First: 80, Last: 80}}}})
	s := preview(t, im)
	b := s.Books[0]
	if err := b.Check(); err != nil {
		t.Error(err)
	}
	if got := b.Excluded["web"].Records; got != 10 || b.Loaded.Records != 18 || b.Loaded.Rows != 0 {
		t.Errorf("left out %d, loaded %+v", got, b.Loaded)
	}
}

func TestDuplicate(t *testing.T) {
	folder := t.TempDir()
	one := payload(t, "netflow5_test_microtik.dat")
	spoolFile(t, folder, at, sent{at, one}, sent{at.Add(time.Second), one})
	s := preview(t, newImporter(t, folder, v5Office()))
	if b := s.Books[0]; b.Records != 30 || b.Datagrams != 2 || b.Rejected["duplicate"] != 1 {
		t.Errorf("book: %+v", b)
	}
}

// TestLookAhead finds the template of a file's data in the next file.
func TestLookAhead(t *testing.T) {
	four := sent{at.Add(time.Second), payload(t, "ipfix_test_mikrotik_data258.dat")}
	tests := []struct {
		name    string
		after   time.Duration
		records uint64
		missing uint64
	}{
		{"next quarter-hour", 15 * time.Minute, 28, 0},
		{"two hours on", 2 * time.Hour, 28, 0},
		{"too late", 2*time.Hour + 15*time.Minute, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			start := at.Truncate(15 * time.Minute)
			spoolFile(t, folder, start, four)
			spoolFile(t, folder, start.Add(tt.after), sent{at.Add(tt.after), payload(t, "ipfix_test_mikrotik_tpl.dat")})
			var l ledger
			s := load(t, newImporter(t, folder, ipfixOffice()), &l, anyDay)
			if b := s.Books[0]; b.Records != tt.records || b.NoTemplate != tt.missing {
				t.Errorf("%d records, %d sets without template", b.Records, b.NoTemplate)
			}
		})
	}
}

// TestFailures lets each step fail once: the file is undone and the others go on.
func TestFailures(t *testing.T) {
	for _, step := range []string{"begin", "append", "commit"} {
		t.Run(step, func(t *testing.T) {
			folder := t.TempDir()
			one := payload(t, "netflow5_test_microtik.dat")
			start := at.Truncate(15 * time.Minute)
			spoolFile(t, folder, start, sent{at, one})
			other := slices.Clone(one)
			other[19] += 30 // its number in the sequence
			spoolFile(t, folder, start.Add(15*time.Minute), sent{at.Add(15 * time.Minute), other})
			im := newImporter(t, folder, v5Office())
			l := ledger{fail: step}
			s := load(t, im, &l, anyDay)
			if s.Failed != 2 || s.Loaded != 0 || len(l.rows) != 0 {
				t.Fatalf("summary: %+v, %d rows", s, len(l.rows))
			}
			want := 0
			if step != "begin" {
				want = 2
			}
			if got := strings.Count(strings.Join(l.log, " "), "abort"); got != want {
				t.Errorf("%d undone, want %d: %v", got, want, l.log)
			}
			l.fail = ""
			if s = load(t, im, &l, anyDay); s.Failed != 0 || s.Loaded != 2 {
				t.Errorf("the next time: %+v", s)
			}
		})
	}
	t.Run("decode", func(t *testing.T) {
		folder := t.TempDir()
		spoolFile(t, folder, at, sent{at, payload(t, "netflow5_test_microtik.dat")})
		im := newImporter(t, folder, v5Office())
		var l ledger
		b := im.build(Options{})
		inputs, err := fromSpool(folder)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append([]input{{path: "/nonexistent", name: "gone"}}, inputs...)
		if err := b.run(context.Background(), inputs, &l, anyDay); err != nil {
			t.Fatal(err)
		}
		s, err := b.finish(nil)
		if s.Failed != 1 || s.Loaded != 1 || err == nil || !strings.Contains(err.Error(), "gone") {
			t.Errorf("summary %+v, error %v", s, err)
		}
	})
}

func TestStopped(t *testing.T) {
	folder := t.TempDir()
	spoolFile(t, folder, at, sent{at, payload(t, "netflow5_test_microtik.dat")})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := newImporter(t, folder, v5Office()).Preview(ctx, nil, archive.Day{}, Options{}); err == nil {
		t.Error("a stopped import reported success")
	}
}

// accounted gives the rows and books of records of one router.
func account(im *Importer, only date, records ...*flow.Record) ([]archive.Row, []archive.Book) {
	a := newAccountant(newCalendar(im.loc), im.routers, im.rules, only)
	a.table = newTable()
	for _, r := range records {
		if err := a.record(context.Background(), new(input), 0, r); err != nil {
			panic(err)
		}
	}
	var rows []archive.Row
	_ = a.table.rows(nil, func(r *archive.Row) error { rows = append(rows, *r); return nil })
	var books []archive.Book
	for p, t := range a.books.all {
		books = append(books, im.book(p, t))
	}
	return rows, books
}

func upload(start, end time.Time, bytes, packets uint64) *flow.Record {
	return &flow.Record{
		Has: flow.HasBytes | flow.HasPackets | flow.HasInIf | flow.HasOutIf | flow.HasProto | flow.HasSrcPort | flow.HasDstPort,
		Src: ip("192.168.0.5"), Dst: ip("198.51.100.9"), SrcPort: 50000, DstPort: 443, Proto: 6, InIf: 2, OutIf: 13,
		Start: start.UnixNano(), End: end.UnixNano(), Received: end.Add(15 * time.Second).UnixNano(),
		Bytes: bytes, Packets: packets,
	}
}

// TestMidnight divides a record at the midnight of a month's end, exactly.
func TestMidnight(t *testing.T) {
	im := newImporter(t, "", v5Office())
	im.loc = zone(t, "Europe/Berlin")
	midnight := time.Date(2026, 11, 1, 0, 0, 0, 0, im.loc)
	r := upload(midnight.Add(-20*time.Minute), midnight.Add(10*time.Minute), 1001, 7)
	rows, books := account(im, anyDay, r)
	if len(rows) != 2 || len(books) != 2 {
		t.Fatalf("%d rows, %d books", len(rows), len(books))
	}
	after, before := rows[0], rows[1]
	oct, nov := archive.Day{Year: 2026, Month: 10, Day: 31}, archive.Day{Year: 2026, Month: 11, Day: 1}
	if before.Day != oct || before.Slot != 95 || before.UpBytes != 667 || before.UpPackets != 4 || before.Flows != 0 || before.First != -300 || before.Duration != 1200 {
		t.Errorf("before midnight: %+v", before)
	}
	if after.Day != nov || after.Slot != 0 || after.UpBytes != 334 || after.UpPackets != 3 || after.Flows != 1 || after.First != 0 || after.Duration != 600 {
		t.Errorf("after midnight: %+v", after)
	}
	for _, b := range books {
		if err := b.Check(); err != nil {
			t.Error(err)
		}
	}
	if rows, books = account(im, dateOf(oct), r); len(rows) != 1 || rows[0].Day != oct || len(books) != 1 {
		t.Errorf("only October: %+v, %+v", rows, books)
	}
}

// TestConserved throws records of random times, directions and addresses at the
// accountant: nothing may be lost or counted twice.
func TestConserved(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	im := newImporter(t, "", v5Office())
	im.loc = zone(t, "Europe/Berlin")
	base := time.Date(2026, 10, 24, 20, 0, 0, 0, time.UTC)
	for range 50 {
		var records []*flow.Record
		var bytes, packets, count uint64
		for range 500 {
			end := base.Add(time.Duration(random.Int64N(int64(60 * time.Hour))))
			r := upload(end.Add(-time.Duration(random.Int64N(int64(26*time.Hour)))), end, random.Uint64N(1<<40), random.Uint64N(1<<30))
			r.Packets = min(r.Packets, r.Bytes/leastPacket)
			r.Src = netip.AddrFrom4([4]byte{192, 168, 0, byte(random.IntN(4))})
			r.SrcPort = uint16(random.IntN(3))
			if random.IntN(2) == 0 {
				r.Src, r.Dst, r.SrcPort, r.DstPort, r.InIf, r.OutIf = r.Dst, r.Src, r.DstPort, r.SrcPort, r.OutIf, r.InIf
			}
			records = append(records, r)
			bytes, packets, count = bytes+r.Bytes, packets+r.Packets, count+1
		}
		rows, books := account(im, anyDay, records...)
		var b, p, n uint64
		seen := map[archive.Row]bool{}
		for _, r := range rows {
			b, p, n = b+r.UpBytes+r.DownBytes, p+r.UpPackets+r.DownPackets, n+r.Flows
			k := archive.Row{Day: r.Day, Slot: r.Slot, Host: r.Host, Peer: r.Peer, HostPort: r.HostPort, PeerPort: r.PeerPort, Proto: r.Proto}
			if seen[k] {
				t.Fatalf("two rows of one biflow: %+v", r)
			}
			seen[k] = true
		}
		for _, book := range books {
			if err := book.Check(); err != nil {
				t.Fatal(err)
			}
			b, n = b+book.Excluded["broadcast"].Bytes, n+book.Excluded["broadcast"].Records
		}
		if b != bytes || p != packets || n != count {
			t.Fatalf("%d bytes, %d packets, %d records became %d, %d, %d", bytes, packets, count, b, p, n)
		}
	}
}

func TestAccountingDoesNotAllocate(t *testing.T) {
	im := newImporter(t, "", v5Office())
	a := newAccountant(newCalendar(time.UTC), im.routers, im.rules, anyDay)
	a.table = newTable()
	r := upload(at, at.Add(time.Second), 1000, 3)
	_ = a.record(context.Background(), new(input), 0, r)
	if n := testing.AllocsPerRun(1000, func() { _ = a.record(context.Background(), new(input), 0, r) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func BenchmarkAccount(b *testing.B) {
	im := newImporter(b, "", v5Office())
	random := rand.New(rand.NewPCG(5, 6))
	records := make([]*flow.Record, 1<<16)
	for i := range records {
		r := upload(at, at.Add(time.Duration(random.Int64N(int64(time.Second)))), 1000, 3)
		r.Src = netip.AddrFrom4([4]byte{192, 168, 0, byte(random.IntN(200) + 1)})
		r.Dst = netip.AddrFrom4([4]byte{198, byte(random.IntN(256)), byte(random.IntN(256)), 9})
		r.SrcPort = uint16(random.IntN(60000))
		if i%2 == 1 {
			*r = *records[i-1]
			r.Src, r.Dst, r.SrcPort, r.DstPort, r.InIf, r.OutIf = r.Dst, r.Src, r.DstPort, r.SrcPort, r.OutIf, r.InIf
		}
		records[i] = r
	}
	a := newAccountant(newCalendar(time.UTC), im.routers, im.rules, anyDay)
	a.table = newTable()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		_ = a.record(context.Background(), new(input), 0, records[i%len(records)])
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// fullTable is a table of some biflows of as many peers, host by host.
func fullTable(n int) *table {
	random := rand.New(rand.NewPCG(5, 6))
	t := newTable()
	for t.n < n {
		t.add(&piece{day: 20000, class: attribution.Up, host: netip.AddrFrom4([4]byte{192, 168, byte(random.IntN(4)), byte(random.IntN(250))}),
			peer: netip.AddrFrom4([4]byte{198, byte(random.IntN(256)), byte(random.IntN(256)), 9}), hostPort: uint16(t.n), bytes: 100, packets: 2, flows: 1})
	}
	return t
}

// TestRowsOfTable: every biflow goes out once, in the order of hosts or as it came,
// whatever their number, and without allocations for each.
func TestRowsOfTable(t *testing.T) {
	for _, n := range []int{0, 1, gathered - 1, gathered, gathered + 1, 1000} {
		table := fullTable(n)
		for _, sorted := range []bool{false, true} {
			if sorted {
				table.sort()
			}
			seen := map[archive.Row]bool{}
			last := netip.Addr{}
			if err := table.rows(nil, func(r *archive.Row) error {
				if sorted && r.Host.Less(last) {
					t.Errorf("%v after %v", r.Host, last)
				}
				seen[*r], last = true, r.Host
				return nil
			}); err != nil || len(seen) != n {
				t.Errorf("%d rows of %d, sorted %v: %v", len(seen), n, sorted, err)
			}
		}
	}
	table := fullTable(1000)
	table.sort()
	take := func(*archive.Row) error { return nil }
	if n := testing.AllocsPerRun(10, func() { _ = table.rows(nil, take) }); n > 1 {
		t.Errorf("%v allocations for 1000 rows", n)
	}
}

// BenchmarkRows is the way of biflows out of a table of 300,000, sorted.
func BenchmarkRows(b *testing.B) {
	table := fullTable(300_000)
	table.sort()
	var sum uint64
	for b.Loop() {
		_ = table.rows(nil, func(r *archive.Row) error { sum += r.UpBytes; return nil })
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/300_000, "ns/row")
}

// TestNoFile: what has no end is refused, and reading a file can be stopped.
func TestNoFile(t *testing.T) {
	inputs, err := given([]string{os.DevNull, "/nonexistent"}, "")
	if err != nil || len(inputs) != 2 || inputs[0].err == nil || !strings.Contains(inputs[0].err.Error(), "neither a file nor a folder") || !errors.Is(inputs[1].err, fs.ErrNotExist) {
		t.Errorf("%+v %v", inputs, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := digest(ctx, "/dev/zero"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
