package migrate

import (
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nfacct/archive"
	"nfacct/importer/migrate/migratetest"
)

type row = migratetest.Row

// line is a row of 2018, by the columns of flow-print's lines.
func line(src, srcPort, dst, dstPort, proto, packets, bytes, date, time any) row {
	return row{Src: src, SrcPort: srcPort, Dst: dst, DstPort: dstPort, Proto: proto, Packets: packets, Bytes: bytes, Date: date, Time: time}
}

// defects are rows with all that is wrong with the tables of 2018, and what each
// of them is taken for. 05-05-2018 was a Saturday.
var defects = []struct {
	about string
	row   row
	want  string // the row of the month table without what all have in common, or a class, or a reason
}{
	{"an upload", line("192.168.0.7", 50000, "198.51.100.1", 443, 6, 10, 1000, "05-05-2018", "10:15"), "2018-05-05 41 192.168.0.7 50000 198.51.100.1 443 6 10 10 1000 700 2"},
	{"its answer, in the same row", line("198.51.100.1", 443, "192.168.0.7", 50000, 6, 10, 700, "05-05-2018", "10:15"), ""},
	{"a .255 that is no broadcast", line("198.51.100.2", 80, "192.168.255.7", 50001, 6, 3, 300, "05-05-2018", "00:00"), "2018-05-05 0 192.168.255.7 50001 198.51.100.2 80 6 0 3 0 300 1"},
	{"no broadcast of 255, but of /16", line("192.168.0.9", 138, "192.168.255.255", 138, 17, 1, 229, "05-05-2018", "23:45"), "internal"},
	{"DNS over TCP", line("192.168.0.7", 50002, "198.51.100.53", 53, 6, 5, 500, "05-05-2018", "12:00"), "excluded dns"},
	{"the proxy of today", line("192.168.0.20", 50002, "198.51.100.53", 443, 6, 5, 501, "05-05-2018", "12:00"), "excluded proxy"},
	{"a download for nobody", line("198.51.100.3", 443, "203.0.113.5", 50003, 6, 7, 7000, "05-05-2018", "12:00"), "unattributed"},
	{"its upload says nothing, since order is not known", line("192.168.0.8", 50003, "198.51.100.3", 443, 6, 7, 70, "05-05-2018", "12:00"), "2018-05-05 48 192.168.0.8 50003 198.51.100.3 443 6 7 0 70 0 1"},
	{"transit cannot be told", line("198.51.100.3", 443, "198.51.100.4", 50003, 6, 7, 7, "05-05-2018", "12:00"), "unattributed"},
	{"the router itself", line("192.168.0.9", 1, "192.168.0.1", 8291, 6, 7, 77, "05-05-2018", "12:00"), "router_local"},
	{"a blank line of flow-print", line(nil, nil, nil, nil, "0", "0", "0", "05-05-2018", "12:00"), "no address"},
	{"the same, as some servers have it", line("", "", nil, nil, "0", 0, 0, "05-05-2018", "12:00"), "no address"},
	{"what is no ASCII", line("\xd0\xb1\xff", "\\", "192.168.0.7", ",", "0", 1, 2, "05-05-2018", "12:00"), "no address"},
	{"a name for an address", line("bank.example", 443, "192.168.0.7", 50000, 6, 10, 700, "05-05-2018", "10:15"), "no address"},
	{"no bytes", line("198.51.100.1", 443, "192.168.0.7", 50000, 6, 10, nil, "05-05-2018", "10:15"), "no counters"},
	{"negative bytes", line("198.51.100.1", 443, "192.168.0.7", 50000, 6, 10, -700, "05-05-2018", "10:15"), "no counters"},
	{"no packets", line("198.51.100.9", 443, "192.168.0.7", 50000, 6, nil, 709, "05-05-2018", "10:15"), "2018-05-05 41 192.168.0.7 50000 198.51.100.9 443 6 0 0 0 709 1"},
	{"names for protocol and port", line("198.51.100.10", "https", "192.168.0.7", 50000, "tcp", 1, 710, "05-05-2018", "10:15"), "2018-05-05 41 192.168.0.7 50000 198.51.100.10 0 6 0 1 0 710 1"},
	{"no protocol", line("198.51.100.11", 0, "192.168.0.7", 0, "what", 1, 711, "05-05-2018", "10:15"), "2018-05-05 41 192.168.0.7 0 198.51.100.11 0 0 0 1 0 711 1"},
	{"no time", line("198.51.100.12", 1, "192.168.0.7", 1, 17, 1, 712, "05-05-2018", nil), "2018-05-05 0 192.168.0.7 1 198.51.100.12 1 17 0 1 0 712 1"},
	{"a time that is none, which MySQL makes midnight of", line("198.51.100.13", 1, "192.168.0.7", 1, 17, 1, 713, "05-05-2018", "99:99"), "2018-05-05 0 192.168.0.7 1 198.51.100.13 1 17 0 1 0 713 1"},
	{"west of Greenwich", line("198.51.100.14", 1, "192.168.0.7", 1, 17, 1, 714, "--", ":"), "no date"},
	{"no date", line("198.51.100.15", 1, "192.168.0.7", 1, 17, 1, 715, nil, "12:00"), "no date"},
	{"a date that is none", line("198.51.100.15", 1, "192.168.0.7", 1, 17, 1, 716, "31-02-2018", "12:00"), "no date"},
	{"a date without zeros", line("198.51.100.16", 1, "192.168.0.7", 1, 17, 1, 717, "6-5-2018", "12:00"), "2018-05-06 48 192.168.0.7 1 198.51.100.16 1 17 0 1 0 717 1"},
	{"a day of another month", line("198.51.100.17", 1, "192.168.0.7", 1, 17, 1, 718, "30-04-2018", "23:45"), "2018-04-30 95 192.168.0.7 1 198.51.100.17 1 17 0 1 0 718 1"},
	{"more than 32 bits, from another exporter", line("198.51.100.18", 1, "192.168.0.7", 1, 17, 2147483647, 1<<40, "06-05-2018", "12:00"), "2018-05-06 48 192.168.0.7 1 198.51.100.18 1 17 0 2147483647 0 1099511627776 1"},
	{"bytes that nothing carries", line("198.51.100.18", 1, "192.168.0.7", 1, 17, 1, 1<<60, "06-05-2018", "12:00"), "no counters"},
	{"IPv6", line("2001:db8::1", 443, "192.168.0.7", 1, 6, 1, 720, "06-05-2018", "12:00"), "2018-05-06 48 192.168.0.7 1 2001:db8::1 443 6 0 1 0 720 1"},
}

func defectRows(yield func(row) bool) {
	for _, d := range defects {
		if !yield(d.row) {
			return
		}
	}
}

// TestDefects migrates a table with all defects: live, packed, and the files of
// both.
func TestDefects(t *testing.T) {
	var want []string
	classes := map[string]uint64{}
	for _, d := range defects {
		switch fields := strings.Fields(d.want); {
		case len(fields) > 3:
			// router 1, wan, first and duration unknown, and attribution 9 on the
			// sides that have something.
			f := fields
			code := 0
			if f[7] != "0" || f[9] != "0" {
				code |= 9
			}
			if f[8] != "0" || f[10] != "0" {
				code |= 9 << 4
			}
			want = append(want, fmt.Sprintf("%s %s 1 0 %s 0 0 %d", f[0], f[1], strings.Join(f[2:], " "), code))
		case d.want != "":
			classes[d.want]++
		}
	}
	slices.Sort(want)
	wantReasons := map[string]uint64{}
	for _, reason := range []string{noAddress, noCounters, noDate} {
		wantReasons[reason] = classes[reason]
	}
	forEachSource(t, "2018_5", migratetest.Text2018, defectRows, func(t *testing.T, s *Source) {
		p := newPlace(t)
		r := p.migrate(t, s, options()).Tables[0]
		if diff := cmp.Diff(want, p.rows(t)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(wantReasons, r.Reasons); diff != "" {
			t.Errorf("reasons (-want +got):\n%s", diff)
		}
		sum := p.total(t)
		for class, got := range map[string]archive.Counts{
			"internal": sum.Classes.Internal, "unattributed": sum.Classes.Unattributed, "router_local": sum.Classes.RouterLocal,
			"excluded dns": sum.Excluded["dns"], "excluded proxy": sum.Excluded["proxy"],
		} {
			if got.Records != classes[class] {
				t.Errorf("%s: %d records, want %d", class, got.Records, classes[class])
			}
		}
		equalSums(t, p, r)
		if diff := cmp.Diff(wantReasons, sum.Rejected); diff != "" {
			t.Errorf("books' reasons (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]uint64{"packets": 1, "port": 1, "protocol": 1, "time": 1}, r.Unknown); diff != "" {
			t.Errorf("not known (-want +got):\n%s", diff)
		}
	})
}

// equalSums compares what was migrated with what the source itself sums up.
func equalSums(t *testing.T, p *place, r *TableResult) {
	t.Helper()
	sum := p.total(t)
	rejected := uint64(0)
	for _, n := range sum.Rejected {
		rejected += n
	}
	if sum.Records+rejected != r.Source.Rows {
		t.Errorf("books have %d records and %d rejected, the table has %d rows", sum.Records, rejected, r.Source.Rows)
	}
	if got := int64(sum.Bytes) + r.Rejected.Bytes; got != r.Source.Bytes {
		t.Errorf("books have %d bytes, %d were rejected, the table has %d", sum.Bytes, r.Rejected.Bytes, r.Source.Bytes)
	}
	if r.Migrated.Rows != sum.Records || r.Migrated.Bytes != int64(sum.Bytes) {
		t.Errorf("migrated %+v, books say %d records with %d bytes", r.Migrated, sum.Records, sum.Bytes)
	}
}

// forEachSource makes a table live and packed, and reads it from the server and
// from its files, which must not change.
func forEachSource(t *testing.T, name string, layout migratetest.Layout, rows iter.Seq[row], test func(*testing.T, *Source)) {
	for _, name := range []string{name, name + "c"} {
		clearOld(t)
		makeOld(t, name, layout, rows)
		t.Run(name, func(t *testing.T) {
			before := digests(t, oldFolder())
			test(t, server(t))
			if diff := cmp.Diff(before, digests(t, oldFolder())); diff != "" {
				t.Errorf("the source was written to:\n%s", diff)
			}
		})
		if plainName(name) == name {
			continue // TestDamaged reads the files of live tables
		}
		t.Run(name+" files", func(t *testing.T) {
			folder := backup(t)
			before := digests(t, folder)
			test(t, files(t, folder))
			if diff := cmp.Diff(before, digests(t, folder)); diff != "" {
				t.Errorf("the source was written to:\n%s", diff)
			}
		})
	}
}

// backup copies the files of the old server's tables, read-only, as a stopped
// server leaves them.
func backup(t testing.TB) string {
	t.Helper()
	mustExec(t, old.db, "FLUSH TABLES")
	folder := filepath.Join(t.TempDir(), "netflow")
	if err := os.CopyFS(folder, os.DirFS(oldFolder())); err != nil {
		t.Fatal(err)
	}
	return folder
}

// files is a folder as a source.
func files(t testing.TB, folder string) *Source {
	t.Helper()
	work, err := os.MkdirTemp("", "nfacct-work-")
	if err != nil {
		t.Fatal(err)
	}
	furnish(t, work)
	s, err := OpenFolder(t.Context(), folder, work, archive.DefaultConfig(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(work); err == nil {
			t.Error("copies of tables are left behind")
		}
	})
	return s
}

// digests are the contents and times of all files in a folder.
func digests(t testing.TB, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		// The server counts in the header of the .MYI how often it was opened.
		if filepath.Ext(name) == ".MYI" {
			return nil
		}
		found[filepath.Base(name)] = fmt.Sprintf("%d %x", len(content), content[:min(len(content), 1<<16)])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestDescendant migrates the tables of 2024.
func TestDescendant(t *testing.T) {
	number := func(a, b, c, d uint32) uint64 { return uint64(a<<24 | b<<16 | c<<8 | d) }
	host, peer := number(192, 168, 0, 7), number(198, 51, 100, 1)
	rows := slices.Repeat([]row{ // myisampack refuses tables that are too small
		{Src: host, SrcPort: 1, Dst: host + 1, DstPort: 2, Proto: 6, Packets: 1, Bytes: 1, Time: "2024-07-03 10:15:00"},
	}, 200)
	rows = append(rows, []row{
		{Src: host, SrcPort: 50000, Dst: peer, DstPort: 443, Proto: 6, Packets: 10, Bytes: 1000, Time: "2024-07-03 10:15:00"},
		{Src: peer, SrcPort: 443, Dst: host, DstPort: 50000, Proto: 6, Packets: 10, Bytes: 700, Time: "2024-07-03 10:15:00"},
		// By local time these are two days; in UTC, which units follow, one.
		{Src: peer, SrcPort: 443, Dst: host, DstPort: 50000, Proto: 6, Packets: 10, Bytes: 701, Time: "2024-07-03 20:45:00"},
		{Src: peer, SrcPort: 443, Dst: host, DstPort: 50000, Proto: 6, Packets: 10, Bytes: 702, Time: "2024-07-03 21:00:00"},
		{Src: peer, SrcPort: 443, Dst: host, DstPort: 50000, Proto: nil, Packets: nil, Bytes: nil, Time: "2024-07-03 21:00:00"},
		{Src: 0, SrcPort: 443, Dst: host, DstPort: 50000, Proto: 6, Packets: 1, Bytes: 703, Time: "2024-07-31 20:45:00"},
		{Src: peer, SrcPort: 443, Dst: host, DstPort: 50000, Proto: 6, Packets: 1, Bytes: 704, Time: "0000-00-00 00:00:00"},
	}...)
	// The old server's clock shows UTC, and so do the copies'. On the server, what
	// the clock read is taken for Moscow's; in copies it is an instant, three hours
	// later there.
	on := map[bool][]string{
		false: {
			"2024-07-03 41 1 0 192.168.0.7 50000 198.51.100.1 443 6 10 10 1000 700 2 0 0 153",
			"2024-07-03 83 1 0 192.168.0.7 50000 198.51.100.1 443 6 0 10 0 701 1 0 0 144",
			"2024-07-03 84 1 0 192.168.0.7 50000 198.51.100.1 443 6 0 10 0 702 1 0 0 144",
			"2024-07-31 83 1 0 192.168.0.7 50000 0.0.0.0 443 6 0 1 0 703 1 0 0 144",
		},
		true: {
			"2024-07-03 53 1 0 192.168.0.7 50000 198.51.100.1 443 6 10 10 1000 700 2 0 0 153",
			"2024-07-03 95 1 0 192.168.0.7 50000 198.51.100.1 443 6 0 10 0 701 1 0 0 144",
			"2024-07-04 0 1 0 192.168.0.7 50000 198.51.100.1 443 6 0 10 0 702 1 0 0 144",
			"2024-07-31 95 1 0 192.168.0.7 50000 0.0.0.0 443 6 0 1 0 703 1 0 0 144",
		},
	}
	forEachSource(t, "test_2024_07", migratetest.Stamp2024, slices.Values(rows), func(t *testing.T, s *Source) {
		p := newPlace(t)
		r := p.migrate(t, s, options()).Tables[0]
		if diff := cmp.Diff(on[s.instants], p.rows(t)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		equalSums(t, p, r)
		if diff := cmp.Diff(map[string]uint64{noCounters: 1, noDate: 1}, r.Reasons); diff != "" {
			t.Errorf("reasons (-want +got):\n%s", diff)
		}
	})
}

// TestOnce: whatever way a table is read again, nothing is loaded twice.
func TestOnce(t *testing.T) {
	clearOld(t)
	makeOld(t, "2018_5", migratetest.Text2018, defectRows)
	p := newPlace(t)
	first := p.migrate(t, server(t), options()).Tables[0]
	rows := p.rows(t)
	again := func(s *Source) {
		t.Helper()
		r := p.migrate(t, s, options()).Tables[0]
		if r.State != Known || r.Before != first.Source {
			t.Errorf("%s %+v, want known and %+v", r.State, r.Before, first.Source)
		}
		if diff := cmp.Diff(rows, p.rows(t)); diff != "" {
			t.Errorf("rows changed:\n%s", diff)
		}
	}
	again(server(t))
	if err := migratetest.Pack(t.Context(), old.db, oldFolder(), "2018_5"); err != nil {
		t.Fatal(err)
	}
	again(server(t))
	again(files(t, backup(t)))
}

// TestRepeats: a run that broke off in the middle of a file, one that ended, and
// a third are told apart, when asked for.
func TestRepeats(t *testing.T) {
	run := func(files, of int) []row {
		var rows []row
		for f := range files {
			for i := range 3 {
				if f == files-1 && i >= of {
					break
				}
				rows = append(rows, line("192.168.0.7", 50000+i, "198.51.100.1", 443, 6, 1, 100+f, "05-05-2018", fmt.Sprintf("%02d:15", f)))
			}
		}
		return rows
	}
	all := slices.Concat(run(10, 2), run(20, 3), run(20, 3))
	clearOld(t)
	makeOld(t, "2018_5", migratetest.Text2018, slices.Values(all))
	want := run(20, 3)
	bytes := func(rows []row) (sum int64) {
		for _, r := range rows {
			sum += int64(r.Bytes.(int))
		}
		return sum
	}
	keep := newPlace(t)
	r := keep.migrate(t, server(t), options()).Tables[0]
	if r.Repeated != uint64(len(all)-len(want)) || r.Migrated != (Counts{uint64(len(all)), bytes(all)}) {
		t.Errorf("repeated %d, migrated %+v", r.Repeated, r.Migrated)
	}
	skip := newPlace(t)
	opts := options()
	opts.SkipRepeated = true
	r = skip.migrate(t, server(t), opts).Tables[0]
	if r.Reasons[repeated] != uint64(len(all)-len(want)) || r.Migrated != (Counts{uint64(len(want)), bytes(want)}) {
		t.Errorf("reasons %v, migrated %+v", r.Reasons, r.Migrated)
	}
	equalSums(t, skip, r)
}

// TestDryRun says what would be, and needs no archive.
func TestDryRun(t *testing.T) {
	clearOld(t)
	makeOld(t, "2018_5", migratetest.Text2018, defectRows)
	p := newPlace(t)
	opts := options()
	opts.DryRun = true
	dry := p.migrate(t, server(t), opts).Tables[0]
	if len(p.rows(t)) > 0 || len(p.books(t)) > 0 {
		t.Error("a dry run has loaded something")
	}
	wet := p.migrate(t, server(t), options()).Tables[0]
	if dry.State != Read || dry.Migrated != wet.Migrated || dry.Rejected != wet.Rejected || dry.Classes != wet.Classes || !maps.Equal(dry.Reasons, wet.Reasons) {
		t.Errorf("dry %+v\nwet %+v", dry, wet)
	}
	// What is loaded is not read again.
	if again := p.migrate(t, server(t), opts).Tables[0]; again.State != Known || again.Migrated.Rows != 0 || again.Before != wet.Source {
		t.Errorf("again %+v", again)
	}
	opts.Beside = true
	if again := p.migrate(t, server(t), opts).Tables[0]; again.State != Known {
		t.Errorf("beside %+v", again)
	}
}
