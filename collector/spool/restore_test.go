package spool

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestRestore: what is taken away while it is written is made again, with all that
// was in the open file; and nothing is done where nothing is missing.
func TestRestore(t *testing.T) {
	start := time.Date(2026, 11, 23, 19, 20, 0, 0, time.UTC)
	for name, take := range map[string]func(folder, file string) error{
		"nothing":    func(string, string) error { return nil },
		"the file":   func(_, file string) error { return os.Remove(file) },
		"its day":    func(_, file string) error { return os.RemoveAll(filepath.Dir(file)) },
		"the lock":   func(folder, _ string) error { return os.Remove(filepath.Join(folder, lockName)) },
		"all of it":  func(folder, _ string) error { return os.RemoveAll(folder) },
		"all, moved": func(folder, _ string) error { return os.Rename(folder, folder+".away") },
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "spool")
			w, err := NewWriter(Config{Folder: folder}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Begin(start, nil); err != nil {
				t.Fatal(err)
			}
			write := func(payload string) {
				t.Helper()
				if err := w.Write(AppendPacket(nil, Live, stamp, exporter4, socket4, []byte(payload))); err != nil {
					t.Fatal(err)
				}
			}
			write("one")
			write("two")
			if err := take(folder, OpenPath(folder, w.Name())); err != nil {
				t.Fatal(err)
			}
			write("three")
			if restored, err := w.Restore(); err != nil || restored != (name != "nothing") {
				t.Fatal(restored, err)
			}
			if restored, err := w.Restore(); err != nil || restored {
				t.Fatal("again", restored, err)
			}
			write("four")
			if _, err := NewWriter(Config{Folder: folder}, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrLocked) {
				t.Errorf("a second writer: %v", err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			files, err := ListSealed(folder)
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			r, err := Open(files[0].Path)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for _, want := range []string{"one", "two", "three", "four"} {
				if packet, err := r.Next(); err != nil || string(packet.Payload) != want {
					t.Errorf("%q, %v, want %s", packet.Payload, err, want)
				}
			}
		})
	}
}

// TestRestoreTaken: a folder that another collector has by now is left alone.
func TestRestoreTaken(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spool")
	first, err := NewWriter(Config{Folder: folder}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	second, err := NewWriter(Config{Folder: folder}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Restore(); !errors.Is(err, ErrLocked) {
		t.Errorf("%v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if restored, err := first.Restore(); err != nil || !restored {
		t.Errorf("with the other gone: %v %v", restored, err)
	}
}

// TestLongHeader: what is carried may be longer than a frame that is read in one
// piece; a crash then must not cost the file.
func TestLongHeader(t *testing.T) {
	folder := t.TempDir()
	w, err := NewWriter(Config{Folder: folder}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var carried []byte
	payload := make([]byte, 60_000)
	for len(carried) <= maxFrame {
		carried = AppendPacket(carried, Carried, stamp, exporter4, socket4, payload)
	}
	if err := w.Begin(time.Unix(0, stamp), carried); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(AppendPacket(nil, Live, stamp, exporter4, socket4, []byte("kept"))); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.file.Close(), w.lock.Close()); err != nil { // a crash
		t.Fatal(err)
	}
	if err := Recover(folder, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	files, err := ListSealed(folder)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	r, err := Open(files[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		packet, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !packet.Carried {
			if string(packet.Payload) != "kept" {
				t.Errorf("%q", packet.Payload)
			}
			break
		}
	}
}
