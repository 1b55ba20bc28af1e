package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nfacct/archive"
	"nfacct/cmd/internal/daemon"
)

// TestFullDisk walks the whole road over a disk that fills: receiving goes on and
// resumes writing by itself when there is room, and what found none is known to
// the status, the spool, the books and the report.
func TestFullDisk(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	switch err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); {
	case errors.Is(err, unix.EPERM):
		t.Skip("who may not mount has no small disk; the collector's own tests limit the size of files instead")
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	address := freePort(t)
	config := filepath.Join(t.TempDir(), "nfacct.toml")
	text := fmt.Sprintf(`state = "."
timezone = "UTC"
[collector]
listen = [%q]
receive_buffer = "8MiB"
queue = "1MiB"
[spool]
folder = %q
min_free = "0B"
[[router]]
name = "office"
export = ["127.0.0.1"]
inside = ["192.168.88.0/24"]
`, address, filepath.Join(disk, "spool"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCollect(t, config)
	c.spool = filepath.Join(disk, "spool")
	status := func() (s daemon.Status, code int) {
		t.Helper()
		cmd := exec.Command("nfacct", "--json", "status", "--config", config)
		out, err := cmd.Output()
		if err := errors.Join(json.Unmarshal(out, &s), err); len(out) == 0 {
			t.Fatal(err)
		}
		return s, cmd.ProcessState.ExitCode()
	}
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	random := rand.NewChaCha8([32]byte{})
	sent, boot := 0, time.Now().Add(-time.Hour)
	send := func(n int) {
		t.Helper()
		for range n {
			payload := officeDatagram(uint32(sent), time.Now(), boot)
			for i := range recordsEach {
				_, _ = random.Read(payload[24+48*i+5 : 24+48*i+8])   // the peer, which does not compress
				_, _ = random.Read(payload[24+48*i+40 : 24+48*i+44]) // its system
			}
			if _, err := conn.Write(payload); err != nil {
				t.Fatal(err)
			}
			if sent++; sent%20 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}
	// await waits for a status, and sends one more datagram each time when asked.
	await := func(what string, more int, is func(s daemon.Status, code int) bool) daemon.Status {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			s, code := status()
			if is(s, code) {
				return s
			}
			if time.Now().After(end) {
				t.Fatalf("%s: not so: exit %d, %+v\n%s", what, code, s, c.stderr)
			}
			send(more)
		}
	}
	send(20)
	c.await("*.open", 20)

	filler := filepath.Join(disk, "filler")
	var room unix.Statfs_t
	if err := unix.Statfs(disk, &room); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filler, make([]byte, int64(room.Bavail)*room.Bsize-300<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	await("full, and datagrams find no room in the queue", 500, func(s daemon.Status, code int) bool {
		return code == exitFailed && s.Spool.Full && s.QueueDropped > 100
	})
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	await("writing again, with all that waited", 1, func(s daemon.Status, code int) bool {
		return code == exitOK && !s.Spool.Full && s.Queued == 0
	})
	send(20)
	time.Sleep(100 * time.Millisecond)
	if code := c.end(syscall.SIGTERM); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, c.stderr)
	}
	for _, want := range []string{"spool cannot be written: receiving goes on", "spool can be written again"} {
		if !strings.Contains(c.stderr.String(), want) {
			t.Errorf("%q was not said:\n%s", want, c.stderr)
		}
	}
	s, _ := status()
	kept := readKept(t, c.spool)
	if lost := uint64(sent) - uint64(len(kept.datagrams)); s.QueueDropped != lost || s.Spool.Stored != uint64(len(kept.datagrams)) || s.Spool.Lost != 0 || kept.lost != lost*recordsEach {
		t.Errorf("of %d sent %d are kept; the status says %d stored, %d dropped, %d lost; sequence numbers miss %d records", sent, len(kept.datagrams), s.Spool.Stored, s.QueueDropped, s.Spool.Lost, kept.lost)
	}

	keepDatabase(t, config)
	if out, err := exec.Command("nfacct", "import", "--config", config).CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	checkBooks(t, config, kept, s.QueueDropped*recordsEach)
	var unkept uint64
	var day archive.Day
	out, err := exec.Command("nfacct", "--json", "books", "--config", config, "--from", time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)).Output()
	var books []archive.Book
	if err := errors.Join(err, json.Unmarshal(out, &books)); err != nil {
		t.Fatal(err)
	}
	for _, b := range books {
		if b.SpoolLost > 0 {
			unkept, day = unkept+b.SpoolLost, b.Day
		}
	}
	if unkept != s.QueueDropped {
		t.Errorf("books know of %d datagrams that were not kept, the collector of %d", unkept, s.QueueDropped)
	}
	for _, command := range []string{"books", "report"} {
		out, err := exec.Command("nfacct", command, "--config", config, "--day", day.String()).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "disk was full") {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}
