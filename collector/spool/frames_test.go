package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// fiveFrames is a spool file of a header and four frames of ten datagrams each,
// numbered on, and where each frame ends.
func fiveFrames(t testing.TB) (source []byte, ends []int64) {
	t.Helper()
	w := newWriter(t)
	if err := w.Begin(noon, nil); err != nil {
		t.Fatal(err)
	}
	ends = append(ends, w.size)
	for frame := range 4 {
		var blocks []byte
		for i := range 10 {
			blocks = AppendPacket(blocks, Live, stamp, exporter4, socket4, fmt.Appendf(nil, "datagram %d", 10*frame+i))
		}
		if err := w.Write(blocks); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, w.size)
	}
	name := pathOf(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return source, ends
}

func numbered(from, to int) (all []string) {
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("datagram %d", i))
	}
	return all
}

// TestDamagedFrame: a frame with a wrong byte anywhere costs its own datagrams,
// those after it are read, and recovery keeps them.
func TestDamagedFrame(t *testing.T) {
	source, ends := fiveFrames(t)
	harmless := 0
	for at := ends[1]; at < ends[3]; at++ {
		damaged := slices.Clone(source)
		damaged[at] ^= 0x55
		want := slices.Concat(numbered(0, 10), numbered(20, 40))
		if at >= ends[2] {
			want = slices.Concat(numbered(0, 20), numbered(30, 40))
		}
		payloads, _, r := readBytes(t, damaged)
		if slices.Equal(payloads, numbered(0, 40)) && r.Damage() == nil {
			harmless++ // such as another window size
			continue
		}
		if !slices.Equal(payloads, want) || !r.Statistics().Truncated || !errors.Is(r.Damage(), ErrCorrupt) {
			t.Fatalf("byte %d: %q, %+v, %v", at, payloads, r.Statistics(), r.Damage())
		}

		cfg := Config{Folder: t.TempDir()}
		name := filepath.Join(cfg.Folder, "2026-11-23", "20261123T120000Z.pcapng.zst")
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		torn := damaged[:ends[4]-1] // the crash that left it open
		if err := os.WriteFile(name+".open", torn, 0o640); err != nil {
			t.Fatal(err)
		}
		if err := Recover(cfg.Folder, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		packets, _ := readAll(t, name)
		if len(packets) != 20 {
			t.Fatalf("byte %d: recovered %d datagrams of 20", at, len(packets))
		}
	}
	if harmless > 2 {
		t.Errorf("%d of %d bytes can be anything", harmless, ends[3]-ends[1])
	}
}

// TestDamagedEnd: what is damaged with nothing whole after it ends the file.
func TestDamagedEnd(t *testing.T) {
	source, ends := fiveFrames(t)
	damaged := slices.Clone(source)
	damaged[ends[4]-2] ^= 1 // checksum of the last frame
	payloads, _, r := readBytes(t, damaged)
	if !slices.Equal(payloads, numbered(0, 30)) || !errors.Is(r.Damage(), ErrCorrupt) {
		t.Errorf("%q, %v", payloads, r.Damage())
	}
	zeros := append(slices.Clone(source[:ends[3]]), make([]byte, 4096)...) // as some file systems leave it
	payloads, _, r = readBytes(t, zeros)
	if !slices.Equal(payloads, numbered(0, 30)) || !errors.Is(r.Damage(), ErrCorrupt) {
		t.Errorf("%q, %v", payloads, r.Damage())
	}
	payloads, _, r = readBytes(t, append(zeros, source[ends[3]:]...))
	if !slices.Equal(payloads, numbered(0, 40)) || !errors.Is(r.Damage(), ErrCorrupt) {
		t.Errorf("%q, %v", payloads, r.Damage())
	}
}

// TestForeignFrames: what others packed in other ways: as a stream, in long
// frames, with skippable ones between.
func TestForeignFrames(t *testing.T) {
	var frames [][]byte
	var want []string
	for i := range 40_000 {
		want = append(want, fmt.Sprintf("datagram %d", i))
		frames = append(frames, packetOf(want[i], false))
	}
	plain := pcapOf(le, true, linkRaw, frames...)
	var stream bytes.Buffer
	z, err := zstd.NewWriter(&stream)
	if err != nil {
		t.Fatal(err)
	}
	for rest := plain; len(rest) > 0; rest = rest[min(100_000, len(rest)):] {
		if _, err := z.Write(rest[:min(100_000, len(rest))]); err != nil {
			t.Fatal(err)
		}
		if err := z.Flush(); err != nil { // ends a block
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	half := len(plain)/2 + 1
	skippable := "\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
	for name, source := range map[string][]byte{
		"stream":        stream.Bytes(),
		"two frames":    z.EncodeAll(plain[half:], z.EncodeAll(plain[:half], nil)),
		"skippable":     z.EncodeAll(plain[half:], append(z.EncodeAll(plain[:half], []byte(skippable)), skippable...)),
		"small, stream": append(z.EncodeAll(plain[:100], nil), z.EncodeAll(plain[100:], nil)...),
	} {
		payloads, _, r := readBytes(t, source)
		if !slices.Equal(payloads, want) || r.Damage() != nil {
			t.Errorf("%s: %d of %d, %v", name, len(payloads), len(want), r.Damage())
		}
	}
	// Of others' files nothing is left out: what follows might be misread.
	damaged := z.EncodeAll(plain[:half], nil)
	damaged[len(damaged)-1] ^= 1
	if r, err := NewReader(bytes.NewReader(z.EncodeAll(plain[half:], damaged))); err == nil {
		n := 0
		for ; err == nil; n++ {
			_, err = r.Next()
		}
		if !errors.Is(err, io.EOF) || !errors.Is(r.Damage(), ErrCorrupt) || n > len(want)/2+1 {
			t.Errorf("%d packets, %v, %v", n, err, r.Damage())
		}
	}
}
