package squid

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
)

// A log whose end was cut off, as when a machine loses its power, goes on: what
// was counted stays counted once, and what Squid writes from then on counts too.
func TestCutLog(t *testing.T) {
	all := strings.SplitAfter(lines(0, 400), "\n")
	upTo := func(n int) string { return strings.Join(all[:n], "") }
	a := openArchive(t)
	for _, c := range []struct {
		name   string
		reads  []int // lines at each reading before
		now    string
		packed bool
		want   int // lines counted; those that are gone stay counted
	}{
		{name: "in the last part", reads: []int{100, 200, 300}, now: upTo(250), want: 300},
		{name: "in the last part, and goes on", reads: []int{100, 200, 300}, now: upTo(250) + strings.Join(all[300:350], ""), want: 350},
		{name: "longer than before", reads: []int{100, 200, 300}, now: upTo(298) + strings.Join(all[300:400], ""), want: 400},
		{name: "in an earlier part", reads: []int{100, 200, 300}, now: upTo(150) + strings.Join(all[300:310], ""), want: 310},
		{name: "where a part ended", reads: []int{100, 200, 300}, now: upTo(200) + strings.Join(all[300:310], ""), want: 310},
		{name: "in the only part", reads: []int{300}, now: upTo(120) + strings.Join(all[300:400], ""), want: 400},
		{name: "in the middle of a line", reads: []int{300}, now: upTo(120) + all[120][:40] + "\n" + strings.Join(all[300:400], ""), want: 400},
		{name: "in zeros", reads: []int{300}, now: upTo(299) + strings.Repeat("\x00", len(all[299])-1) + "\n" + strings.Join(all[300:400], ""), want: 400},
		{name: "inside the head", reads: []int{100, 300}, now: upTo(8) + strings.Join(all[300:350], ""), want: 350},
		{name: "inside the head, and short", reads: []int{100, 300}, now: upTo(3) + strings.Join(all[300:303], ""), want: 303},
		{name: "to the first line", reads: []int{300}, now: upTo(1) + strings.Join(all[300:390], ""), want: 390},
		{name: "packed", reads: []int{100, 300}, now: upTo(250) + strings.Join(all[300:350], ""), packed: true, want: 350},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, table := range []string{"proxy_usage_hourly", "proxy_logs", "proxy_parts", "proxy_files"} {
				if _, err := a.DB().Exec("TRUNCATE TABLE " + table); err != nil {
					t.Fatal(err)
				}
			}
			log := filepath.Join(t.TempDir(), "access.log")
			r, err := New(Config{AccessLog: log, Format: "native"}, a, time.UTC, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			read := func(text string, want int) (s Summary) {
				t.Helper()
				if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				for i := range 2 {
					now, err := r.Read(t.Context(), time.Minute)
					if err != nil {
						t.Fatal(err)
					}
					if i == 0 {
						s = now
					}
					check(t, a, want)
				}
				return s
			}
			for _, n := range c.reads {
				read(upTo(n), n)
			}
			now := c.now
			if c.packed {
				text, err := zstdOf([]byte(now))
				if err != nil {
					t.Fatal(err)
				}
				now = string(text)
			}
			s := read(now, c.want)
			if fresh := c.want - 300; s.Lines != uint64(fresh) && c.name != "in zeros" || (s.Cut > 0) != (fresh > 0) {
				t.Errorf("%+v", s)
			}
			cuts, err := a.Proxy().Cuts(t.Context(), started, started.Add(24*time.Hour))
			if err != nil || (len(cuts) == 1) != (s.Cut > 0) || len(cuts) > 1 {
				t.Fatalf("%+v %v", cuts, err)
			}
			if len(cuts) == 1 {
				last, next := started.Add(299*7*time.Second), started.Add(300*7*time.Second)
				if !cuts[0].From.Equal(last) || c.name != "in zeros" && !cuts[0].Until.Equal(next) {
					t.Errorf("cut between %v and %v, want %v and %v", cuts[0].From, cuts[0].Until, last, next)
				}
				for _, beside := range [][2]time.Time{{started, last}, {next.Add(time.Second), next.Add(time.Hour)}} {
					if cuts, err := a.Proxy().Cuts(t.Context(), beside[0], beside[1]); err != nil || len(cuts) > 0 {
						t.Errorf("%+v %v", cuts, err)
					}
				}
			}
			if !c.packed && c.want < 400 { // and it goes on
				read(now+strings.Join(all[c.want:400], ""), 400)
			}
		})
	}
}

// Squid writes into the copy until it has opened a new log: half a line there is
// not the whole of it, before nobody has written for long.
func TestHalfLineOfCopy(t *testing.T) {
	a := openArchive(t)
	log := filepath.Join(t.TempDir(), "access.log")
	r, err := New(Config{AccessLog: log, Format: "native"}, a, time.UTC, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	text := lines(0, 10)
	last := strings.LastIndexByte(text[:len(text)-1], '\n') + 1
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(n int) {
		t.Helper()
		if _, err := r.Read(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		check(t, a, n)
	}
	write(log+".1", text[:last+30])
	write(log, lines(10, 5))
	sum := func() (n uint64) {
		t.Helper()
		day := archive.DayOf(started)
		if _, err := a.Proxy().Usage(t.Context(), day, day, func(u *archive.ProxyUsage) { n += u.Requests + u.Denied }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 2 {
		if _, err := r.Read(t.Context(), time.Minute); err != nil || sum() != 14 {
			t.Errorf("%d lines, %v", sum(), err)
		}
	}
	write(log+".1", text)
	read(15)
	// A last line that never gets its end counts when it has lain for long.
	write(log+".2", strings.TrimSuffix(lines(15, 5), "\n"))
	if _, err := r.Read(t.Context(), time.Minute); err != nil || sum() != 19 {
		t.Errorf("%d lines, %v", sum(), err)
	}
	old := time.Now().Add(-2 * settled)
	if err := os.Chtimes(log+".2", old, old); err != nil {
		t.Fatal(err)
	}
	read(20)
	read(20)
}
