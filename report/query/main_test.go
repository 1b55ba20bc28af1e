package query

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nfacct/archive"
)

// testAsker asks an archive's tables.
type testAsker struct {
	*archive.Archive
	db *sql.DB
}

func (a *testAsker) Settings() string {
	return "SET SESSION tmp_memory_table_size = 67108864, max_heap_table_size = 67108864;\n"
}

func (a *testAsker) FlowTables(ctx context.Context, from, to archive.Day) (read, named []Table, err error) {
	names, err := a.Archive.Reader().FlowTables(ctx, from, to)
	for _, name := range names {
		read = append(read, Table{Name: name, Where: fmt.Sprintf("`day` BETWEEN '%s' AND '%s'", from, to)})
	}
	return read, read, err
}

func (a *testAsker) Ask(ctx context.Context, statement string, row func([][]byte) error) (uint64, error) {
	rows, err := a.db.QueryContext(ctx, statement)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	_, err = scan(rows, row)
	return 0, err
}

func scan(rows *sql.Rows, row func([][]byte) error) (columns int, err error) {
	names, err := rows.ColumnTypes()
	if err != nil {
		return 0, err
	}
	raw := make([]sql.RawBytes, len(names))
	into := make([]any, len(names))
	values := make([][]byte, len(names))
	for i := range raw {
		into[i] = &raw[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return 0, err
		}
		for i := range raw {
			values[i] = raw[i]
			if names[i].DatabaseTypeName() == "DATE" { // the pool of these tests parses times
				values[i] = raw[i][:len("2026-11-23")]
			}
		}
		if err := row(values); err != nil {
			return 0, err
		}
	}
	return len(names), rows.Err()
}

// office loads rows of four days in two months, with both changes of the clock among
// them, and both families of addresses.
func office(t *testing.T, r *rand.Rand) (*testAsker, []archive.Row, *Setting) {
	t.Helper()
	folder, err := os.MkdirTemp("", "nfacct-query-")
	if err != nil {
		t.Fatal(err)
	}
	cfg := archive.DefaultConfig()
	cfg.Folder = filepath.Join(folder, "database")
	a, err := archive.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.Close()
		os.RemoveAll(folder)
	})
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := &Setting{
		Location: berlin, Now: time.Date(2026, 11, 20, 12, 0, 0, 0, berlin), Routers: map[string]uint16{},
		Departments: []Department{
			{"sales", []Range{{netip.MustParseAddr("10.1.0.0"), netip.MustParseAddr("10.1.0.15")}}},
			{"it's", []Range{{netip.MustParseAddr("10.1.0.8"), netip.MustParseAddr("10.1.0.40")}, {netip.MustParseAddr("2001:db8::"), netip.MustParseAddr("2001:db8::ffff")}}},
		},
		Services: func(name string) []Service {
			var x Service
			if _, err := fmt.Sscanf(name, "%d/%d", &x.Proto, &x.Port); err != nil {
				return nil
			}
			return []Service{x}
		},
	}
	for _, name := range []string{"gw-1", "gw-2"} {
		if s.Routers[name], err = a.Routers().ID(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := a.Lock(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	var all []archive.Row
	for n, day := range []archive.Day{
		{Year: 2026, Month: time.March, Day: 29}, {Year: 2026, Month: time.October, Day: 25}, {Year: 2026, Month: time.October, Day: 26}, {Year: 2026, Month: time.November, Day: 2},
	} {
		name := fmt.Sprint("file ", n)
		load, err := lock.BeginLoad(t.Context(), archive.File{Name: name, Size: 1, Digest: sha256.Sum256([]byte(name))})
		if err != nil {
			t.Fatal(err)
		}
		books := map[uint16]*archive.Book{}
		for name, id := range s.Routers {
			books[id] = &archive.Book{Day: day, Router: name, Datagrams: 1}
		}
		slots := map[int]int{0: 92, 1: 100}[n]
		if slots == 0 {
			slots = 96
		}
		for range 400 {
			row := randomRow(r, day, slots, s)
			all = append(all, row)
			if err := load.Append(&row); err != nil {
				t.Fatal(err)
			}
			b := books[row.Router]
			up, down := archive.Counts{Bytes: row.UpBytes}, archive.Counts{Bytes: row.DownBytes, Records: row.Flows}
			b.Records += row.Flows
			b.Bytes += row.UpBytes + row.DownBytes
			b.Classes.Up, b.Classes.Down = b.Classes.Up.Plus(up), b.Classes.Down.Plus(down)
			b.Loaded.Counts = b.Loaded.Counts.Plus(up).Plus(down)
		}
		if err := load.Commit(t.Context(), []archive.Book{*books[s.Routers["gw-1"]], *books[s.Routers["gw-2"]]}); err != nil {
			t.Fatal(err)
		}
	}
	return &testAsker{a, a.DB()}, all, s
}

func randomRow(r *rand.Rand, day archive.Day, slots int, s *Setting) archive.Row {
	host, peer := netip.AddrFrom4([4]byte{10, 1, byte(r.IntN(2)), byte(r.IntN(48))}), netip.AddrFrom4([4]byte{198, 51, byte(r.IntN(256)), byte(r.IntN(3))})
	if r.IntN(4) == 0 {
		host = netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, 15: byte(r.IntN(20))})
		peer = netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, 0xff, 0xff, 7: byte(r.IntN(2)), 15: byte(r.IntN(20))})
	}
	row := archive.Row{
		Day: day, Slot: archive.Slot(r.IntN(slots)), Router: s.Routers[[]string{"gw-1", "gw-2"}[r.IntN(2)]], WAN: uint16(r.IntN(3)), Host: host, Peer: peer,
		HostPort: uint16(40000 + r.IntN(20)), PeerPort: []uint16{443, 80, 53, 8443}[r.IntN(4)], Proto: []uint8{6, 17}[r.IntN(2)], Flows: uint64(1 + r.IntN(3)),
	}
	switch r.IntN(6) {
	case 0:
		row.HostPort, row.PeerPort = 22, uint16(50000+r.IntN(9)) // a published server
	case 1:
		row.Proto, row.HostPort, row.PeerPort = 1, 0, 2048
	}
	if r.IntN(3) > 0 {
		row.UpPackets, row.UpBytes = uint64(1+r.IntN(9)), uint64(r.IntN(3000))
	}
	if r.IntN(3) > 0 || row.UpPackets == 0 {
		row.DownPackets, row.DownBytes = uint64(1+r.IntN(9)), uint64(r.IntN(9000))
	}
	return row
}
