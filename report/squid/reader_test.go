package squid

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"nfacct/archive"
)

func openArchive(t testing.TB) *archive.Archive {
	t.Helper()
	cfg := archive.DefaultConfig()
	cfg.Folder = t.TempDir()
	a, err := archive.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
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

var started = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// lines makes n lines of a native log, the first of number from.
func lines(from, n int) string {
	rng := rand.New(rand.NewPCG(uint64(from), 1))
	var b strings.Builder
	for i := from; i < from+n; i++ {
		tag := []string{"TCP_MISS/200", "TCP_HIT/200", "TCP_TUNNEL/200", "TCP_DENIED/403"}[i%4]
		user := []string{"-", "anna", "BORIS", "c%20d"}[i/4%4]
		fmt.Fprintf(&b, "%d.%03d %6d 10.0.0.%d %s %d GET http://example.net/%d %s HIER_DIRECT/192.0.2.7 text/html\n",
			started.Unix()+int64(i*7), i%1000, rng.IntN(900), i%5+1, tag, 1000+i, i, user)
	}
	return b.String()
}

// truth sums lines from 0 to n as the archive should have them.
func truth(n int) (bytes, requests, denied uint64) {
	for i := range n {
		if i%4 == 3 {
			denied++
			continue
		}
		bytes += uint64(1000 + i)
		requests++
	}
	return bytes, requests, denied
}

func check(t *testing.T, a *archive.Archive, n int) {
	t.Helper()
	var bytes, requests, denied uint64
	day := archive.Day{Year: 2026, Month: 11, Day: 1}
	if _, err := a.Proxy().Usage(t.Context(), day, day.Add(90), func(u *archive.ProxyUsage) {
		bytes, requests, denied = bytes+u.Bytes, requests+u.Requests, denied+u.Denied
	}); err != nil {
		t.Fatal(err)
	}
	wantBytes, wantRequests, wantDenied := truth(n)
	if bytes != wantBytes || requests != wantRequests || denied != wantDenied {
		t.Errorf("%d bytes, %d requests, %d denied; want %d, %d, %d", bytes, requests, denied, wantBytes, wantRequests, wantDenied)
	}
}

// Each line counts once, whatever is done with the log between readings.
func TestRead(t *testing.T) {
	a := openArchive(t)
	folder := t.TempDir()
	log := filepath.Join(folder, "access.log")
	r, err := New(Config{AccessLog: log, Format: "native"}, a, time.UTC, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	read := func(step string, n int) {
		t.Helper()
		t.Run(step, func(t *testing.T) {
			for range 2 { // the second time there is nothing new
				if _, err := r.Read(t.Context(), time.Second); err != nil {
					t.Fatal(err)
				}
				check(t, a, n)
			}
		})
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	add := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Read(t.Context(), 0); err == nil {
		t.Error("a log that is not there is no error")
	}
	all := lines(0, 1000)
	upTo := func(n int) int { return strings.Index(all, fmt.Sprintf("example.net/%d ", n)) }
	at := func(n int) int { return strings.LastIndexByte(all[:upTo(n)], '\n') + 1 }
	write(log, all[:at(1)])
	read("one line", 1)
	add(log, all[at(1):at(10)])
	read("it grows", 10)
	add(log, all[at(10):at(10)+30])
	read("half a line", 10)
	add(log, all[at(10)+30:at(300)])
	read("the other half", 300)
	add(log, all[at(300):at(350)])
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	write(log, all[at(350):at(400)])
	read("rotated", 400)
	// Packed, with the last lines of its time; the first copy stays for a moment.
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(append(text, all[at(400):at(450)]...))
	z.Close()
	write(log+".0.gz", packed.String())
	write(log, all[at(450):at(500)])
	read("packed", 500)
	// Copied and truncated, as copytruncate does.
	old, err := zstdOf([]byte(all[at(450):at(560)]))
	if err != nil {
		t.Fatal(err)
	}
	write(log+"-20261123.zst", string(old))
	write(log, "")
	read("truncated", 560)
	add(log, all[at(560):at(900)])
	read("written again", 900)
	if err := os.Remove(log + ".1"); err != nil {
		t.Fatal(err)
	}
	read("a copy removed", 900)
	// A reader that was killed left a part.
	for _, statement := range []string{
		"INSERT INTO proxy_parts SELECT 999, log, start, end, tail_length, tail_digest, line_count, bad_lines, last_entry, cut_from, cut_until, 'loading', started FROM proxy_parts LIMIT 1",
		"INSERT IGNORE INTO proxy_usage_hourly SELECT day, hour, host, user, 999, bytes, requests, denied FROM proxy_usage_hourly",
	} {
		if _, err := a.DB().Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	check(t, a, 900) // it does not count
	add(log, all[at(900):])
	read("killed", 1000)
	var left int
	if err := a.DB().QueryRow("SELECT COUNT(*) FROM proxy_usage_hourly WHERE part = 999").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows of the killed reader are left: %v", left, err)
	}
	byUser(t, a)
}

func zstdOf(text []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(text, nil), nil
}

// byUser checks that clients and users are who they are.
func byUser(t *testing.T, a *archive.Archive) {
	t.Helper()
	sums := map[string]uint64{}
	day := archive.DayOf(started)
	until, err := a.Proxy().Usage(t.Context(), day, day, func(u *archive.ProxyUsage) {
		sums[u.Host.String()+" "+u.User] += u.Requests
	})
	if err != nil || until.Unix() != started.Unix()+999*7 {
		t.Error(until, err)
	}
	want := map[string]uint64{}
	for i := range 1000 {
		if i%4 != 3 {
			want[netip.AddrFrom4([4]byte{10, 0, 0, byte(i%5 + 1)}).String()+" "+[]string{"", "anna", "boris", "c d"}[i/4%4]]++
		}
	}
	for who, n := range want {
		if sums[who] != n {
			t.Errorf("%s: %d requests, want %d", who, sums[who], n)
		}
	}
	if len(sums) != len(want) {
		t.Errorf("%d of hosts and users, want %d", len(sums), len(want))
	}
}

func TestCopies(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"access.log", "access.log.1", "access.log.10.gz", "access.log-20261123.zst", "access.log.old", "access.log2", "cache.log", "access.log.gz", "access.log-bak", "access.log.2.bz2", "access.log.3.xz", "access.log-20261122.lz4"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, fs.FileMode(0o600)); err != nil {
			t.Fatal(err)
		}
	}
	found, others, err := copies(filepath.Join(folder, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range found {
		names = append(names, filepath.Base(name))
	}
	if got := strings.Join(names, " "); got != "access.log-20261123.zst access.log.1 access.log.10.gz access.log.2.bz2 access.log.gz access.log" {
		t.Error(got)
	}
	if len(others) != 2 || filepath.Base(others[0]) != "access.log-20261122.lz4" || filepath.Base(others[1]) != "access.log.3.xz" {
		t.Errorf("not read are %v", others)
	}
}

// newsyslog packs by bzip2, if it is told J.
func TestBzip2(t *testing.T) {
	const line = "1763891234.567    180 10.0.0.7 TCP_MISS/200 4110 GET http://example.net/ anna HIER_DIRECT/192.0.2.7 text/html\n"
	packed, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWan5a6AAABRfgEAQQAH/8A7iXACiR0RAIAB1FR5BAyADQeSPSFMp6jamTQyZAaaDQPQJapPInISYCGgM6QVO0oG5DkrG+6L3sqMVHGC7H6sFTlNgCZRlIvIKIjcbq+gAarJJNfwxOlc81o3gBZRZ/VgSPxdyRThQkKn5a6A=")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "access.log.0.bz2")
	if err := os.WriteFile(name, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openLog(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if text, err := io.ReadAll(f.text); string(text) != line || err != nil || !f.packed {
		t.Errorf("%q, %v", text, err)
	}
}
