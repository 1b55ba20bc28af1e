package migrate

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"nfacct/archive"
	"nfacct/importer"
	"nfacct/importer/attribution"
	"nfacct/importer/migrate/migratetest"
)

// old is a server for the tables of predecessors, shared by tests, which take
// turns. It is a private server that nothing of the archive's own is looked at.
var old struct {
	folder   string
	template string // data of a server that was just set up
	keeper   *archive.Archive
	db       *sql.DB // as root, in the database netflow
}

const oldDatabase = "netflow"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		if err := child(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() != "" { // workers are killed, and would leave their servers
		os.Exit(m.Run())
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	// Under the race detector a process sleeps for a second before it ends.
	os.Setenv("GORACE", "atexit_sleep_ms=10")
	err := func() (err error) {
		// Not of t.TempDir: paths of sockets are short.
		if old.folder, err = os.MkdirTemp("", "nfacct-old-"); err != nil {
			return err
		}
		cfg := archive.DefaultConfig()
		cfg.Folder = old.folder
		if err := makeTemplate(cfg); err != nil {
			return err
		}
		if old.keeper, err = archive.Open(context.Background(), cfg, quiet); err != nil {
			return err
		}
		if _, err := old.keeper.DB().Exec("CREATE DATABASE " + oldDatabase); err != nil {
			return err
		}
		old.db, err = connect(oldDSN("root", ""))
		return err
	}()
	defer os.RemoveAll(old.folder)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	old.db.Close()
	if err := old.keeper.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// makeTemplate sets the old server up and keeps a copy of its data.
func makeTemplate(cfg archive.Config) error {
	a, err := archive.Open(context.Background(), cfg, quiet)
	if err == nil {
		err = a.Close()
	}
	if err != nil {
		return err
	}
	old.template = filepath.Join(old.folder, "template")
	return os.CopyFS(old.template, os.DirFS(filepath.Join(old.folder, "data")))
}

// furnish gives the server for copies of tables its data: to set one up takes
// longer than most migrations of tests. TestDiscardCutShort does it all the same.
func furnish(t testing.TB, work string) {
	t.Helper()
	data := filepath.Join(work, "data")
	err := os.CopyFS(data, os.DirFS(old.template))
	if err == nil {
		err = os.Chmod(data, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var quiet = slog.New(slog.DiscardHandler)

// oldDSN connects to the old server.
func oldDSN(user, password string) *mysql.Config {
	dsn := mysql.NewConfig()
	dsn.User, dsn.Passwd, dsn.Net, dsn.DBName = user, password, "unix", oldDatabase
	dsn.Addr = filepath.Join(old.folder, "data", "nfacct.sock")
	return dsn
}

// oldFolder is where the old server keeps its tables.
func oldFolder() string { return filepath.Join(old.folder, "data", oldDatabase) }

// clear empties the old database.
func clearOld(t testing.TB) {
	t.Helper()
	rows, err := old.db.Query("SHOW TABLES")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		mustExec(t, old.db, "DROP TABLE `"+name+"`")
	}
}

func mustExec(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// makeOld makes a table in the old database, packed when its name ends with c.
func makeOld(t testing.TB, name string, layout migratetest.Layout, rows iter.Seq[migratetest.Row]) {
	t.Helper()
	plain := plainName(name)
	err := migratetest.Create(t.Context(), old.db, plain, layout)
	if err == nil {
		err = migratetest.Fill(t.Context(), old.db, plain, layout, rows)
	}
	if err == nil && plain != name {
		err = migratetest.Pack(t.Context(), old.db, oldFolder(), plain)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// office is the router of the tests.
func office() importer.Router {
	return importer.Router{
		Name: "gw", Export: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
		Router: attribution.Router{
			Inside:  []netip.Prefix{netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("10.0.0.0/8")},
			Own:     []netip.Addr{netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("192.168.0.1")},
			Proxies: []netip.Addr{netip.MustParseAddr("192.168.0.20")},
			WAN:     []uint32{13},
		},
	}
}

// moscow is where the old chain stood.
var moscow = must(time.LoadLocation("Europe/Moscow"))

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// place is an archive with all that migrates into it.
type place struct {
	archive  *archive.Archive
	importer *importer.Importer
	dsn      string
	name     string // of its database
}

// places counts the databases that were made for tests.
var places int

// newPlace is an archive in a new database of the old server, which takes less
// time than a server of its own.
func newPlace(t testing.TB, options ...func(*archive.Config)) *place {
	t.Helper()
	places++
	name := fmt.Sprintf("place%d", places)
	mustExec(t, old.db, "CREATE DATABASE "+name)
	p, err := openPlace(fmt.Sprintf("root@unix(%s)/%s", oldDSN("", "").Addr, name), options...)
	if err != nil {
		t.Fatal(err)
	}
	p.name = name
	t.Cleanup(func() {
		if err := p.archive.Close(); err != nil {
			t.Error(err)
		}
		mustExec(t, old.db, "DROP DATABASE "+name)
	})
	return p
}

func openPlace(dsn string, options ...func(*archive.Config)) (*place, error) {
	cfg := archive.DefaultConfig()
	cfg.DSN = dsn
	for _, option := range options {
		option(&cfg)
	}
	a, err := archive.Open(context.Background(), cfg, quiet)
	if err != nil {
		return nil, err
	}
	im, err := importer.New(importer.DefaultConfig(), []importer.Router{office()}, moscow, a, quiet)
	if err != nil {
		return nil, err
	}
	return &place{archive: a, importer: im, dsn: dsn}, nil
}

// options are those of the tests.
func options() Options {
	return Options{Router: "gw", Location: moscow, Clock: moscow, Wait: 5 * time.Second}
}

func (p *place) migrator(t testing.TB, opts Options) *Migrator {
	t.Helper()
	m, err := New(p.importer, p.archive, opts, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// server is the old server as a source.
func server(t testing.TB) *Source {
	t.Helper()
	s, err := OpenServer(t.Context(), oldDSN("root", ""), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// migrate migrates all tables of a source, and wants no error.
func (p *place) migrate(t testing.TB, s *Source, opts Options) *Summary {
	t.Helper()
	summary := NewSummary()
	if err := p.migrator(t, opts).Tables(t.Context(), s, summary); err != nil {
		t.Fatal(err)
	}
	if err := summary.Err(); err != nil {
		t.Fatal(err)
	}
	return summary
}

// books are all of the archive's, which must balance.
func (p *place) books(t testing.TB) []archive.Book {
	t.Helper()
	books, err := p.archive.Reader().Books(t.Context(), archive.Day{Year: 2000, Month: 1, Day: 1}, archive.Day{Year: 2030, Month: 1, Day: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range books {
		if b.Difference != "" {
			t.Errorf("%s %s: %s", b.Day, b.Router, b.Difference)
		}
	}
	return books
}

// total is the sum of all books.
func (p *place) total(t testing.TB) archive.Book {
	t.Helper()
	var sum archive.Book
	for _, b := range p.books(t) {
		sum.Add(b)
	}
	return sum
}

// rows are those of all month tables.
func (p *place) rows(t testing.TB) []string {
	t.Helper()
	tables, err := p.archive.DB().Query(`SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'flows\_%' AND engine <> 'MRG_MyISAM'`)
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	var all []string
	for tables.Next() {
		var name string
		if err := tables.Scan(&name); err != nil {
			t.Fatal(err)
		}
		all = append(all, lines(t, p.archive.DB(), "SELECT CONCAT_WS(' ', day, slot, router, wan, INET6_NTOA(host), host_port, INET6_NTOA(peer), peer_port, proto,"+
			" up_packets, down_packets, up_bytes, down_bytes, flows, first, duration, attribution) FROM "+name)...)
	}
	slices.Sort(all)
	return all
}

func lines(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
