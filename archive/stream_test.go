package archive

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Appending to an open stream allocates nothing.
func TestLoadAllocatesNothing(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		f := newFile(t, a, 1, 1, monday)
		l, err := writing(a).BeginLoad(t.Context(), f.File)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Abort(t.Context())
		row := f.rows[0]
		if err := l.Append(&row); err != nil {
			t.Fatal(err)
		}
		const rows = 50_000
		n := testing.AllocsPerRun(1, func() {
			for range rows {
				if err := l.Append(&row); err != nil {
					t.Fatal(err)
				}
			}
		})
		// The statement's own connection allocates a little while it runs, and
		// the disk is looked at.
		if n > rows/100 {
			t.Errorf("%v allocations for %d rows", n, rows)
		}
	})
}

// The server dies while rows are written to it: the writer is not left waiting.
func TestServerDiesMidLoad(t *testing.T) {
	for _, way := range []string{LoadFIFO, LoadLocal} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			cfg := furnished(t)
			cfg.Load = way
			a := openConfig(t, cfg)
			lock := func() func() {
				unlock, err := locked(t.Context(), a, 10*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				return unlock
			}
			unlock := lock()
			mustLoad(t, a, newFile(t, a, 1, 100, monday))
			before := state(t, a)
			f := newFile(t, a, 2, 20_000, monday) // more than a FIFO holds
			for _, at := range []int{0, 1, 100, 12_000} {
				began := time.Now()
				l, err := writing(a).BeginLoad(t.Context(), f.File)
				if err != nil {
					t.Fatal(err)
				}
				for i := range f.rows {
					if i == at {
						killServer(t, cfg.Folder)
					}
					if err = l.Append(&f.rows[i]); err != nil {
						break
					}
				}
				if err == nil {
					err = l.Commit(t.Context(), f.books)
				}
				if !errors.Is(err, ErrUnavailable) {
					t.Errorf("killed before row %d: %v", at, err)
				}
				if err := l.Abort(t.Context()); err == nil {
					t.Error("aborted without the lock, which went with the server")
				}
				unlock()
				unlock = lock()
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("killed before row %d: it took %v", at, took)
				}
				same(t, fmt.Sprintf("killed before row %d", at), state(t, a), before)
			}
			mustLoad(t, a, f)
			unlock()
		})
	}
}

// A server that was stopped reads nothing, and a cancelled load ends even so.
func TestServerStoppedMidLoad(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	a := openConfig(t, cfg)
	lock(t, a)
	f := newFile(t, a, 1, 20_000, monday) // more than a FIFO holds
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l, err := writing(a).BeginLoad(ctx, f.File)
	if err != nil {
		t.Fatal(err)
	}
	pid := serverPID(t, cfg.Folder)
	for i := range f.rows {
		if i == 100 {
			if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(200*time.Millisecond, cancel)
		}
		if err = l.Append(&f.rows[i]); err != nil {
			break
		}
	}
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := unix.Kill(pid, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := l.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, a, f)
}

// A process that died before it opened its FIFO leaves a thread of the server
// waiting for that, with the table in its hands.
func TestRecoverWaitingThread(t *testing.T) {
	a := open(t)
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 10, monday))
	name := filepath.Join(a.pipes.folder, "dead"+pipeSuffix)
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() {
		_, err := a.db.Exec(mark + "LOAD DATA INFILE " + quoteText(name) + " INTO TABLE flows_2026_11 " + rowForm)
		over <- err
	}()
	for {
		ids, err := a.orphans(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) > 0 {
			break
		}
	}
	time.Sleep(20 * time.Millisecond)
	if err := a.quiesce(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-over:
	case <-time.After(10 * time.Second):
		t.Fatal("the thread still waits")
	}
}
