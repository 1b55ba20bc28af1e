package archive

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"nfacct/archive/archivetest"
)

// shared is one private server for all tests that need no other; each test
// takes an empty database on it.
var shared struct {
	config Config
	keeper *Archive // keeps the server running between tests
	// template is the data folder of a server that was set up, migrated and stopped.
	template string
}

func TestMain(m *testing.M) {
	if child := os.Getenv("NFACCT_TEST_CHILD"); child != "" {
		os.Exit(runChild(child))
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	// Under the race detector a process sleeps for a second before it ends, and
	// these tests start many.
	os.Setenv("GORACE", "atexit_sleep_ms=10")
	archivetest.InMemory()
	archivetest.AtOnce()
	folder, err := os.MkdirTemp("", "nfacct-archive-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	shared.config = DefaultConfig()
	shared.config.Folder = filepath.Join(folder, "shared")
	shared.template = filepath.Join(folder, "template")
	if err := makeTemplate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared.keeper, err = Open(context.Background(), shared.config, testLog())
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
	if err := os.Mkdir(shared.config.Folder, 0o700); err != nil {
		return err
	}
	a, err := Open(context.Background(), shared.config, testLog())
	if err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return err
	}
	return os.CopyFS(shared.template, os.DirFS(filepath.Join(shared.config.Folder, "data")))
}

// furnished is a private server of the test's own, which begins with an empty
// database: to set one up takes longer than most tests.
func furnished(t testing.TB) Config {
	t.Helper()
	cfg := private(t)
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
	level := slog.LevelError
	if os.Getenv("NFACCT_TEST_VERBOSE") != "" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// open is an archive on the shared server whose tables are empty.
func open(t testing.TB) *Archive {
	t.Helper()
	a := openConfig(t, shared.config)
	wipe(t, a)
	return a
}

func openConfig(t testing.TB, cfg Config) *Archive {
	t.Helper()
	a, err := Open(t.Context(), cfg, testLog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// wipe empties every table.
func wipe(t testing.TB, a *Archive) {
	t.Helper()
	i, err := a.inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for table := range i.all {
		if i.views[table] {
			run(t, a, "DROP VIEW "+table)
		} else {
			run(t, a, "DROP TABLE "+table)
		}
	}
	for _, table := range []string{"routers", "imports"} {
		run(t, a, "TRUNCATE TABLE "+table) // and its numbers begin anew
	}
	for _, table := range []string{"interfaces", "host_names", "import_days", "import_months", "import_hours", "day_tables", "staged_parts",
		"books", "usage_hourly", "proxy_usage_hourly", "runs", "mails", "reloads", "reload_files", "reload_books", "forgets", "keyless_months", "router_facts", "interface_counters", "router_lists",
		"host_days", "host_day_peers", "day_states", "proxy_logs", "proxy_parts", "proxy_files",
		"month_packs", "month_sums", "altered_days"} {
		run(t, a, "DELETE FROM "+table) // ten times as quick as TRUNCATE, which makes files anew
	}
	a.routers = map[string]uint16{}
}

func run(t testing.TB, a *Archive, statement string, args ...any) {
	t.Helper()
	if _, err := a.db.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// writers are those that locked has made.
var writers sync.Map

// locked takes the writer lock, for writing.
func locked(ctx context.Context, a *Archive, wait time.Duration) (unlock func(), err error) {
	w, err := a.Lock(ctx, wait)
	if err != nil {
		return nil, err
	}
	writers.Store(a, w)
	return w.Unlock, nil
}

// writing is the last one who had the lock of an archive.
func writing(a *Archive) *Writer {
	if w, ok := writers.Load(a); ok {
		return w.(*Writer)
	}
	return &Writer{Archive: a}
}

// lock takes the writer lock for the rest of the test.
func lock(t testing.TB, a *Archive) {
	t.Helper()
	unlock, err := locked(t.Context(), a, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unlock)
}
