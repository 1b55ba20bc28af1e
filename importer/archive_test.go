package importer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
	"nfacct/importer/attribution"
)

// childFolder names the variable that makes the test binary an import to be killed.
const childFolder = "NFACCT_TEST_IMPORT"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		if err := child(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Under the race detector a process sleeps for a second before it ends, and
	// these tests start many.
	os.Setenv("GORACE", "atexit_sleep_ms=10")
	os.Exit(m.Run())
}

var quiet = slog.New(slog.DiscardHandler)

func openArchive(t testing.TB, folder string) *archive.Archive {
	t.Helper()
	cfg := archive.DefaultConfig()
	cfg.Folder = folder
	a, err := archive.Open(context.Background(), cfg, quiet)
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

// real is an importer with a database, both in temporary folders.
func real(t testing.TB, loc *time.Location, routers ...Router) *Importer {
	t.Helper()
	im, err := New(Config{Spool: t.TempDir()}, routers, loc, openArchive(t, t.TempDir()), quiet)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func importAll(t testing.TB, im *Importer, files ...string) Summary {
	t.Helper()
	s, err := im.Import(context.Background(), files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, im)
	return s
}

// balanced asks the archive for the books of all days of the tests.
func balanced(t testing.TB, im *Importer) []archive.Book {
	t.Helper()
	books, err := im.archive.Reader().Books(context.Background(), archive.Day{Year: 2026, Month: 1, Day: 1}, archive.Day{Year: 2026, Month: 12, Day: 31})
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

// lines are the rows of a query, columns joined by spaces.
func lines(t testing.TB, im *Importer, query string) string {
	t.Helper()
	rows, err := im.archive.DB().Query(query)
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
	return strings.Join(all, "\n")
}

const chargesIn = `SELECT CONCAT(INET6_NTOA(host), ' up ', SUM(up_bytes), ' down ', SUM(down_bytes), ' flows ', SUM(flows)) FROM %s GROUP BY host ORDER BY INET6_NTOA(host)`

// TestArchive loads both captures of RouterOS and asks the tables.
func TestArchive(t *testing.T) {
	two := ipfixOffice()
	two.Name = "six"
	im := real(t, time.UTC, two)
	spoolFile(t, im.cfg.Spool, at,
		sent{at, payload(t, "ipfix_test_mikrotik_tpl.dat")},
		sent{at, payload(t, "ipfix_test_mikrotik_data258.dat")},
		sent{at, payload(t, "ipfix_test_mikrotik_data259.dat")})
	s := importAll(t, im)
	if s.Loaded != 1 || s.Records != 46 || s.Rows == 0 {
		t.Errorf("summary: %+v", s)
	}
	want := "10.10.6.11 up 2233 down 502 flows 2\n10.10.7.11 up 196 down 206 flows 2\n10.10.8.197 up 152 down 152 flows 2"
	if got := lines(t, im, fmt.Sprintf(chargesIn, "flows_2026_11")); got != want {
		t.Errorf("charged:\n%s\nwant:\n%s", got, want)
	}
	// Masqueraded both ways by rule 1 (inside) and 2 (translated).
	if got := lines(t, im, "SELECT DISTINCT CONCAT(attribution, ' ', slot, ' ', wan) FROM flows_2026_11 WHERE up_bytes > 0 AND down_bytes > 0"); got != "33 77 7" {
		t.Errorf("attribution, slot, wan: %s", got)
	}

	// The same again does nothing.
	rows := lines(t, im, "SELECT COUNT(*) FROM flows_2026_11")
	if s = importAll(t, im); s.Loaded != 0 || s.Known != 1 {
		t.Errorf("the second time: %+v", s)
	}
	// Nor does a copy under another name.
	spooled, _ := spool.ListSealed(im.cfg.Spool)
	copied := filepath.Join(t.TempDir(), "copy.pcapng.zst")
	b, err := os.ReadFile(spooled[0].Path)
	if err == nil {
		err = os.WriteFile(copied, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if s = importAll(t, im, copied); s.Loaded != 0 || s.Known != 1 {
		t.Errorf("a copy: %+v", s)
	}
	if again := lines(t, im, "SELECT COUNT(*) FROM flows_2026_11"); again != rows {
		t.Errorf("%s rows became %s", rows, again)
	}
	imported, err := spool.ReadImported(im.cfg.Spool)
	if err != nil || len(imported) != 1 || !imported[spooled[0].Name] {
		t.Errorf("list of imported files: %v, %v", imported, err)
	}
}

func TestArchiveFlowTools(t *testing.T) {
	im := real(t, time.UTC, Router{Name: "lo", Export: []netip.Addr{ip("127.0.0.1")}, Router: v5Office().Router})
	if s := importAll(t, im, filepath.Join("testdata", "flow-tools")); s.Loaded != 2 || s.Records != 132 {
		t.Errorf("summary: %+v", s)
	}
	if s := importAll(t, im, filepath.Join("testdata", "flow-tools")); s.Known != 2 {
		t.Errorf("the second time: %+v", s)
	}
}

// TestLateFile: a file of an earlier quarter-hour comes after a later one.
func TestLateFile(t *testing.T) {
	im := real(t, time.UTC, v5Office())
	start := at.Truncate(spool.SlotLength)
	spoolFile(t, im.cfg.Spool, start, office(20, start)...)
	importAll(t, im)
	early := start.Add(-2 * time.Hour)
	spoolFile(t, im.cfg.Spool, early, office(10, early)...)
	if s := importAll(t, im); s.Loaded != 1 || s.Records != 300 || s.Known != 1 {
		t.Errorf("summary: %+v", s)
	}
	if got := lines(t, im, "SELECT SUM(flows) FROM flows_2026_11"); got != "900" {
		t.Errorf("%s records in the table, want 900", got)
	}
}

// TestDayAgain loads a day again after the configuration changed, from files
// that also hold the neighbouring days.
func TestDayAgain(t *testing.T) {
	loc := zone(t, "Europe/Berlin")
	im := real(t, loc, v5Office())
	midnight := time.Date(2026, 11, 1, 0, 0, 0, 0, loc)
	for _, start := range []time.Time{midnight.Add(-15 * time.Minute), midnight} {
		spoolFile(t, im.cfg.Spool, start, office(10, start)...)
	}
	importAll(t, im)
	oct := lines(t, im, "SELECT CONCAT(day, ' ', slot, ' ', SUM(flows), ' ', SUM(up_bytes+down_bytes)) FROM flows_2026_10 GROUP BY day, slot ORDER BY day, slot")
	nov := lines(t, im, "SELECT CONCAT(day, ' ', slot, ' ', SUM(flows), ' ', SUM(up_bytes+down_bytes)) FROM flows_2026_11 GROUP BY day, slot ORDER BY day, slot")
	if !strings.Contains(oct, "2026-10-31 95 ") || !strings.Contains(nov, "2026-11-01 0 ") {
		t.Errorf("at the month's edge:\n%s\n%s", oct, nov)
	}
	day := archive.Day{Year: 2026, Month: 11, Day: 1}
	if _, err := im.ImportDay(context.Background(), day, Options{}); err != nil {
		t.Fatal(err)
	}
	balanced(t, im)
	same := func() {
		t.Helper()
		if got := lines(t, im, "SELECT CONCAT(day, ' ', slot, ' ', SUM(flows), ' ', SUM(up_bytes+down_bytes)) FROM flows_2026_10 GROUP BY day, slot ORDER BY day, slot"); got != oct {
			t.Errorf("October was\n%s, is\n%s", oct, got)
		}
	}
	same()
	if got := lines(t, im, "SELECT CONCAT(day, ' ', slot, ' ', SUM(flows), ' ', SUM(up_bytes+down_bytes)) FROM flows_2026_11 GROUP BY day, slot ORDER BY day, slot"); got != nov {
		t.Errorf("November was\n%s, is\n%s", nov, got)
	}

	narrow := v5Office()
	narrow.Inside = []netip.Prefix{prefix("192.168.0.0/28")}
	narrower, err := New(im.cfg, []Router{narrow}, loc, im.archive, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := narrower.ImportDay(context.Background(), day, Options{}); err != nil {
		t.Fatal(err)
	}
	same()
	if got := lines(t, im, "SELECT COUNT(DISTINCT host) FROM flows_2026_11"); got == "0" || len(got) > 2 {
		t.Errorf("%s hosts in the narrower network", got)
	}
	balanced(t, im)

	// Refused, and nothing changed, when a file is gone.
	spooled, _ := spool.ListSealed(im.cfg.Spool)
	if err := os.Remove(spooled[1].Path); err != nil {
		t.Fatal(err)
	}
	before := lines(t, im, "SELECT COUNT(*) FROM flows_2026_11")
	if _, err := im.ImportDay(context.Background(), day, Options{}); err == nil || !strings.Contains(err.Error(), spooled[1].Name) {
		t.Errorf("a file is gone: %v", err)
	}
	if after := lines(t, im, "SELECT COUNT(*) FROM flows_2026_11"); after != before {
		t.Errorf("%s rows became %s", before, after)
	}
}

// TestLongAndShortDays loads the last quarter-hour of days of 23 and 25 hours.
func TestLongAndShortDays(t *testing.T) {
	loc := zone(t, "Europe/Berlin")
	im := real(t, loc, v5Office())
	for _, tt := range []struct {
		month time.Month
		day   int
		table string
		want  string
	}{
		{3, 30, "flows_2026_03", "2026-03-29 91"},
		{10, 26, "flows_2026_10", "2026-10-25 99"},
	} {
		start := time.Date(2026, tt.month, tt.day, 0, 0, 0, 0, loc).Add(-15 * time.Minute)
		datagrams := office(3, start.Add(time.Minute))
		spoolFile(t, im.cfg.Spool, start, datagrams...)
		importAll(t, im)
		if got := lines(t, im, "SELECT DISTINCT CONCAT(day, ' ', slot) FROM "+tt.table); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.table, got, tt.want)
		}
	}
}

// TestTemplateOfALaterImport: a file is loaded without what has no template,
// and again when a later import brings it.
func TestTemplateOfALaterImport(t *testing.T) {
	im := real(t, time.UTC, ipfixOffice())
	start := at.Truncate(spool.SlotLength)
	spoolFile(t, im.cfg.Spool, start, sent{at, payload(t, "ipfix_test_mikrotik_data258.dat")})
	importAll(t, im)
	if b := balanced(t, im); b[0].Records != 0 || b[0].NoTemplate != 1 {
		t.Fatalf("without template: %+v", b[0])
	}
	spoolFile(t, im.cfg.Spool, start.Add(15*time.Minute), sent{at.Add(15 * time.Minute), payload(t, "ipfix_test_mikrotik_tpl.dat")})
	importAll(t, im)
	if b := balanced(t, im); b[0].Records != 28 || b[0].NoTemplate != 0 {
		t.Errorf("with the template: %+v", b[0])
	}
}

func TestTwoAtOnce(t *testing.T) {
	im := real(t, time.UTC, v5Office())
	spoolFile(t, im.cfg.Spool, at, sent{at, payload(t, "netflow5_test_microtik.dat")})
	lock, err := openArchive(t, folderOf(t, im)).Lock(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Import(context.Background(), nil, Options{}); !errors.Is(err, archive.ErrLocked) {
		t.Errorf("while another imports: %v", err)
	}
	time.AfterFunc(300*time.Millisecond, lock.Unlock)
	s, err := im.Import(context.Background(), nil, Options{Wait: 10 * time.Second})
	if err != nil || s.Loaded != 1 {
		t.Errorf("after waiting: %+v, %v", s, err)
	}
}

// folderOf is the folder of an importer's private server.
func folderOf(t testing.TB, im *Importer) string {
	t.Helper()
	return filepath.Dir(strings.TrimSuffix(lines(t, im, "SELECT @@datadir"), "/"))
}

// TestKilled kills imports with SIGKILL at random moments; what the archive
// holds after the last one is what one undisturbed import makes of the files.
func TestKilled(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	folder := t.TempDir()
	spoolFolder, database := filepath.Join(folder, "spool"), filepath.Join(folder, "database")
	start := at.Truncate(spool.SlotLength)
	im, err := New(Config{Spool: spoolFolder}, []Router{v5Office()}, time.UTC, openArchive(t, database), quiet)
	if err != nil {
		t.Fatal(err)
	}
	const each = 60
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	files := 0
	for round := range rounds {
		for range 2 {
			from := start.Add(time.Duration(files) * spool.SlotLength)
			spoolFile(t, spoolFolder, from, office(each, from)...)
			files++
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childFolder+"="+folder)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(900 * time.Millisecond))))
		_ = cmd.Process.Kill()
		err := cmd.Wait()
		t.Logf("round %d: %v", round, err)
	}
	s, err := im.Import(context.Background(), nil, Options{Wait: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d files were loaded by the imports that were killed", s.Known, files)
	if s.Loaded+s.Known != files {
		t.Errorf("%d loaded and %d known of %d files", s.Loaded, s.Known, files)
	}
	balanced(t, im)
	var want uint64
	for i := range files {
		for _, d := range office(each, start.Add(time.Duration(i)*spool.SlotLength)) {
			for r := d.payload[24:]; len(r) > 0; r = r[48:] {
				want += uint64(binary.BigEndian.Uint32(r[20:]))
			}
		}
	}
	if got := lines(t, im, "SELECT CONCAT(SUM(flows), ' ', SUM(up_bytes + down_bytes)) FROM flows_2026_11"); got != fmt.Sprintf("%d %d", files*each*30, want) {
		t.Errorf("records and bytes %s, want %d %d", got, files*each*30, want)
	}
	if got := lines(t, im, "SELECT CONCAT(SUM(flows), ' ', SUM(up_bytes + down_bytes)) FROM usage_hourly"); got != fmt.Sprintf("%d %d", files*each*30, want) {
		t.Errorf("rollups %s, want %d %d", got, files*each*30, want)
	}
}

// child is the import that TestKilled kills.
func child(folder string) error {
	cfg := archive.DefaultConfig()
	cfg.Folder = filepath.Join(folder, "database")
	a, err := archive.Open(context.Background(), cfg, quiet)
	if err != nil {
		return err
	}
	defer a.Close()
	router := Router{Name: "gw", Export: []netip.Addr{gateway.Addr()}, Router: attribution.Router{WAN: []uint32{13}, Inside: []netip.Prefix{prefix("192.168.0.0/24")}}}
	im, err := New(Config{Spool: filepath.Join(folder, "spool")}, []Router{router}, time.UTC, a, quiet)
	if err != nil {
		return err
	}
	_, err = im.Import(context.Background(), nil, Options{Wait: 10 * time.Second})
	return err
}
