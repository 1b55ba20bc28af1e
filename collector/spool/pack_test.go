package spool

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// frameCount is how many frames a file has.
func frameCount(t *testing.T, name string) (n int) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f, err := newFrames(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	for ; ; n++ {
		if _, err := f.next(); errors.Is(err, io.EOF) {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// small writes a file of many small frames and returns its name.
func small(t *testing.T, w *Writer, frames, size int) string {
	t.Helper()
	if err := w.Begin(noon, AppendPacket(nil, Carried, 1, exporter4, socket4, []byte("template"))); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range frames {
		payload := bytes.Repeat(v5Datagram(random, uint32(30*i)), 1+size/1464)[:size]
		if err := w.Write(AppendPacket(nil, Live, int64(i), exporter4, socket4, payload)); err != nil {
			t.Fatal(err)
		}
	}
	return pathOf(w)
}

// TestPack: small frames become large ones when the file is sealed, and hold the same.
func TestPack(t *testing.T) {
	for _, test := range []struct {
		name         string
		frames, size int
		want         int
	}{
		{"few", minFrames - 3, 64, minFrames - 1}, // and the header's, and the end
		{"small", 900, 1464, 1 + 6 + 1},
		{"tiny", 5, 8, 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWriter(t)
			name := small(t, w, test.frames, test.size)
			before := w.Size()
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if got := frameCount(t, name); got != test.want || got <= test.frames && info.Size() >= before {
				t.Errorf("%d frames, want %d; %d bytes of %d", got, test.want, info.Size(), before)
			}
			packets, stats := readAll(t, name)
			if len(packets) != 1+test.frames || stats.Truncated || !packets[0].Carried {
				t.Fatalf("%d packets, %+v", len(packets), stats)
			}
			for i, p := range packets[1:] {
				if p.Received != int64(i) || p.Payload[1] != 5 || len(p.Payload) != test.size {
					t.Fatalf("packet %d: received %d, %d bytes", i, p.Received, len(p.Payload))
				}
			}
			left, err := filepath.Glob(filepath.Join(w.folder, "*", "*"))
			if err != nil || len(left) != 1 {
				t.Errorf("files %v, %v", left, err)
			}
		})
	}
}

// A crash while a file is packed leaves it as it was, and what there was of the
// new one goes.
func TestPackCutShort(t *testing.T) {
	w := newWriter(t)
	name := small(t, w, 20, 100)
	if err := os.WriteFile(name+packSuffix, []byte("half a frame"), 0o640); err != nil {
		t.Fatal(err)
	}
	// As kill -9 does: neither sealed nor packed.
	if err := errors.Join(w.file.Close(), w.lock.Close()); err != nil {
		t.Fatal(err)
	}
	again, err := NewWriter(Config{Folder: w.folder}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if packets, _ := readAll(t, name); len(packets) != 21 {
		t.Errorf("%d packets", len(packets))
	}
	if _, err := os.Stat(name + packSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", name+packSuffix, err)
	}
}

// What cannot be packed is sealed as it is.
func TestPackRefused(t *testing.T) {
	w := newWriter(t)
	name := small(t, w, 20, 100)
	if err := os.Mkdir(name+packSuffix, 0o750); err != nil { // no file can be made there
		t.Fatal(err)
	}
	if err := w.pack(); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("packed: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if packets, _ := readAll(t, name); len(packets) != 21 {
		t.Errorf("%d packets", len(packets))
	}
}
