package importer

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
)

var today = archive.Day{Year: 2026, Month: 11, Day: 23}

// capture is a file of datagrams that is not of the spool.
func capture(t testing.TB, name string, datagrams ...sent) string {
	t.Helper()
	folder := t.TempDir()
	spoolFile(t, folder, datagrams[0].at, datagrams...)
	files, err := spool.ListSealed(folder)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	path := filepath.Join(folder, name)
	if err := os.Rename(files[0].Path, path); err != nil {
		t.Fatal(err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// numbered gives an IPFIX datagram another sequence number.
func numbered(b []byte, n uint32) []byte {
	binary.BigEndian.PutUint32(b[8:], n)
	return b
}

// everything is what an archive holds, as far as an import decides it.
func everything(t testing.TB, im *Importer) string {
	t.Helper()
	return lines(t, im, "SELECT CONCAT_WS(' ', day, slot, router, INET6_NTOA(host), INET6_NTOA(peer), host_port, peer_port, proto, up_bytes, down_bytes, flows, attribution) FROM flows_2026_11 ORDER BY 1") + "\n" +
		lines(t, im, "SELECT CONCAT_WS(' ', day, hour, router, INET6_NTOA(host), up_bytes, down_bytes, flows) FROM usage_hourly ORDER BY 1") + "\n" +
		lines(t, im, "SELECT CONCAT_WS(' ', import, day, router, datagrams, records, bytes, lost_records, no_template, loaded_rows, rejected, excluded) FROM books ORDER BY 1") + "\n" +
		lines(t, im, "SELECT CONCAT_WS(' ', id, file, state, records, row_count, no_template, problem, HEX(memory)) FROM imports ORDER BY 1")
}

// TestGivenAgain: a capture in pieces is loaded, and then its day again: each
// piece alone knows what the pieces before it knew, and gives the same.
func TestGivenAgain(t *testing.T) {
	im := real(t, time.UTC, ipfixOffice())
	templates, first, second := payload(t, "ipfix_test_mikrotik_tpl.dat"), payload(t, "ipfix_test_mikrotik_data258.dat"), payload(t, "ipfix_test_mikrotik_data259.dat")
	// The order in which they are named is not that of their names.
	pieces := []string{
		capture(t, "c.pcapng.zst", sent{at, numbered(templates, 100)}),
		capture(t, "b.pcapng.zst", sent{at.Add(time.Second), numbered(first, 100)}),
		capture(t, "a.pcapng.zst", sent{at.Add(2 * time.Second), numbered(second, 130)}), // 28 came, 2 are lost
	}
	if s := importAll(t, im, pieces...); s.Loaded != 3 || s.Records != 46 || s.NoTemplate != 0 {
		t.Fatalf("%+v", s)
	}
	want := everything(t, im)
	if b := balanced(t, im); b[0].LostRecords != 2 {
		t.Errorf("%+v", b[0])
	}
	if _, err := im.ImportDay(context.Background(), today, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := everything(t, im); got != want {
		t.Errorf("again:\n%s\nwant:\n%s", got, want)
	}
	// One more piece: those before it are known, and not read for nothing.
	third := capture(t, "d.pcapng.zst", sent{at.Add(3 * time.Second), numbered(payload(t, "ipfix_test_mikrotik_data258.dat"), 148)})
	if s := importAll(t, im, append(pieces, third)...); s.Loaded != 1 || s.Known != 3 || s.Records != 28 || s.Books[0].LostRecords != 0 {
		t.Errorf("%+v", s)
	}
	want = everything(t, im)
	if _, err := im.ImportDay(context.Background(), today, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := everything(t, im); got != want {
		t.Errorf("again with one more:\n%s\nwant:\n%s", got, want)
	}

	// What would be loaded again can be looked at before.
	s, err := im.Preview(context.Background(), nil, today, Options{})
	if err != nil || s.Loaded != 4 || s.Records != 74 {
		t.Errorf("preview: %+v %v", s, err)
	}
	if err := os.Remove(third); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Preview(context.Background(), nil, today, Options{}); err == nil || !strings.Contains(err.Error(), third) {
		t.Errorf("preview without a file: %v", err)
	}
}

// TestGivenTemplateLater: templates that a later file brings are given to data of
// an earlier one, at once or when they are imported, and kept for it.
func TestGivenTemplateLater(t *testing.T) {
	for _, together := range []bool{true, false} {
		im := real(t, time.UTC, ipfixOffice())
		data := capture(t, "data.pcapng.zst", sent{at, numbered(payload(t, "ipfix_test_mikrotik_data258.dat"), 100)})
		template := capture(t, "template.pcapng.zst", sent{at.Add(24 * time.Hour), numbered(payload(t, "ipfix_test_mikrotik_tpl.dat"), 128)})
		if together {
			if s := importAll(t, im, data, template); s.Loaded != 2 || s.NoTemplate != 0 {
				t.Errorf("%+v", s)
			}
		} else {
			if s := importAll(t, im, data); s.Loaded != 1 || s.NoTemplate != 1 {
				t.Errorf("%+v", s)
			}
			if s := importAll(t, im, template); s.Loaded != 2 || s.NoTemplate != 0 || s.Records != 28 {
				t.Errorf("%+v", s)
			}
		}
		want := everything(t, im)
		if b := balanced(t, im); b[0].Records != 28 || b[0].NoTemplate != 0 {
			t.Errorf("%+v", b[0])
		}
		// The file that brought them is not needed any more.
		if err := os.Remove(template); err != nil {
			t.Fatal(err)
		}
		if _, err := im.ImportDay(context.Background(), today, Options{}); err != nil {
			t.Fatal(err)
		}
		if got := everything(t, im); got != want {
			t.Errorf("again:\n%s\nwant:\n%s", got, want)
		}
	}
}

// TestDayAgainFails: whatever keeps a day from being loaded again is said, and
// the day stays what it was; other files can be loaded all the while.
func TestDayAgainFails(t *testing.T) {
	im := real(t, time.UTC, v5Office())
	start := at.Truncate(spool.SlotLength)
	for i := range 3 {
		from := start.Add(time.Duration(i) * spool.SlotLength)
		spoolFile(t, im.cfg.Spool, from, office(5, from)...)
	}
	importAll(t, im)
	want := everything(t, im)
	spooled, err := spool.ListSealed(im.cfg.Spool)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(spooled[1].Path)
	if err != nil {
		t.Fatal(err)
	}
	other := v5Office()
	other.Name, other.Export = "other", other.Export[:0:0]
	other.Export = append(other.Export, ip("192.0.2.77"))
	elsewhere, err := New(im.cfg, []Router{other}, time.UTC, im.archive, quiet)
	if err != nil {
		t.Fatal(err)
	}
	restore := func() {
		if err := os.WriteFile(spooled[1].Path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, test := range []struct {
		name, want string
		im         *Importer
		ctx        context.Context
		before     func()
	}{
		{"gone", spooled[1].Name, im, context.Background(), func() { os.Remove(spooled[1].Path) }},
		{"changed", spooled[1].Name, im, context.Background(), func() { os.WriteFile(spooled[1].Path, content[1:], 0o600) }},
		{"no router", "export list of a [[router]]", elsewhere, context.Background(), func() {}},
		{"told to stop", "canceled", im, cancelled, func() {}},
	} {
		test.before()
		if _, err := test.im.ImportDay(test.ctx, today, Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
		restore()
		if got := everything(t, im); got != want {
			t.Errorf("%s: is\n%s\nwas\n%s", test.name, got, want)
		}
	}
	// A file that cannot be decoded any more, though its bytes are what they were.
	if _, err := im.archive.DB().Exec("UPDATE imports SET digest = UNHEX(SHA2('', 256)) WHERE file = ?", spooled[1].Name); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(spooled[1].Path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := im.ImportDay(context.Background(), today, Options{}); err == nil || !strings.Contains(err.Error(), "it is empty") || !strings.Contains(err.Error(), "stays as it is") {
		t.Errorf("not decoded: %v", err)
	}
	restore()
	if got := everything(t, im); got != want {
		t.Errorf("not decoded: is\n%s\nwas\n%s", got, want)
	}
	from := start.Add(5 * spool.SlotLength)
	spoolFile(t, im.cfg.Spool, from, office(5, from)...)
	if s := importAll(t, im); s.Loaded != 1 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

// TestDayAgainWithoutARouter: of two routers in one file one is no longer
// configured, so the day would lose what it sent.
func TestDayAgainWithoutARouter(t *testing.T) {
	folder := t.TempDir()
	w, err := spool.NewWriter(spool.Config{Folder: folder}, quiet)
	if err == nil {
		err = w.Begin(at, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	second := gateway
	var blocks []byte
	for _, addr := range []string{"192.0.2.1", "192.0.2.2"} {
		second = netip.AddrPortFrom(ip(addr), gateway.Port())
		blocks = spool.AppendPacket(blocks, spool.Live, at.UnixNano(), second, ours, payload(t, "netflow5_test_microtik.dat"))
	}
	if err := errors.Join(w.Write(blocks), w.Close()); err != nil {
		t.Fatal(err)
	}
	one, two := v5Office(), v5Office()
	two.Name, two.Export = "two", append(two.Export[:0:0], second.Addr())
	a := openArchive(t, t.TempDir())
	both, err := New(Config{Spool: folder}, []Router{one, two}, time.UTC, a, quiet)
	if err != nil {
		t.Fatal(err)
	}
	importAll(t, both)
	want := everything(t, both)
	alone, err := New(Config{Spool: folder}, []Router{one}, time.UTC, a, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alone.ImportDay(context.Background(), today, Options{}); err == nil || !strings.Contains(err.Error(), "export list of a [[router]]: 192.0.2.2; what is loaded stays") {
		t.Error(err)
	}
	if got := everything(t, both); got != want {
		t.Errorf("is\n%s\nwas\n%s", got, want)
	}
	// Under another name it is the same router's.
	two.Name = "renamed"
	renamed, err := New(Config{Spool: folder}, []Router{one, two}, time.UTC, a, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := renamed.ImportDay(context.Background(), today, Options{}); err != nil {
		t.Error(err)
	}
	if b := balanced(t, renamed); len(b) != 2 || b[1].Router != "renamed" {
		t.Errorf("%+v", b)
	}
}

// TestSomeFilesFail: of files given by hand those that cannot be read are counted
// and named, and the others loaded.
func TestSomeFilesFail(t *testing.T) {
	im := real(t, time.UTC, v5Office())
	good := capture(t, "good.pcapng.zst", sent{at, payload(t, "netflow5_test_microtik.dat")})
	gone := filepath.Join(t.TempDir(), "gone")
	s, err := im.Import(context.Background(), []string{gone, good, os.DevNull}, Options{})
	if !errors.Is(err, ErrPartial) || !strings.Contains(err.Error(), gone) || !strings.Contains(err.Error(), os.DevNull) || s.Failed != 2 || s.Loaded != 1 || s.Records != 30 {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := im.Import(context.Background(), []string{gone}, Options{}); err == nil || errors.Is(err, ErrPartial) {
		t.Errorf("nothing but what fails: %v", err)
	}
}
