package migrate

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nfacct/archive"
	"nfacct/importer/migrate/migratetest"
)

// wire passes connections on to the old server, and cuts them after so many
// bytes that came from it.
type wire struct {
	listener net.Listener
	left     atomic.Int64 // bytes until the next cut
	cuts     atomic.Int64 // how often it cuts
	dead     atomic.Bool  // it answers nobody any more, once cuts are over
}

func newWire(t testing.TB) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w := &wire{listener: l}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go w.pass(conn)
		}
	}()
	return w
}

func (w *wire) pass(conn net.Conn) {
	defer conn.Close()
	if w.dead.Load() {
		return
	}
	server, err := net.Dial("unix", oldDSN("", "").Addr)
	if err != nil {
		return
	}
	defer server.Close()
	go io.Copy(server, conn)
	buffer := make([]byte, 1<<12)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		if w.cuts.Load() > 0 && w.left.Add(-int64(n)) <= 0 {
			if w.cuts.Add(-1) == 0 {
				w.dead.Store(w.left.Load() < -1<<40)
			}
			w.left.Add(200_000)
			return
		}
		if _, err := conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (w *wire) open(t testing.TB) *Source {
	t.Helper()
	dsn := oldDSN("root", "")
	dsn.Net, dsn.Addr = "tcp", w.listener.Addr().String()
	s, err := OpenServer(t.Context(), dsn, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestDying: a source that goes away and comes back is waited for; from one that
// does not come back, what came whole stays, and the rest is fetched later.
func TestDying(t *testing.T) {
	clearOld(t)
	makeOld(t, "2018_5", migratetest.Text2018, month(2018, 5, 1500))
	makeOld(t, "2018_6c", migratetest.Text2018, month(2018, 6, 1500))
	want := lines(t, old.db, perDayOld)
	same := func(p *place) {
		t.Helper()
		if diff := cmp.Diff(want, lines(t, p.archive.DB(), perDayNew)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		p.books(t)
	}
	t.Run("comes back", func(t *testing.T) {
		w, p := newWire(t), newPlace(t)
		w.left.Store(200_000)
		w.cuts.Store(3)
		summary := p.migrate(t, w.open(t), options())
		if w.cuts.Load() > 0 {
			t.Error("it was not cut")
		}
		for _, r := range summary.Tables {
			if r.State != Loaded || r.Source != r.Migrated {
				t.Errorf("%s: %s, %+v of %+v", r.Table, r.State, r.Migrated, r.Source)
			}
		}
		same(p)
	})
	t.Run("stays away", func(t *testing.T) {
		w, p := newWire(t), newPlace(t)
		s := w.open(t)
		w.left.Store(600_000)
		w.cuts.Store(1)
		opts := options()
		opts.Patience = time.Second
		go func() {
			for w.cuts.Load() > 0 {
				time.Sleep(time.Millisecond)
			}
			w.dead.Store(true)
		}()
		summary := NewSummary()
		err := p.migrator(t, opts).Tables(t.Context(), s, summary)
		if !errors.Is(err, ErrSource) {
			t.Fatalf("%v, want ErrSource", err)
		}
		if r := summary.Tables[0]; r.State != Failed || r.Days[Loaded] == 0 || r.Days[Pending] == 0 || r.Left.Rows == 0 {
			t.Errorf("%+v", r)
		}
		p.books(t)
		p.migrate(t, server(t), options())
		same(p)
	})
}

// TestReader: the right to read is enough, and a DSN with its password comes from
// a file.
func TestReader(t *testing.T) {
	clearOld(t)
	makeOld(t, "2018_5", migratetest.Text2018, defectRows)
	mustExec(t, old.db, "CREATE OR REPLACE USER reader@localhost IDENTIFIED BY 'se/cret'")
	mustExec(t, old.db, "GRANT SELECT ON netflow.* TO reader@localhost")
	file := filepath.Join(t.TempDir(), "old.dsn")
	if err := os.WriteFile(file, []byte(oldDSN("reader", "se/cret").FormatDSN()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dsn, err := archive.ReadDSN(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenServer(t.Context(), dsn, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := newPlace(t)
	r := p.migrate(t, s, options()).Tables[0]
	equalSums(t, p, r)
	if _, err := s.db.Exec("DELETE FROM 2018_5"); err == nil {
		t.Error("the reader may write")
	}
}

// TestHeld: what is not over, covered from elsewhere, or changed since is left
// alone, and said.
func TestHeld(t *testing.T) {
	clearOld(t)
	makeOld(t, "2018_5", migratetest.Text2018, month(2018, 5, 100))
	p := newPlace(t)
	opts := options()
	opts.Now = func() time.Time { return time.Date(2018, 5, monthDays, 23, 59, 0, 0, moscow) }
	load(t, p, archive.Day{Year: 2018, Month: 5, Day: 3})
	r := p.migrate(t, server(t), opts).Tables[0]
	if want := (Days{Loaded: monthDays - 2, Waiting: 1, Covered: 1}); r.State != Pending || !cmp.Equal(want, r.Days) || r.Left.Rows != 200 || len(r.Held) != 2 {
		t.Errorf("%s %v %+v %+v", r.State, r.Days, r.Left, r.Held)
	}
	opts.Now = nil
	makeMore(t, line("192.168.0.7", 1, "198.51.100.1", 2, 6, 1, 99, "04-05-2018", "10:00"))
	summary := NewSummary()
	if err := p.migrator(t, opts).Tables(t.Context(), server(t), summary); err != nil {
		t.Fatal(err)
	}
	r = summary.Tables[0]
	if want := (Days{Loaded: 1, Known: monthDays - 3, Covered: 1, Changed: 1}); !cmp.Equal(want, r.Days) {
		t.Errorf("%v %+v", r.Days, r.Held)
	}
	if err := summary.Err(); !errors.Is(err, ErrPartial) || !strings.Contains(err.Error(), "it had 100 rows when it was migrated") {
		t.Error(err)
	}
	opts.Beside = true
	r = p.migrate(t, server(t), opts).Tables[0]
	if want := (Days{Loaded: 2, Known: monthDays - 2}); !cmp.Equal(want, r.Days) {
		t.Errorf("%v %+v", r.Days, r.Held)
	}
	p.books(t)
}

// load loads a record of a day as if it came by another way.
func load(t *testing.T, p *place, day archive.Day) {
	t.Helper()
	lock, err := p.archive.Lock(t.Context(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if _, err := p.archive.Routers().ID(t.Context(), "gw"); err != nil {
		t.Fatal(err)
	}
	l, err := lock.BeginLoad(t.Context(), archive.File{Name: "2018-05-03/20180503T100000Z.pcapng.zst", Digest: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	one := archive.Counts{Records: 1, Bytes: 7}
	if err := l.Commit(t.Context(), []archive.Book{{Day: day, Router: "gw", Records: 1, Bytes: 7, Classes: archive.Classes{Internal: one}}}); err != nil {
		t.Fatal(err)
	}
}

func makeMore(t *testing.T, rows ...row) {
	t.Helper()
	if err := migratetest.Fill(t.Context(), old.db, "2018_5", migratetest.Text2018, slices.Values(rows)); err != nil {
		t.Fatal(err)
	}
}

// TestNames: tables are known by their columns, and their months by their names.
func TestNames(t *testing.T) {
	clearOld(t)
	one := slices.Values([]row{line("192.168.0.7", 1, "198.51.100.1", 2, 6, 1, 99, "04-05-2018", "10:00")})
	for _, name := range []string{"2018_0", "2018_12", "2019_1", "wan_2018_07", "accounts"} {
		makeOld(t, name, migratetest.Text2018, one)
	}
	mustExec(t, old.db, "CREATE TABLE `2018_3` (a INT)")
	mustExec(t, old.db, "CREATE TABLE other (a INT)")
	mustExec(t, old.db, "CREATE VIEW 2018_4 AS SELECT * FROM 2018_12")
	defer mustExec(t, old.db, "DROP VIEW 2018_4")
	opts := options()
	opts.DryRun = true
	summary := newPlace(t).migrate(t, server(t), opts)
	var names []string
	for _, r := range summary.Tables {
		names = append(names, strings.TrimPrefix(r.Table, "netflow."))
	}
	if want := []string{"2018_0", "wan_2018_07", "2018_12", "2019_1"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	if len(summary.Ignored) != 2 {
		t.Errorf("ignored: %+v", summary.Ignored)
	}
	opts.Tables = []string{"accounts"}
	if got := newPlace(t).migrate(t, server(t), opts); len(got.Tables) != 1 || got.Tables[0].Migrated.Rows != 1 {
		t.Errorf("%+v", got.Tables)
	}
	opts.Tables = []string{"2018_4"}
	if err := newPlace(t).migrator(t, opts).Tables(t.Context(), server(t), NewSummary()); err == nil {
		t.Error("a table that is none is no error")
	}
}

// TestDamaged: a damaged table is repaired in its copy, or given up with the
// server's words; the others go on.
func TestDamaged(t *testing.T) {
	clearOld(t)
	makeOld(t, "2018_5", migratetest.Text2018, month(2018, 5, 100))
	makeOld(t, "2018_6", migratetest.Text2018, month(2018, 6, 100))
	makeOld(t, "2018_7c", migratetest.Text2018, month(2018, 7, 100))
	makeOld(t, "2018_8", migratetest.Text2018, month(2018, 8, 100))
	makeOld(t, "2018_9c", migratetest.Text2018, month(2018, 9, 100))
	makeOld(t, "2018_10", migratetest.Text2018, month(2018, 10, 100))
	makeOld(t, "2018_11c", migratetest.Text2018, month(2018, 11, 100))
	makeOld(t, "2018_12c", migratetest.Text2018, month(2018, 12, 100))
	folder := backup(t)
	spoil := func(name string, at int64, bytes string) {
		f, err := os.OpenFile(filepath.Join(folder, name), os.O_RDWR, 0)
		if err == nil {
			_, err = f.WriteAt([]byte(bytes), at)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	spoil("2018_5.MYI", 2048, strings.Repeat("\xff", 1024))
	spoil("2018_8.MYI", 0, strings.Repeat("\xff", 1024))
	spoil("2018_9c.MYI", 0, strings.Repeat("\xff", 1024))
	spoil("2018_10.MYD", 30_000, strings.Repeat("\xff", 1000))
	spoil("2018_11c.MYI", 2048, strings.Repeat("\xff", 1024))
	spoil("2018_12c.MYD", 8_000, strings.Repeat("\xff", 300))
	mustExec(t, old.db, "CREATE TABLE flows_2018_07 (a INT) ENGINE=MyISAM") // somebody else's
	mustExec(t, old.db, "FLUSH TABLES")
	for _, ext := range tableFiles {
		content, err := os.ReadFile(filepath.Join(oldFolder(), "flows_2018_07"+ext))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, "flows_2018_07"+ext), content, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(folder, "2018_6.frm")); err != nil {
		t.Fatal(err)
	}
	before := digests(t, folder)
	summary := NewSummary()
	p := newPlace(t)
	if err := p.migrator(t, options()).Tables(t.Context(), files(t, folder), summary); err != nil {
		t.Fatal(err)
	}
	if r := summary.Tables[0]; r.State != Loaded || r.Source.Rows != 100*monthDays || len(r.Remarks) != 1 {
		t.Errorf("%s %+v %v %v", r.State, r.Source, r.Remarks, r.Problems)
	}
	if r := summary.Tables[1]; r.State != Failed || !strings.Contains(strings.Join(r.Problems, ""), "MySQL 8 keeps no .frm") {
		t.Errorf("%s %v", r.State, r.Problems)
	}
	if r := summary.Tables[2]; r.State != Loaded || r.Source.Rows != 100*monthDays || !r.Packed {
		t.Errorf("%s %+v %v", r.State, r.Source, r.Problems)
	}
	for _, r := range summary.Tables {
		t.Logf("%s: %s %+v %v %v", r.Table, r.State, r.Source, r.Remarks, r.Problems)
	}
	// The head of its keys is gone: made anew from the definition.
	if r := summary.Tables[3]; r.State != Loaded || r.Source.Rows != 100*monthDays || len(r.Remarks) != 1 {
		t.Errorf("%s %+v %v %v", r.State, r.Source, r.Remarks, r.Problems)
	}
	// Of packed rows the definition knows nothing.
	if r := summary.Tables[4]; r.State != Failed || !strings.Contains(strings.Join(r.Problems, ""), "put its files back from a backup") {
		t.Errorf("%s %v", r.State, r.Problems)
	}
	// Rows were written over: the others are there.
	if r := summary.Tables[5]; r.State != Loaded || r.Source.Rows >= 100*monthDays || r.Source.Rows < 90*monthDays || len(r.Remarks) != 1 {
		t.Errorf("%s %+v %v %v", r.State, r.Source, r.Remarks, r.Problems)
	}
	if r := summary.Tables[6]; r.State != Loaded || r.Source.Rows != 100*monthDays || len(r.Remarks) != 1 {
		t.Errorf("%s %+v %v %v", r.State, r.Source, r.Remarks, r.Problems)
	}
	if r := summary.Tables[7]; r.State != Loaded || r.Source.Rows >= 100*monthDays || r.Source.Rows < 80*monthDays || len(r.Remarks) != 1 {
		t.Errorf("%s %+v %v %v", r.State, r.Source, r.Remarks, r.Problems)
	}
	if !errors.Is(summary.Err(), ErrPartial) {
		t.Error(summary.Err())
	}
	if want := []Ignored{{"flows_2018_07", errLayout.Error()}}; len(summary.Tables) != 8 || !cmp.Equal(want, summary.Ignored) {
		t.Errorf("%d tables, ignored: %v", len(summary.Tables), summary.Ignored)
	}
	if diff := cmp.Diff(before, digests(t, folder)); diff != "" {
		t.Errorf("the source was written to:\n%s", diff)
	}
	p.books(t)
}
