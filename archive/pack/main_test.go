package pack

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/archive/archivetest"
)

// shared is one private server for all tests that need no other.
var shared struct {
	config archive.Config
	keeper *archive.Archive
	// template is the data folder of a server that was set up and stopped.
	template string
}

func TestMain(m *testing.M) {
	if os.Getenv("NFACCT_TEST_CHILD") != "" {
		os.Exit(runChild())
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	archivetest.InMemory()
	archivetest.AtOnce()
	folder, err := os.MkdirTemp("", "nfacct-pack-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	shared.config = archive.DefaultConfig()
	shared.config.Folder = filepath.Join(folder, "shared")
	shared.template = filepath.Join(folder, "template")
	if err := makeTemplate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared.keeper, err = archive.Open(context.Background(), shared.config, testLog())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := shared.keeper.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// makeTemplate sets the shared server up and keeps a copy of its data.
func makeTemplate() error {
	a, err := archive.Open(context.Background(), shared.config, testLog())
	if err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return err
	}
	return os.CopyFS(shared.template, os.DirFS(filepath.Join(shared.config.Folder, "data")))
}

// furnished is a private server of the test's own, for one that runs beside others.
func furnished(t testing.TB) archive.Config {
	t.Helper()
	cfg := archive.DefaultConfig()
	cfg.Folder = t.TempDir()
	data := filepath.Join(cfg.Folder, "data")
	if err := os.CopyFS(data, os.DirFS(shared.template)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, 0o700); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func testLog() *slog.Logger {
	level := slog.LevelError + 1
	if os.Getenv("NFACCT_TEST_VERBOSE") != "" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

var (
	october  = archive.Month{Year: 2026, Month: time.October}
	november = archive.Month{Year: 2026, Month: time.November}
)

// open is an archive on the shared server that holds nothing.
func open(t testing.TB) *archive.Archive {
	t.Helper()
	return openEmpty(t, shared.config)
}

// openEmpty is one on another server.
func openEmpty(t testing.TB, cfg archive.Config) *archive.Archive {
	t.Helper()
	a := openConfig(t, cfg)
	wipe(t, a)
	return a
}

func openConfig(t testing.TB, cfg archive.Config) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.Context(), cfg, testLog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func wipe(t testing.TB, a *archive.Archive) {
	t.Helper()
	rows, err := a.DB().Query("SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()")
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			t.Fatal(err)
		}
		if kind == "VIEW" {
			defer run(t, a, "DROP VIEW "+name)
			continue
		}
		tables = append(tables, name)
	}
	rows.Close()
	for _, name := range tables {
		switch {
		case len(name) > 6 && (name[:6] == "flows_" || name[:5] == "pack_"):
			run(t, a, "DROP TABLE "+name)
		case name == "imports":
			run(t, a, "TRUNCATE TABLE "+name) // and its numbers begin anew
		case name != "schema_versions" && name != "routers":
			run(t, a, "DELETE FROM "+name) // ten times as quick as TRUNCATE, which makes files anew
		}
	}
}

// openFolder is a temporary folder that the server's user may use too: one that root
// starts runs as another.
func openFolder(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	return folder
}

func run(t testing.TB, a *archive.Archive, statement string) {
	t.Helper()
	if _, err := a.DB().Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// file is a made-up file of rows spread over the days from first on.
type file struct {
	seed  uint64
	rows  int
	first archive.Day
	days  int
}

// load loads a file, with the writer lock taken for it alone.
func load(ctx context.Context, a *archive.Archive, f file) error {
	lock, err := a.Lock(ctx, time.Minute)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	router, err := a.Routers().ID(ctx, "gw")
	if err != nil {
		return err
	}
	name := fmt.Sprintf("file-%d", f.seed)
	l, err := lock.BeginLoad(ctx, archive.File{Name: name, Size: int64(f.rows), Digest: sha256.Sum256([]byte(name))})
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(f.seed, 1))
	books := make([]archive.Book, f.days)
	for i := range books {
		books[i] = archive.Book{Day: f.first.Add(i), Router: "gw"}
	}
	for i := range f.rows {
		at := i * f.days / f.rows
		r := row(random, router, books[at].Day)
		if err := l.Append(&r); err != nil {
			return err
		}
		up := archive.Counts{Records: r.Flows, Bytes: r.UpBytes + r.DownBytes}
		books[at].Records += up.Records
		books[at].Bytes += up.Bytes
		books[at].Classes.Up = books[at].Classes.Up.Plus(up)
		books[at].Loaded.Counts = books[at].Loaded.Plus(up)
	}
	if err := l.Commit(ctx, books); err != nil {
		return err
	}
	return lock.Settle(ctx)
}

// row draws a row as an office makes them: few hosts, more peers, mostly web.
func row(random *rand.Rand, router uint16, day archive.Day) archive.Row {
	packets := uint64(1 + random.ExpFloat64()*20)
	return archive.Row{
		Day: day, Slot: archive.Slot(random.IntN(96)), Router: router, WAN: 1,
		Host:     netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(2)), byte(random.IntN(200))}),
		Peer:     netip.AddrFrom4([4]byte{byte(20 + random.IntN(8)), byte(random.IntN(16)), byte(random.IntN(256)), byte(random.IntN(256))}),
		HostPort: uint16(49152 + random.IntN(16384)), PeerPort: 443, Proto: 6,
		UpPackets: packets, DownPackets: packets + uint64(random.IntN(9)),
		UpBytes: packets * uint64(40+random.IntN(400)), DownBytes: packets * uint64(40+random.IntN(1400)),
		Flows: 2, First: int32(random.IntN(900)), Duration: uint32(random.IntN(60)), Attribution: 1,
	}
}

func mustLoad(t testing.TB, a *archive.Archive, files ...file) {
	t.Helper()
	for _, f := range files {
		if err := load(t.Context(), a, f); err != nil {
			t.Fatal(err)
		}
	}
}

func packer(a *archive.Archive) *Packer { return New(DefaultConfig(), a, testLog()) }

// answer is what a reader is told of the months: sums by host, and the sum of
// everything about every row.
func answer(ctx context.Context, a *archive.Archive, from, to archive.Day) (map[string]string, error) {
	rows, err := a.Reader().QueryFlows(ctx, archive.FlowQuery{
		From: from, To: to, Group: []string{"host"}, Sum: []string{"rows", "flows", "up_bytes", "down_bytes", "up_packets", "down_packets", "duration", "host_port"},
	})
	if err != nil || rows == nil {
		return nil, err
	}
	defer rows.Close()
	got := map[string]string{}
	for rows.Next() {
		var host string
		var sums [8]uint64
		if err := rows.Scan(&host, &sums[0], &sums[1], &sums[2], &sums[3], &sums[4], &sums[5], &sums[6], &sums[7]); err != nil {
			return nil, err
		}
		got[host] = fmt.Sprint(sums)
	}
	return got, rows.Err()
}
