package report

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"nfacct/archive"
)

var discard = slog.New(slog.DiscardHandler)

// servers keeps one private database server for all tests of the package.
var servers struct {
	sync.Once
	folder string
	keeper *archive.Archive
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if servers.keeper != nil {
		if err := servers.keeper.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if servers.folder != "" {
		os.RemoveAll(servers.folder)
	}
	os.Exit(code)
}

// openArchive is an archive with empty tables. Tests of the package do not run
// in parallel.
func openArchive(t testing.TB) *archive.Archive {
	t.Helper()
	servers.Do(func() {
		if servers.folder, servers.err = os.MkdirTemp("", "nfacct-report-test-"); servers.err != nil {
			return
		}
		cfg := archive.DefaultConfig()
		cfg.Folder = servers.folder
		servers.keeper, servers.err = archive.Open(context.Background(), cfg, discard)
	})
	if servers.err != nil {
		t.Fatal(servers.err)
	}
	cfg := archive.DefaultConfig()
	cfg.Folder = servers.folder
	a, err := archive.Open(t.Context(), cfg, discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	wipe(t, a)
	return a
}

// wipe drops month tables and empties the others.
func wipe(t testing.TB, a *archive.Archive) {
	t.Helper()
	rows, err := a.DB().Query("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'schema_versions'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		verb := "TRUNCATE TABLE "
		if len(name) > 6 && name[:6] == "flows_" {
			verb = "DROP TABLE "
		}
		if _, err := a.DB().Exec(verb + name); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// loadRows loads rows of some days as one file, with the books that go with them;
// change may alter each book.
func loadRows(t testing.TB, a *archive.Archive, name string, rows []archive.Row, change func(*archive.Book)) {
	t.Helper()
	ctx := context.Background()
	lock, err := a.Lock(ctx, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	loadLocked(t, lock, name, rows, change)
}

// loadLocked is loadRows under the lock.
func loadLocked(t testing.TB, lock *archive.Writer, name string, rows []archive.Row, change func(*archive.Book)) {
	t.Helper()
	ctx := context.Background()
	load, err := lock.BeginLoad(ctx, archive.File{Name: name, Size: int64(len(rows)), Digest: sha256.Sum256([]byte(name))})
	if err != nil {
		t.Fatal(err)
	}
	type key struct {
		day    archive.Day
		router uint16
	}
	books := map[key]*archive.Book{}
	for i := range rows {
		r := &rows[i]
		if err := load.Append(r); err != nil {
			t.Fatal(err)
		}
		b := books[key{r.Day, r.Router}]
		if b == nil {
			b = &archive.Book{Day: r.Day, Router: fmt.Sprintf("gw-%d", r.Router), Datagrams: 1}
			books[key{r.Day, r.Router}] = b
		}
		n := archive.Counts{Records: r.Flows, Bytes: r.UpBytes + r.DownBytes}
		b.Records += n.Records
		b.Bytes += n.Bytes
		b.Classes.Up = b.Classes.Up.Plus(n)
		b.Loaded.Counts = b.Loaded.Plus(n)
	}
	var all []archive.Book
	for _, b := range books {
		if change != nil {
			change(b)
		}
		all = append(all, *b)
	}
	if err := load.Commit(ctx, all); err != nil {
		t.Fatal(err)
	}
}

// loadBook loads a file without rows, with one book.
func loadBook(t testing.TB, a *archive.Archive, name string, book archive.Book) {
	t.Helper()
	lock, err := a.Lock(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	load, err := lock.BeginLoad(t.Context(), archive.File{Name: name, Size: 1, Digest: sha256.Sum256([]byte(name))})
	if err != nil {
		t.Fatal(err)
	}
	if err := load.Commit(t.Context(), []archive.Book{book}); err != nil {
		t.Fatal(err)
	}
}

// routerIDs makes routers gw-1, gw-2...
func routerIDs(t testing.TB, a *archive.Archive, n int) {
	t.Helper()
	for i := 1; i <= n; i++ {
		id, err := a.Routers().ID(t.Context(), fmt.Sprintf("gw-%d", i))
		if err != nil || int(id) != i {
			t.Fatal(id, err)
		}
	}
}

// officeRows makes rows of a day as hosts hosts behind one router would have: few
// move much, most little.
func officeRows(rng *rand.Rand, day archive.Day, slots, n, hosts int) []archive.Row {
	zipf := rand.NewZipf(rng, 1.1, 20, uint64(hosts-1))
	peers := rand.NewZipf(rng, 1.05, 50, 40_000)
	rows := make([]archive.Row, n)
	ports := []uint16{443, 443, 443, 80, 993, 22, 8443, 5222}
	for i := range rows {
		var host, peer [4]byte
		binary.BigEndian.PutUint32(host[:], 10<<24|uint32(zipf.Uint64()+1))
		binary.BigEndian.PutUint32(peer[:], 93<<24|uint32(peers.Uint64()*2654435761&0xffffff))
		rows[i] = archive.Row{
			Day: day, Slot: archive.Slot(i * slots / n), Router: 1, WAN: 1,
			Host: netip.AddrFrom4(host), Peer: netip.AddrFrom4(peer),
			HostPort: uint16(1024 + rng.IntN(60000)), PeerPort: ports[rng.IntN(len(ports))], Proto: 6,
			UpPackets: uint64(1 + rng.IntN(20)), DownPackets: uint64(1 + rng.IntN(40)),
			UpBytes: uint64(40 + rng.IntN(3000)), DownBytes: uint64(40 + rng.IntN(50000)), Flows: 2,
		}
	}
	return rows
}
