package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
)

// spoolOffice writes a spool file of an office's datagrams.
func spoolOffice(t *testing.T, folder string, start time.Time, first, datagrams int) {
	t.Helper()
	w, err := spool.NewWriter(spool.Config{Folder: folder}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Begin(start, nil); err != nil {
		t.Fatal(err)
	}
	var blocks []byte
	for n := range datagrams {
		at := start.Add(time.Duration(n) * time.Second / time.Duration(datagrams/600+1))
		payload := officeDatagram(uint32(first+n), at, start.Add(-time.Hour))
		blocks = spool.AppendPacket(blocks[:0], spool.Live, at.UnixNano(), netip.MustParseAddrPort("127.0.0.1:2055"), netip.MustParseAddrPort("127.0.0.1:8787"), payload)
		if err := w.Write(blocks); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReadersWhileLoading: who asks of a day that is being loaded, by an import
// that takes long, is told so and to come again, and not kept waiting until it is
// over.
func TestReadersWhileLoading(t *testing.T) {
	folder := t.TempDir()
	name := killConfig(t, folder, "127.0.0.1:0")
	sendmail := mailBySendmail(t, name)
	day := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	spoolOffice(t, filepath.Join(folder, "spool"), day, 0, 500)
	db := keepDatabase(t, name)
	if out, err := exec.Command("nfacct", "import", "--config", name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	spoolOffice(t, filepath.Join(folder, "spool"), day.Add(15*time.Minute), 500, 5000)

	var said bytes.Buffer
	importing := exec.Command("nfacct", "import", "--config", name)
	importing.Stdout, importing.Stderr = &said, &said
	if err := importing.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = importing.Process.Kill() })
	stopInTheMiddle(t, db, importing.Process, archive.DayOf(day))

	for _, command := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"books"}, exitTemporary, "nfacct: 2026-11-23 is being loaded now; ask again when the import is over"},
		{[]string{"report"}, exitOK, "An import is loading 2026-11-23 just now"},
		{[]string{"report", "--day", "2026-11-24"}, exitOK, "INCOMPLETE"},
		// What is sent cannot be taken back: it waits, and a dry run says so.
		{[]string{"report", "--day", "2026-11-23", "--to", "head@example.net", "--dry-run"}, exitOK, "would not send (an import is loading 2026-11-23: the report waits until that is over)"},
		{[]string{"report", "--day", "2026-11-23", "--to", "head@example.net"}, exitTemporary, "make report: an import is loading 2026-11-23"},
	} {
		args := append(command.args, "--config", name)
		if len(command.args) < 3 {
			args = append(args, "--day", "2026-11-23")
		}
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, "nfacct", args...)
		out, err := cmd.CombinedOutput()
		cancel()
		if code := cmd.ProcessState.ExitCode(); code != command.code || !strings.Contains(string(out), command.want) {
			t.Errorf("%s: exit code %d after %v, %v\n%s", command.args, code, time.Since(begun), err, out)
		}
	}

	if err := importing.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := importing.Wait(); err != nil {
		t.Fatalf("%v: %s", err, said.Bytes())
	}
	if text := sendmail.taken(t); text != "" {
		t.Errorf("mailed while loading: %s", text)
	}
	if out, err := exec.Command("nfacct", "report", "--config", name, "--day", "2026-11-23", "--to", "head@example.net").CombinedOutput(); err != nil || sendmail.taken(t) != "head@example.net\n" {
		t.Errorf("%v, %q mailed\n%s", err, sendmail.taken(t), out)
	}
	for _, command := range []string{"books", "report"} {
		out, err := exec.Command("nfacct", command, "--config", name, "--day", "2026-11-23").CombinedOutput()
		if err != nil || strings.Contains(string(out), "An import is loading") || !strings.Contains(string(out), "110,000") {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

// stopInTheMiddle stops an import while the statement that loads its rows runs.
func stopInTheMiddle(t *testing.T, db *archive.Archive, process *os.Process, day archive.Day) {
	t.Helper()
	loading := func() bool {
		days, err := db.Reader().Unsettled(t.Context(), day, day)
		if err != nil {
			t.Fatal(err)
		}
		var streams int
		err = db.DB().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND INFO LIKE '%LOAD DATA%'").Scan(&streams)
		if err != nil {
			t.Fatal(err)
		}
		return len(days) > 0 && streams > 0
	}
	for end := time.Now().Add(30 * time.Second); ; {
		if loading() {
			if err := process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond) // what it wrote last has its effect
			if loading() {
				return
			}
			if err := process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
		}
		if time.Now().After(end) {
			t.Fatal("the import was never seen loading")
		}
	}
}
