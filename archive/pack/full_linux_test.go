package pack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"
)

// A disk that is too small is found out before; one that fills up meanwhile ends
// the tool that would wait for space for ever. The month stays, and the next run
// packs it.
func TestFullDisk(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 20_000, october.First(), 31}, file{2, 50, november.First(), 3})
	want := ask(t, a)
	var size int64
	place, err := a.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(place.Folder, "flows_2026_10_*"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	try := func(what string, p *Packer) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		_, err := p.Pack(ctx, october, Options{Wait: time.Minute})
		if !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s: %v", what, err)
		}
		t.Logf("%s: %v", what, err)
		tidy(t, a, want)
	}
	// Those who may not mount have a tool that says what myisampack says.
	folder := filepath.Join(openFolder(t), "disk")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	switch err := unix.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprint("size=", size+100<<10)); {
	case err == nil:
		defer unix.Unmount(folder, unix.MNT_DETACH)
		cfg := DefaultConfig()
		cfg.Work = filepath.Join(folder, "work")
		p := New(cfg, a, testLog())
		try("too small", p)
		p.roomFor = func(uint64) bool { return true }
		try("full while it packs", p)
	case !errors.Is(err, unix.EPERM):
		t.Fatal(err)
	}
	tools := openFolder(t)
	other := "#!/bin/sh\ncase $2 in\n" + place.Folder + ") echo head; echo other 1 1 1000 1% /other;;\n*) echo head; echo this 1 1 100000000 1% /this;;\nesac\n"
	if err := os.WriteFile(filepath.Join(tools, "df"), []byte(other), 0o755); err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	t.Setenv("PATH", tools+":"+path)
	try("the database's disk is another one, too small", packer(a))
	if err := os.Remove(filepath.Join(tools, "df")); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho \"myisampack: Disk is full writing '/x.TMD' (Errcode: 28 \\\"No space left on device\\\"). Waiting for someone to free space... (Expect up to 60 secs delay)\" >&2\nsleep 600\n"
	if err := os.WriteFile(filepath.Join(tools, "myisampack"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	try("a tool that waits", packer(a))
	t.Setenv("PATH", path)
	heal(t, a, "with space again", want)
}

// A tool that does not end is ended.
func TestDeadline(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 500, october.First(), 31})
	want := ask(t, a)
	tools := openFolder(t)
	if err := os.WriteFile(filepath.Join(tools, "myisampack"), []byte("#!/bin/sh\nsleep 600\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	cfg := DefaultConfig()
	cfg.Timeout = time.Second
	if _, err := New(cfg, a, testLog()).Pack(t.Context(), october, Options{Wait: time.Minute}); err == nil {
		t.Error("packed by a tool that does nothing")
	} else {
		t.Log(err)
	}
	tidy(t, a, want)
}

// While a month is packed, readers are told the same all the time and imports of
// the new month go on. NFACCT_PACK_ROWS sets how many rows the month has.
func TestReadersAndImports(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	rows := 30_000
	if text := os.Getenv("NFACCT_PACK_ROWS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		rows = n
	}
	a := openEmpty(t, cfg)
	began := time.Now()
	mustLoad(t, a, file{1, rows, october.First(), 31}, file{2, 50, november.First(), 3})
	t.Logf("%d rows loaded in %.1f s", rows, time.Since(began).Seconds())
	want, err := answer(t.Context(), a, october.First(), october.Last())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var asked, loaded int
	var slowest time.Duration
	group.Go(func() {
		for ctx.Err() == nil {
			began := time.Now()
			got, err := answer(t.Context(), a, october.First(), october.Last())
			if err != nil {
				t.Errorf("question %d: %v", asked, err)
				return
			}
			if !cmp.Equal(want, got) {
				t.Errorf("question %d: another answer", asked)
				return
			}
			asked++
			slowest = max(slowest, time.Since(began))
		}
	})
	group.Go(func() {
		for seed := uint64(100); ctx.Err() == nil; seed++ {
			if err := load(t.Context(), a, file{seed, 1000, november.First(), 1}); err != nil {
				t.Errorf("import %d: %v", loaded, err)
				return
			}
			loaded++
			time.Sleep(100 * time.Millisecond) // whoever waits for the lock looks for it now and then
		}
	})
	began = time.Now()
	r, err := packer(a).Pack(t.Context(), october, Options{Wait: time.Minute})
	took := time.Since(began)
	if err == nil {
		time.Sleep(50 * time.Millisecond) // some answers of the packed one
	}
	stop()
	group.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if asked == 0 || loaded == 0 {
		t.Errorf("%d questions, %d imports", asked, loaded)
	}
	t.Logf("packed %d rows of %d flows in %.1f s, %.1f to %.1f MB, %.2f bytes a flow; meanwhile %d same answers, the slowest in %.2f s, and %d files imported",
		r.Rows, r.Flows, took.Seconds(), float64(r.Live)/1e6, float64(r.Packed)/1e6, float64(r.Packed)/float64(r.Flows), asked, slowest.Seconds(), loaded)
	list, err := packer(a).List(t.Context())
	if err != nil || len(list) != 2 || list[1].Rows != uint64(50+1000*loaded) {
		t.Errorf("%+v %v", list, err)
	}
}
