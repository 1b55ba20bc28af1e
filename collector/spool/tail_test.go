package spool

import (
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"
)

// tailed writes n datagrams to the open file, in a frame.
func tailed(t *testing.T, w *Writer, from, n int) {
	t.Helper()
	src, dst := netip.MustParseAddrPort("192.0.2.1:2055"), netip.MustParseAddrPort("192.0.2.9:8787")
	var blocks []byte
	for i := range n {
		blocks = AppendPacket(blocks, Live, int64(from+i), src, dst, []byte("a datagram"))
	}
	if err := w.Write(blocks); err != nil {
		t.Fatal(err)
	}
}

// rest takes all there is for now.
func rest(t *testing.T, tail *Tail) (received []int64) {
	t.Helper()
	for {
		p, err := tail.Next()
		if errors.Is(err, io.EOF) {
			return received
		}
		if err != nil {
			t.Fatal(err)
		}
		received = append(received, p.Received)
	}
}

// TestTail reads a file while it is written, torn frames and sealing on the way.
func TestTail(t *testing.T) {
	folder := t.TempDir()
	w, err := NewWriter(Config{Folder: folder}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 11, 23, 19, 15, 0, 0, time.UTC)
	if err := w.Begin(start, nil); err != nil {
		t.Fatal(err)
	}
	path := OpenPath(folder, w.Name())
	tail, err := OpenTail(path)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	want := func(n ...int64) {
		t.Helper()
		if got := rest(t, tail); !slices.Equal(got, n) {
			t.Fatalf("want %v, got %v", n, got)
		}
	}
	want()
	tailed(t, w, 1, 2)
	want(1, 2)
	want()

	// A frame that is not whole is waited for, and may be cut off and be another.
	frame := w.encode.EncodeAll(withPlace(nil, AppendPacket(nil, Live, 99, netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.9:2"), []byte("torn")), 2), nil)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt(frame[:len(frame)-3], w.size); err != nil {
		t.Fatal(err)
	}
	want()
	w.torn = true
	tailed(t, w, 3, 1)
	want(3)

	for i := range 20 { // enough that the sealed file is packed
		tailed(t, w, 10+i, 1)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatalf("the file is still open: %v", err)
	}
	if got := rest(t, tail); len(got) != 20 {
		t.Fatalf("want the 20 datagrams before the file was sealed, got %v", got)
	}
	want()
}

// TestTailDoesNotAllocate: a datagram costs no memory.
func TestTailDoesNotAllocate(t *testing.T) {
	folder := t.TempDir()
	w, err := NewWriter(Config{Folder: folder}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Begin(time.Date(2026, 11, 23, 19, 15, 0, 0, time.UTC), nil); err != nil {
		t.Fatal(err)
	}
	tail, err := OpenTail(OpenPath(folder, w.Name()))
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	tailed(t, w, 0, 1000)
	rest(t, tail)
	tailed(t, w, 0, 2000)
	if _, err := tail.Next(); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1500, func() {
		if _, err := tail.Next(); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a datagram", n)
	}
}
