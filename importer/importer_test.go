package importer

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
	"nfacct/importer/attribution"
)

var (
	ip      = netip.MustParseAddr
	prefix  = netip.MustParsePrefix
	gateway = netip.MustParseAddrPort("192.0.2.1:2055")
	ours    = netip.MustParseAddrPort("192.0.2.9:8787")
)

// v5Office is the network of the v5 capture of 2016: interface 13 is outside,
// and outside addresses were anonymised to 10.0.x.x.
func v5Office() Router {
	return Router{Name: "gw", Export: []netip.Addr{gateway.Addr()}, Router: attribution.Router{
		WAN: []uint32{13}, Inside: []netip.Prefix{prefix("192.168.0.0/24")},
	}}
}

// ipfixOffice is the network of the IPFIX capture of 2017: interface 7 is
// outside, with 192.168.230.216 for a public address.
func ipfixOffice() Router {
	return Router{Name: "gw", Export: []netip.Addr{gateway.Addr()}, Router: attribution.Router{
		WAN: []uint32{7}, Inside: []netip.Prefix{prefix("10.10.0.0/16"), prefix("172.20.0.0/16")},
		Own: []netip.Addr{ip("192.168.230.216"), ip("172.20.4.1")},
	}}
}

func payload(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "mikrotik", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sent is a datagram and when it came.
type sent struct {
	at      time.Time
	payload []byte
}

// spoolFile writes datagrams to a sealed file of a spool folder.
func spoolFile(t testing.TB, folder string, start time.Time, datagrams ...sent) {
	t.Helper()
	var blocks []byte
	for _, d := range datagrams {
		blocks = spool.AppendPacket(blocks, spool.Live, d.at.UnixNano(), gateway, ours, d.payload)
	}
	writeSpool(t, folder, start, blocks)
}

// writeSpool writes packets, as AppendPacket makes them, to a sealed file.
func writeSpool(t testing.TB, folder string, start time.Time, blocks []byte) {
	t.Helper()
	w, err := spool.NewWriter(spool.Config{Folder: folder}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Begin(start, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(blocks); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

var at = time.Date(2026, 11, 23, 19, 16, 0, 0, time.UTC)

func newImporter(t testing.TB, folder string, routers ...Router) *Importer {
	t.Helper()
	im, err := New(Config{Spool: folder}, routers, time.UTC, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func preview(t testing.TB, im *Importer, files ...string) Summary {
	t.Helper()
	s, err := im.Preview(context.Background(), files, archive.Day{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ledger is a loader that keeps rows in memory.
type ledger struct {
	mu         sync.Mutex // known is asked while another file is committed
	rows, part []archive.Row
	loaded     map[[32]byte]bool
	file       archive.File
	log        []string
	fail       string // the step that fails
}

func (l *ledger) known(_ context.Context, f archive.File) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loaded[f.Digest], nil
}

func (l *ledger) step(name string) error {
	l.log = append(l.log, name)
	if l.fail == name {
		return fmt.Errorf("%s was told to fail", name)
	}
	return nil
}

func (l *ledger) begin(_ context.Context, f archive.File) error {
	l.part, l.file = nil, f
	return l.step("begin")
}

func (l *ledger) append(r *archive.Row) error {
	l.part = append(l.part, *r)
	if l.fail == "append" {
		return l.step("append")
	}
	return nil
}

func (l *ledger) commit(_ context.Context, _ *fileEnd) (uint64, error) {
	if err := l.step("commit"); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = append(l.rows, l.part...)
	if l.loaded == nil {
		l.loaded = map[[32]byte]bool{}
	}
	l.loaded[l.file.Digest] = true
	return uint64(len(l.part)), nil
}

func (l *ledger) strict() bool { return false }

func (l *ledger) memory(context.Context, archive.File) (*memory, error) { return nil, nil }

func (l *ledger) abort(context.Context) error { return l.step("abort") }

// load sends files through the pipeline into memory.
func load(t testing.TB, im *Importer, l *ledger, only date, files ...string) Summary {
	t.Helper()
	b := im.build(Options{})
	var inputs []input
	var err error
	if len(files) > 0 {
		inputs, err = given(files, im.cfg.Spool)
	} else {
		inputs, err = fromSpool(im.cfg.Spool)
	}
	if err == nil {
		err = b.run(context.Background(), inputs, l, only)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, _ := b.finish(nil)
	for _, book := range s.Books {
		if err := book.Check(); err != nil {
			t.Error(err)
		}
	}
	return s
}

// charges sums rows by host.
func charges(rows []archive.Row) string {
	type sum struct{ up, down, flows uint64 }
	sums := map[netip.Addr]sum{}
	for _, r := range rows {
		s := sums[r.Host]
		s.up, s.down, s.flows = s.up+r.UpBytes, s.down+r.DownBytes, s.flows+r.Flows
		sums[r.Host] = s
	}
	var lines []string
	for host, s := range sums {
		lines = append(lines, fmt.Sprintf("%s up %d down %d flows %d", host, s.up, s.down, s.flows))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestMikrotikV5 charges the hosts of the v5 capture as added up by hand from
// its 30 records: 28 cross interface 13, two are internal.
func TestMikrotikV5(t *testing.T) {
	folder := t.TempDir()
	spoolFile(t, folder, at, sent{at, payload(t, "netflow5_test_microtik.dat")})
	var l ledger
	s := load(t, newImporter(t, folder, v5Office()), &l, anyDay)
	want := strings.Join([]string{
		"192.168.0.1 up 1112 down 11992 flows 3",
		"192.168.0.129 up 248 down 0 flows 1",
		"192.168.0.130 up 124 down 181 flows 2",
		"192.168.0.131 up 160 down 0 flows 2",
		"192.168.0.145 up 240 down 160 flows 4",
		"192.168.0.17 up 80 down 104 flows 2",
		"192.168.0.33 up 4783 down 6271 flows 2",
		"192.168.0.34 up 0 down 180 flows 1",
		"192.168.0.35 up 192 down 0 flows 1",
		"192.168.0.49 up 1394 down 754 flows 2",
		"192.168.0.81 up 974 down 104 flows 3",
		"192.168.0.97 up 180 down 80 flows 2",
		"192.168.0.98 up 0 down 1379 flows 3",
	}, "\n")
	if got := charges(l.rows); got != want {
		t.Errorf("charged:\n%s\nwant:\n%s", got, want)
	}
	if s.Records != 30 || len(s.Books) != 1 || s.Books[0].Classes.Internal != (archive.Counts{Records: 2, Bytes: 10120}) {
		t.Errorf("summary: %+v", s)
	}
	// 28 records make 19 conversations: nine of them have both halves.
	if len(l.rows) != 19 {
		t.Errorf("%d rows, want 19", len(l.rows))
	}
	// The router's clock said 2016, ten years off: the collector's counts.
	for _, r := range l.rows {
		if r.Day != (archive.Day{Year: 2026, Month: 11, Day: 23}) || r.Slot != 77 || r.WAN != 13 {
			t.Errorf("row of %s slot %d wan %d", r.Day, r.Slot, r.WAN)
		}
	}
}

// TestMikrotikIPFIX charges the hosts of the RouterOS 6.39.2 capture: of 28 + 18
// records six cross the translation of interface 7, and every one is resolved.
func TestMikrotikIPFIX(t *testing.T) {
	want := strings.Join([]string{
		"10.10.6.11 up 2233 down 502 flows 2",
		"10.10.7.11 up 196 down 206 flows 2",
		"10.10.8.197 up 152 down 152 flows 2",
	}, "\n")
	tpl := sent{at, payload(t, "ipfix_test_mikrotik_tpl.dat")}
	four := sent{at.Add(time.Second), payload(t, "ipfix_test_mikrotik_data258.dat")}
	six := sent{at.Add(2 * time.Second), payload(t, "ipfix_test_mikrotik_data259.dat")}
	orders := map[string][]sent{
		"template first":   {tpl, four, six},
		"template last":    {four, six, tpl},
		"template between": {four, tpl, six},
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			spoolFile(t, folder, at, order...)
			var l ledger
			s := load(t, newImporter(t, folder, ipfixOffice()), &l, anyDay)
			if got := charges(l.rows); got != want {
				t.Errorf("charged:\n%s\nwant:\n%s", got, want)
			}
			c := s.Books[0].Classes
			if s.Records != 46 || c.Unattributed.Records != 0 || c.RouterLocal.Records != 34 || c.Internal.Records != 6 || c.Up.Records != 3 || c.Down.Records != 3 || s.Books[0].NoTemplate != 0 {
				t.Errorf("%d records, no template %d, %+v", s.Records, s.Books[0].NoTemplate, c)
			}
		})
	}
}
