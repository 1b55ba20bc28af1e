package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	october  = Day{2026, 10, 31}
	november = Day{2026, 11, 1}
	monday   = Day{2026, 11, 23}
)

// testFile is a made-up file: its rows follow from its number.
type testFile struct {
	File
	rows   []Row
	books  []Book
	memory []byte
}

// newFile makes rows of a router for each of days, and the books that go with
// them.
func newFile(t testing.TB, a *Archive, number, rows int, days ...Day) testFile {
	t.Helper()
	f, err := makeFile(t.Context(), a, number, rows, days...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func makeFile(ctx context.Context, a *Archive, number, rows int, days ...Day) (testFile, error) {
	name := fmt.Sprintf("spool/file-%d", number)
	f := testFile{File: File{Name: name, Size: int64(rows), Digest: sha256.Sum256([]byte(name))}, memory: fmt.Append(nil, rows)}
	for d, day := range days {
		router := fmt.Sprintf("gw%d", d%2)
		id, err := a.Routers().ID(ctx, router)
		if err != nil {
			return f, err
		}
		book := Book{Day: day, Router: router, Datagrams: uint64(rows), Excluded: map[string]Counts{"dns": {1, 64}}}
		book.Classes.Up = Counts{1, 64} // the excluded one
		for n := range rows {
			row := testRow(day, id)
			row.Slot = Slot((number + n) % 96)
			row.Host = netip.AddrFrom4([4]byte{10, byte(number), byte(n >> 8), byte(n)})
			if n%3 == 0 {
				row.Peer = netip.AddrFrom16([16]byte{0x20, 1, 13: byte(n), 14: '\\', 15: '\n'})
			}
			row.UpBytes, row.DownBytes = uint64(1000+n), uint64(n)
			book.Classes.Up = book.Classes.Up.Plus(Counts{1, row.UpBytes})
			book.Classes.Down = book.Classes.Down.Plus(Counts{1, row.DownBytes})
			book.Loaded.Counts = book.Loaded.Plus(Counts{2, row.UpBytes + row.DownBytes})
			f.rows = append(f.rows, row)
		}
		sum := book.Classes.Sum()
		book.Records, book.Bytes = sum.Records, sum.Bytes
		f.books = append(f.books, book)
	}
	return f, nil
}

// load loads a file as the importer does.
func (f testFile) load(ctx context.Context, a *Archive) error {
	l, err := writing(a).BeginLoad(ctx, f.File)
	if err != nil {
		return err
	}
	return f.finish(ctx, l)
}

func (f testFile) finish(ctx context.Context, l *Load) (err error) {
	defer func() { err = errors.Join(err, l.Abort(context.WithoutCancel(ctx))) }()
	for i := range f.rows {
		if err := l.Append(&f.rows[i]); err != nil {
			return err
		}
	}
	l.Remember(f.memory)
	return l.Commit(ctx, f.books)
}

func mustLoad(t testing.TB, a *Archive, files ...testFile) {
	t.Helper()
	for _, f := range files {
		if err := f.load(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
}

// state is all that matters of an archive, to be compared. Rows count without
// their order, ledger entries by name.
func state(t testing.TB, a *Archive) []string {
	t.Helper()
	var lines []string
	query := func(what, text string) {
		t.Helper()
		rows, err := a.db.Query(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, what+" "+line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	tables, err := a.tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		lines = append(lines, table)
		query(table, "SELECT CONCAT_WS(' ', "+strings.ReplaceAll(strings.ReplaceAll(columns, "`host`", "HEX(`host`)"), "`peer`", "HEX(`peer`)")+") FROM "+table+" ORDER BY 1")
	}
	query("usage", "SELECT CONCAT_WS(' ', day, hour, router, HEX(host), up_bytes, down_bytes, up_packets, down_packets, flows) FROM usage_hourly ORDER BY 1")
	query("import", "SELECT CONCAT_WS(' ', file, state, records, row_count, rules, problem, HEX(memory)) FROM imports ORDER BY 1")
	query("book", "SELECT CONCAT_WS(' ', file, day, router, books.records, bytes, loaded_records, loaded_bytes, loaded_rows) FROM books JOIN imports ON id = import ORDER BY 1")
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		query("unlike "+table, unlike(table))
	}
	query("left over", "SELECT CONCAT_WS(' ', 'day', import) FROM import_days")
	query("left over", "SELECT CONCAT_WS(' ', 'hour', import) FROM import_hours")
	query("left over", "SELECT CONCAT_WS(' ', 'reload', day) FROM reloads")
	query("left over", "SELECT CONCAT_WS(' ', 'forget', import) FROM forgets")
	query("left over", "SELECT CONCAT_WS(' ', 'reload', import) FROM reload_files")
	query("left over", "SELECT CONCAT_WS(' ', 'reload', import, day) FROM reload_books")
	return lines
}

// unlike selects the hours of hosts whose rollups are not the sums of the rows.
func unlike(table string) string {
	const sums = "SUM(up_bytes), SUM(down_bytes), SUM(up_packets), SUM(down_packets), SUM(flows)"
	month := strings.ReplaceAll(table[len("flows_"):], "_", "-")
	return "SELECT CONCAT_WS(' ', day, hour, router, HEX(host), COUNT(*)) FROM (" +
		"SELECT day, slot DIV 4 AS hour, router, host, " + sums + " FROM " + table + " GROUP BY 1, 2, 3, 4 UNION " +
		"SELECT day, hour, router, host, " + sums + " FROM usage_hourly WHERE day LIKE '" + month + "%' GROUP BY 1, 2, 3, 4" +
		") AS both_ways GROUP BY day, hour, router, host HAVING COUNT(*) > 1"
}

// settled returns an error if a day's table is not sound, or if its keys are not as
// the ledger says.
func settled(ctx context.Context, a *Archive) error {
	i, err := a.inventory(ctx)
	if err != nil {
		return err
	}
	for day := range i.days {
		keyed, err := a.keyed(ctx, day)
		if err != nil {
			return err
		}
		var off int
		if err := a.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COMMENT = 'disabled'", day.Table()).Scan(&off); err != nil {
			return err
		}
		if keyed != (off == 0) {
			return fmt.Errorf("%s has %d keys that are off, keyed is %v", day, off, keyed)
		}
		if sound, err := a.sound(ctx, day.Table()); err != nil || !sound {
			return fmt.Errorf("%s is not sound: %v", day, err)
		}
	}
	for m := range i.people {
		if same, err := a.names(ctx, m, i.daysOf(m)); err != nil || !same {
			return fmt.Errorf("%s does not name its days: %v", m.Table(), err)
		}
	}
	var unknown int
	if err := a.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM day_tables WHERE checksum IS NULL OR key_state = 'making'").Scan(&unknown); err != nil || unknown > 0 {
		return fmt.Errorf("%d days are not settled: %v", unknown, err)
	}
	return nil
}

// same compares states, and says where they first differ.
func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("%s: states differ at line %d of %d and %d:\ngot  %s\nwant %s", what, i, len(got), len(want), g, w)
			return
		}
	}
}

// ways runs a test with each way to load.
func ways(t *testing.T, test func(t *testing.T, a *Archive)) {
	for _, way := range []string{LoadFIFO, LoadLocal} {
		t.Run(way, func(t *testing.T) {
			cfg := shared.config
			cfg.Load = way
			a := openConfig(t, cfg)
			wipe(t, a)
			lock(t, a)
			test(t, a)
		})
	}
}

func TestLoad(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		one, two := newFile(t, a, 1, 500, monday), newFile(t, a, 2, 300, october, november, monday)
		mustLoad(t, a, one, two)
		for _, day := range []Day{october, november, monday} {
			books, err := a.Reader().Books(t.Context(), day, day)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range books {
				if b.Difference != "" {
					t.Error(b.Difference)
				}
			}
		}
		books, err := a.Reader().Books(t.Context(), monday, monday)
		if err != nil || len(books) != 1 || books[0].Router != "gw0" || books[0].Loaded.Rows != 800 ||
			books[0].Records != one.books[0].Records+two.books[2].Records || books[0].Excluded["dns"] != (Counts{2, 128}) {
			t.Errorf("%+v %v", books, err)
		}
		var host, peer []byte
		err = a.db.QueryRow("SELECT host, peer FROM flows_2026_11 WHERE up_bytes = 1009 AND `day` = ? AND `slot` = 10", monday).Scan(&host, &peer)
		if err != nil || !slices.Equal(host, one.rows[9].Host.AsSlice()) || !slices.Equal(peer, one.rows[9].Peer.AsSlice()) {
			t.Errorf("host %v, peer %v, %v", host, peer, err)
		}
		var hours, hosts int
		if err := a.db.QueryRow("SELECT COUNT(DISTINCT hour), COUNT(DISTINCT host) FROM usage_hourly WHERE day = ?", monday).Scan(&hours, &hosts); err != nil || hours != 24 || hosts != 800 {
			t.Errorf("rollups of %d hours and %d hosts, %v", hours, hosts, err)
		}
		if err := one.load(t.Context(), a); !errors.Is(err, ErrLoaded) {
			t.Errorf("loaded again: %v", err)
		}
		i, err := a.Reader().ImportByDigest(t.Context(), two.Digest)
		if err != nil || !i.Loaded || i.Name != two.Name || i.Rows != 900 || i.Records != 3*601 || i.Rules["dns"] != (Counts{3, 192}) || i.Finished.IsZero() ||
			time.Since(i.Started).Abs() > time.Minute {
			t.Errorf("%+v %v", i, err)
		}
	})
}

// Counters beyond their column become further rows, and never wrap.
func TestLoadOverflow(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		f := newFile(t, a, 1, 1, monday)
		f.rows[0].UpPackets, f.rows[0].DownPackets = 2*math.MaxUint32+5, math.MaxUint32
		f.rows[0].UpBytes, f.rows[0].DownBytes = math.MaxUint64>>1, math.MaxUint64>>1
		f.rows[0].Flows = 200_000
		f.rows[0].First, f.rows[0].Duration = math.MinInt32, math.MaxUint32
		f.rows[0].Slot, f.rows[0].WAN, f.rows[0].HostPort, f.rows[0].PeerPort, f.rows[0].Proto, f.rows[0].Attribution = 99, math.MaxUint16, math.MaxUint16, math.MaxUint16, 255, 255
		f.books = []Book{{
			Day: monday, Router: "gw0", Records: 200_000, Bytes: math.MaxUint64 - 1,
			Classes: Classes{Up: Counts{200_000, math.MaxUint64 - 1}}, Loaded: Loaded{Counts: Counts{200_000, math.MaxUint64 - 1}},
		}}
		mustLoad(t, a, f)
		var rows, up, down, flows, first, duration int
		var upBytes uint64
		err := a.db.QueryRow("SELECT COUNT(*), SUM(up_packets), SUM(down_packets), SUM(flows), SUM(up_bytes), MIN(first), MAX(duration) FROM flows_2026_11 WHERE wan = 65535").
			Scan(&rows, &up, &down, &flows, &upBytes, &first, &duration)
		if err != nil || rows != 4 || up != 2*math.MaxUint32+5 || down != math.MaxUint32 || flows != 200_000 || upBytes != math.MaxUint64>>1 || first != math.MinInt16 || duration != math.MaxUint16 {
			t.Error(rows, up, down, flows, upBytes, first, duration, err)
		}
		if i, err := a.Reader().ImportByDigest(t.Context(), f.Digest); err != nil || i.Rows != 4 {
			t.Errorf("%+v %v", i, err)
		}
	})
}

// More days than statements may be under way at once.
func TestLoadManyDays(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		var days []Day
		for month := range 10 {
			days = append(days, Day{2026, time.Month(1 + month), 28})
		}
		f := newFile(t, a, 1, 40, days...)
		slices.SortStableFunc(f.rows, func(x, y Row) int { return int(x.Slot) - int(y.Slot) }) // months all mixed up
		mustLoad(t, a, f)
		if i, err := a.Reader().ImportByDigest(t.Context(), f.Digest); err != nil || i.Rows != 400 {
			t.Errorf("%+v %v", i, err)
		}
	})
}

// A file without rows is loaded as well, and its books count.
func TestLoadNothing(t *testing.T) {
	a := open(t)
	lock(t, a)
	f := newFile(t, a, 1, 0, monday)
	f.books[0].NoTemplate, f.books[0].Rejected = 3, map[string]uint64{"short": 2}
	mustLoad(t, a, f)
	missing, err := a.Reader().MissingTemplates(t.Context())
	if err != nil || len(missing) != 1 || missing[0].Name != f.Name || missing[0].NoTemplate != 3 {
		t.Errorf("%+v %v", missing, err)
	}
	days, err := a.Reader().DaysOf(t.Context(), missing[0].ID)
	if err != nil || len(days) != 1 || days[0] != monday {
		t.Error(days, err)
	}
	books, err := a.Reader().Books(t.Context(), monday, monday)
	if err != nil || len(books) != 1 || books[0].Rejected["short"] != 2 || books[0].NoTemplate != 3 {
		t.Errorf("%+v %v", books, err)
	}
}

func TestAbort(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		mustLoad(t, a, newFile(t, a, 1, 200, october, monday))
		before := state(t, a)
		for _, rows := range []int{0, 1, 5000} {
			f := newFile(t, a, 2, rows, october, monday, Day{2026, 12, 1})
			l, err := writing(a).BeginLoad(t.Context(), f.File)
			if err != nil {
				t.Fatal(err)
			}
			for i := range f.rows {
				if err := l.Append(&f.rows[i]); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := writing(a).BeginLoad(t.Context(), File{Name: "another"}); err == nil || !strings.Contains(err.Error(), "still being loaded") {
				t.Errorf("a load beside another: %v", err)
			}
			if err := l.Abort(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := l.Abort(t.Context()); err != nil {
				t.Fatal(err)
			}
			same(t, fmt.Sprintf("abort after %d rows", rows), state(t, a), before)
		}
	})
}

// A cancelled load ends, whatever the server does, and is undone, and the table
// is as good as before: a killed statement leaves keys that do not fit.
func TestCancel(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		for _, already := range []int{0, 1000} {
			wipe(t, a)
			if already > 0 {
				mustLoad(t, a, newFile(t, a, 1, already, monday))
			}
			before := state(t, a)
			f := newFile(t, a, 2, 20_000, monday)
			for _, at := range []int{1, 9_000, 19_999} {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				l, err := writing(a).BeginLoad(ctx, f.File)
				if err != nil {
					t.Fatal(err)
				}
				for i := range f.rows {
					if i == at {
						cancel()
					}
					if err = l.Append(&f.rows[i]); err != nil {
						break
					}
				}
				if err == nil {
					err = l.Commit(ctx, f.books)
				}
				if !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled: %v", err)
				}
				if err := l.Abort(t.Context()); err != nil {
					t.Fatal(err)
				}
				same(t, "cancelled", state(t, a), before)
			}
			mustLoad(t, a, f)
			if sound, err := a.sound(t.Context(), monday.Table()); !sound || err != nil {
				t.Error("the table's keys do not fit its rows", err)
			}
		}
	})
}

// Rows that books do not know of are an error that says how many, and the file
// is loaded all the same.
func TestUnbalanced(t *testing.T) {
	a := open(t)
	lock(t, a)
	f := newFile(t, a, 1, 10, monday)
	f.books[0].Loaded.Bytes -= 5
	f.books[0].Loaded.Records++
	err := f.load(t.Context(), a)
	var balance *BalanceError
	if !errors.As(err, &balance) || len(balance.Problems) != 2 ||
		!strings.Contains(balance.Problems[0], "book of gw0 2026-11-23 does not balance: excluded and loaded are") ||
		!strings.Contains(balance.Problems[1], "gw0 2026-11-23: the tables hold 20 records with 10090 bytes, but books say 21 records with 10085 bytes were loaded: -1 records, +5 bytes") {
		t.Fatal(err)
	}
	i, err := a.Reader().ImportByDigest(t.Context(), f.Digest)
	if err != nil || !i.Loaded || !strings.Contains(i.Problem, "does not balance") {
		t.Errorf("%+v %v", i, err)
	}
	books, err := a.Reader().Books(t.Context(), monday, monday)
	if err != nil || len(books) != 1 || !strings.Contains(books[0].Difference, "+5 bytes") {
		t.Errorf("%+v %v", books, err)
	}

	// Rows of a router without any book.
	f = newFile(t, a, 2, 10, monday, monday)
	f.books = f.books[:1]
	if err := f.load(t.Context(), a); err == nil || !strings.Contains(err.Error(), "gw1 2026-11-23: the tables hold 20 records") {
		t.Error(err)
	}
	// Somebody else writes into the table.
	run(t, a, "UPDATE usage_hourly SET up_bytes = up_bytes + 7 WHERE up_bytes = 1003 LIMIT 1")
	books, err = a.Reader().Books(t.Context(), monday, monday)
	if err != nil || len(books) != 2 || !strings.Contains(books[0].Difference, "bytes") {
		t.Errorf("%+v %v", books, err)
	}
}

// A value that the server would have to change is an error, not another value.
func TestWarnings(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		f := newFile(t, a, 1, 10, monday)
		f.rows[3].Day = Day{2026, 11, 31}
		if err := f.load(t.Context(), a); err == nil || !strings.Contains(err.Error(), "day") {
			t.Error(err)
		}
		if i, err := a.Reader().ImportByDigest(t.Context(), f.Digest); i != nil || err != nil {
			t.Errorf("%+v %v", i, err)
		}
	})
}

func TestLoadNeedsLock(t *testing.T) {
	a := open(t)
	if _, err := writing(a).BeginLoad(t.Context(), File{}); err == nil || !strings.Contains(err.Error(), "call Lock first") {
		t.Error(err)
	}
	lock(t, a)
	var row Row
	l, err := writing(a).BeginLoad(t.Context(), File{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(&row); err == nil {
		t.Error("a row of nothing was loaded")
	}
	if err := l.Commit(t.Context(), nil); err == nil {
		t.Error("committed after an error")
	}
	if err := l.Abort(t.Context()); err != nil {
		t.Error(err)
	}
}
