package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
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
)

// TestDamagedSpoolFile: of a sealed file with one wrong bit all but a frame of it is
// loaded; the import says that it is damaged and ends with 3, the books have what is
// missing, and the day is INCOMPLETE.
func TestDamagedSpoolFile(t *testing.T) {
	folder := t.TempDir()
	config := collectConfig(t, folder, "127.0.0.1:0")
	start := time.Now().UTC().AddDate(0, 0, -1).Truncate(24 * time.Hour).Add(12 * time.Hour)
	const datagrams = 1000
	spoolV5(t, folder, start, datagrams)
	files, err := spool.ListSealed(filepath.Join(folder, "spool"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(files[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 4
	if err := os.WriteFile(files[0].Path, text, 0o640); err != nil {
		t.Fatal(err)
	}
	nfacct := func(args ...string) (string, string, int) {
		t.Helper()
		return nfacctOf(t, config, args...)
	}
	if _, said, code := nfacct("import"); code != exitPartial || !strings.Contains(said, "damaged") || !strings.Contains(said, "datagrams are missing") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if _, said, code := nfacct("import"); code != exitOK || said != "" {
		t.Errorf("once more: exit code %d: %s", code, said)
	}
	day := start.Format(time.DateOnly)
	out, _, code := nfacct("--json", "books", "--from", day, "--to", day)
	var books []archive.Book
	if err := json.Unmarshal([]byte(out), &books); err != nil || len(books) != 1 {
		t.Fatalf("exit code %d, %v: %s", code, err, out)
	}
	b := &books[0]
	if missing := b.Rejected[archive.RejectedDamaged]; b.Datagrams+missing != datagrams || missing == 0 || missing > 250 || b.LostRecords != 30*missing {
		t.Errorf("%d datagrams, %d missing, %d records lost", b.Datagrams, missing, b.LostRecords)
	}
	out, _, _ = nfacct("report", "--day", day, "--format", "json")
	var report struct {
		Complete   bool     `json:"complete"`
		Incomplete []string `json:"incomplete"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Complete || !strings.Contains(strings.Join(report.Incomplete, "\n"), "Spool files are damaged") {
		t.Errorf("%v: %+v", err, report)
	}
}

// spoolV5 seals a spool file of v5 datagrams of 30 records each, a millisecond apart.
func spoolV5(t *testing.T, folder string, start time.Time, datagrams int) {
	t.Helper()
	w, err := spool.NewWriter(spool.Config{Folder: filepath.Join(folder, "spool")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Begin(start, nil); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for i := range datagrams {
		b := make([]byte, 24+30*48)
		binary.BigEndian.PutUint16(b, 5)
		binary.BigEndian.PutUint16(b[2:], 30)
		binary.BigEndian.PutUint32(b[4:], 1<<20+uint32(i))
		binary.BigEndian.PutUint32(b[8:], uint32(start.Unix()))
		binary.BigEndian.PutUint32(b[16:], uint32(30*i))
		for r := b[24:]; len(r) > 0; r = r[48:] {
			binary.BigEndian.PutUint32(r, 0xc0a85800|random.Uint32()&0xff) // 192.168.88.0/24
			binary.BigEndian.PutUint32(r[4:], 0x08000000|random.Uint32()&0xffffff)
			binary.BigEndian.PutUint32(r[16:], 1+random.Uint32()&0xff)
			binary.BigEndian.PutUint32(r[20:], 1000)
			binary.BigEndian.PutUint32(r[24:], 1<<20)
			binary.BigEndian.PutUint32(r[28:], 1<<20)
			r[38] = 17
		}
		at := start.Add(time.Duration(i) * time.Millisecond).UnixNano()
		if err := w.Write(spool.AppendPacket(nil, spool.Live, at, netip.MustParseAddrPort("127.0.0.1:2055"), netip.MustParseAddrPort("127.0.0.1:8787"), b)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// nfacctOf runs the program with a configuration.
func nfacctOf(t *testing.T, config string, args ...string) (out, said string, code int) {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.Command("nfacct", append([]string{"--config", config}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, io.MultiWriter(&stderr, t.Output())
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// TestDamagedLedger: with a damaged ledger an import says which command mends it; that
// one mends it, and says which days to import again; and then all is as before.
func TestDamagedLedger(t *testing.T) {
	for _, table := range []string{"imports", "books", "usage_hourly"} {
		t.Run(table, func(t *testing.T) {
			folder := t.TempDir()
			config := collectConfig(t, folder, "127.0.0.1:0")
			noon := time.Now().UTC().AddDate(0, 0, -1).Truncate(24 * time.Hour).Add(12 * time.Hour)
			spoolV5(t, folder, noon.AddDate(0, 0, -1), 20)
			spoolV5(t, folder, noon, 20)
			if _, said, code := nfacctOf(t, config, "import"); code != exitOK {
				t.Fatal(code, said)
			}
			days := []string{noon.AddDate(0, 0, -1).Format(time.DateOnly), noon.Format(time.DateOnly)}
			before, _, _ := nfacctOf(t, config, "--json", "books", "--from", days[0], "--to", days[1])
			path := filepath.Join(folder, "database", "data", "nfacct", table+".MAD")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 8192 + 100; i < len(text); i++ { // the first page says how the table is laid out
				text[i] ^= 0x5a
			}
			if err := os.WriteFile(path, text, 0o660); err != nil {
				t.Fatal(err)
			}
			spoolV5(t, folder, noon.Add(time.Hour), 1)
			if _, said, code := nfacctOf(t, config, "import"); code == exitOK || !strings.Contains(said, "nfacct archive --repair") {
				t.Errorf("exit code %d: %s", code, said)
			}
			if err := os.Remove(filepath.Join(folder, "spool", noon.Format(time.DateOnly), noon.Add(time.Hour).Format("20060102T150405Z")+".pcapng.zst")); err != nil {
				t.Fatal(err)
			}
			out, said, code := nfacctOf(t, config, "archive", "--repair")
			if code != exitPartial || !strings.Contains(out, table+" was damaged") || !strings.Contains(said, "nfacct import --from "+days[0]+" --to "+days[1]) {
				t.Errorf("exit code %d: %s%s", code, out, said)
			}
			if _, said, code := nfacctOf(t, config, "import", "--from", days[0], "--to", days[1]); code != exitOK {
				t.Errorf("exit code %d: %s", code, said)
			}
			if out, said, code := nfacctOf(t, config, "archive", "--repair"); code != exitOK {
				t.Errorf("once more: exit code %d: %s%s", code, out, said)
			}
			if after, _, _ := nfacctOf(t, config, "--json", "books", "--from", days[0], "--to", days[1]); after != before {
				t.Errorf("books are\n%s\nand were\n%s", after, before)
			}
		})
	}
}

// TestUnsetClockIsSetAside: a file of a clock that was never set fails one import, and
// is set aside: the others take the rest, name it and end with 3.
func TestUnsetClockIsSetAside(t *testing.T) {
	folder := t.TempDir()
	config := collectConfig(t, folder, "127.0.0.1:0")
	noon := time.Now().UTC().AddDate(0, 0, -1).Truncate(24 * time.Hour).Add(12 * time.Hour)
	spoolV5(t, folder, time.Date(1970, 1, 1, 0, 0, 10, 0, time.UTC), 3)
	spoolV5(t, folder, noon, 3)
	for i, want := range []string{"bear times before 1996", "set aside"} {
		_, said, code := nfacctOf(t, config, "import")
		if code != exitPartial || !strings.Contains(said, "19700101T000000Z") || !strings.Contains(said, want) {
			t.Errorf("import %d: exit code %d: %s", i+1, code, said)
		}
	}
	day := noon.Format(time.DateOnly)
	if out, _, _ := nfacctOf(t, config, "--json", "books", "--from", day, "--to", day); !strings.Contains(out, `"datagrams": 3,`) {
		t.Error(out)
	}
}
