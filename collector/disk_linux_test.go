package collector

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nfacct/collector/spool"
)

// TestDiskFull fills a small disk: receiving goes on, what does not fit into
// the queue is counted, and writing resumes by itself when there is space.
func TestDiskFull(t *testing.T) {
	disk := newSmallDisk(t)
	disk.leave(512 << 10)
	var log bytes.Buffer
	cfg := testConfig()
	cfg.Queue = 1 << 20
	files := spool.DefaultConfig()
	files.Folder = filepath.Join(disk.folder, "spool")
	files.MinFree = 0
	c, err := New(cfg, loopback, files, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	r := &running{Collector: c, t: t, folder: files.Folder}
	conn := r.dial()
	random := rand.NewChaCha8([32]byte{}) // does not compress
	sent := 0
	burst := func(n int) {
		for range n {
			payload := v5(uint32(sent), 1)
			payload = append(payload, make([]byte, 1300)...)
			_, _ = random.Read(payload[72:])
			r.send(conn, payload)
			if sent++; sent%50 == 0 {
				r.await("taken", func(s Status) bool { return s.accepted() == uint64(sent) })
			}
		}
	}
	burst(100)
	r.await("stored", stored(100))
	burst(4000)
	s := r.await("full", func(s Status) bool { return s.Spool.Full && s.QueueDropped > 0 })
	if s.Spool.Error == "" || s.Spool.FullFrom.IsZero() || s.accepted() != uint64(sent) {
		t.Errorf("%+v", s)
	}
	disk.leave(-1)
	r.await("writes again", func(s Status) bool { return !s.Spool.Full && s.Queued == 0 })
	burst(50)
	s = r.await("all are accounted for", func(s Status) bool { return s.Spool.Stored+s.QueueDropped == uint64(sent) })
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got, _, stats := r.read()
	if uint64(len(got)) != s.Spool.Stored || stats.Received != uint64(sent) || stats.QueueDropped != s.QueueDropped {
		t.Errorf("%d datagrams in the spool, status %+v, statistics %+v", len(got), s.Spool, stats)
	}
	for _, want := range []string{"spool cannot be written", "spool can be written again"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("%q is not there once in:\n%s", want, log.String())
		}
	}
}

// TestDiskFullToTheEnd: a stop ends a collector that cannot write, and it says
// what was lost.
func TestDiskFullToTheEnd(t *testing.T) {
	disk := newSmallDisk(t)
	r := start(t, testConfig(), filepath.Join(disk.folder, "spool"))
	conn := r.dial()
	r.send(conn, v5(0, 1))
	r.await("stored", stored(1))
	disk.leave(0)
	payload := append(v5(1, 1), make([]byte, 40_000)...)
	_, _ = rand.NewChaCha8([32]byte{}).Read(payload[72:])
	r.send(conn, payload)
	r.await("full", func(s Status) bool { return s.Spool.Full })
	begun := time.Now()
	_ = r.stop() // whether the file can be sealed depends on the disk
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the end took %v", took)
	}
	if s := r.Status(); s.Spool.Lost != 1 || s.Spool.Stored != 1 {
		t.Errorf("%+v", s.Spool)
	}
	if got, _, _ := r.read(); len(got) != 1 {
		t.Errorf("%d datagrams", len(got))
	}
}

// TestFullAtStart: even the folder cannot be made at first.
func TestFullAtStart(t *testing.T) {
	disk := newSmallDisk(t)
	disk.leave(0)
	r := start(t, testConfig(), filepath.Join(disk.folder, "spool"))
	conn := r.dial()
	r.send(conn, v5(0, 1))
	r.await("full", func(s Status) bool { return s.Spool.Full && s.accepted() == 1 })
	disk.leave(-1)
	r.await("stored", stored(1))
}

// smallDisk is a disk of 8 MiB for one test.
type smallDisk struct {
	folder string
	// leave lets so many bytes, about, be written from now on; -1 all there is.
	leave func(bytes int64)
}

// newSmallDisk mounts one. Those who may not mount get a limit on the size of
// files instead, which the spool meets in the same way.
func newSmallDisk(t *testing.T) smallDisk {
	t.Helper()
	folder := t.TempDir()
	switch err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=8m"); {
	case err == nil:
	case errors.Is(err, unix.EPERM):
		return limitedDisk(t, folder)
	default:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(folder, "filler")
	return smallDisk{folder, func(bytes int64) {
		t.Helper()
		if bytes < 0 {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			return
		}
		var disk unix.Statfs_t
		if err := unix.Statfs(folder, &disk); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filler, make([]byte, int64(disk.Bavail)*disk.Bsize-bytes), 0o600); err != nil {
			t.Fatal(err)
		}
	}}
}

func limitedDisk(t *testing.T, folder string) smallDisk {
	t.Helper()
	signal.Ignore(unix.SIGXFSZ)
	t.Cleanup(func() { signal.Reset(unix.SIGXFSZ) })
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := func(bytes int64) {
		now := before
		if bytes >= 0 {
			now.Cur = uint64(bytes)
		}
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &now); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() { limit(-1) })
	return smallDisk{folder, limit}
}
