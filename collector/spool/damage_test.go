package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// sealedOf is a sealed file of so many datagrams, a frame of the collector each
// few, and the payloads in it.
func sealedOf(t testing.TB, datagrams, each int) (source []byte, want []string) {
	t.Helper()
	w := newWriter(t)
	if err := w.Begin(noon, AppendPacket(nil, Carried, 1, exporter4, socket4, []byte("template"))); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	var blocks []byte
	for i := range datagrams {
		payload := v5Datagram(random, uint32(i))
		want = append(want, string(payload))
		blocks = AppendPacket(blocks, Live, int64(i), exporter4, socket4, payload)
		if (i+1)%each == 0 || i+1 == datagrams {
			blocks = AppendStatistics(blocks, 0, int64(i), Statistics{Received: uint64(i + 1)})
			if err := w.Write(blocks); err != nil {
				t.Fatal(err)
			}
			blocks = blocks[:0]
		}
	}
	name := pathOf(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return source, want
}

// TestDamages: random damages of sealed files, NFACCT_DAMAGES of them, small and large, are never
// silently less: what can be read is what was written, and when it is not all of
// it, that is said, with how many datagrams are missing.
func TestDamages(t *testing.T) {
	files := map[string]func() ([]byte, []string){
		"packed": func() ([]byte, []string) { return sealedOf(t, 3000, 5) },
		"large":  func() ([]byte, []string) { return sealedOf(t, 3000, 600) },
		"one":    func() ([]byte, []string) { return sealedOf(t, 20, 20) },
	}
	rounds := 180
	if text := os.Getenv("NFACCT_DAMAGES"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	harmless, exact, all := 0, 0, 0
	for name, file := range files {
		source, want := file()
		position := map[string]int{}
		for i, payload := range want {
			position[payload] = i
		}
		for seed := range rounds / len(files) {
			random := rand.New(rand.NewPCG(uint64(seed), 7))
			damaged, what := damage(random, slices.Clone(source))
			path := filepath.Join(t.TempDir(), "20261123T120000Z"+sealedSuffix)
			if err := os.WriteFile(path, damaged, 0o640); err != nil {
				t.Fatal(err)
			}
			all++
			r, err := Open(path)
			if err != nil {
				continue // nothing of it is loaded, and the import fails
			}
			found, last := 0, -1
			for {
				packet, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if packet.Carried {
					continue
				}
				at, ours := position[string(packet.Payload)]
				if !ours || at <= last {
					t.Fatalf("%s, %d, %s: datagram %d after %d", name, seed, what, at, last)
				}
				last = at
				found++
			}
			missing := int(r.Statistics().Missing)
			switch {
			case found == len(want) && missing == 0:
				harmless++
			case found < len(want) && (r.Damage() == nil || !r.Statistics().Truncated):
				t.Errorf("%s, %d, %s: %d of %d are read, and nothing is said", name, seed, what, found, len(want))
			case found+missing > len(want):
				t.Errorf("%s, %d, %s: %d are read and %d missing of %d", name, seed, what, found, missing, len(want))
			}
			if found+missing == len(want) {
				exact++
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(damaged, source) && r.Damage() != nil {
				t.Errorf("%s: unharmed, %v", name, r.Damage())
			}
		}
	}
	t.Logf("%d damages, %d of them harmless; of %d it is known exactly what is missing", all, harmless, exact)
	if exact < all/2 {
		t.Errorf("of %d damages only %d are counted exactly", all, exact)
	}
}

// damage spoils a file in one way.
func damage(random *rand.Rand, b []byte) ([]byte, string) {
	from := random.IntN(len(b))
	n := min(1+random.IntN(1<<(1+random.IntN(17))), len(b)-from)
	switch random.IntN(6) {
	case 0:
		bit := random.IntN(8)
		b[from] ^= 1 << bit
		return b, fmt.Sprintf("bit %d of byte %d", bit, from)
	case 1:
		clear(b[from : from+n])
		return b, fmt.Sprintf("zeros from %d, %d", from, n)
	case 2:
		return b[:from], fmt.Sprintf("cut at %d", from)
	case 3:
		return slices.Insert(b, from, slices.Clone(b[from:from+n])...), fmt.Sprintf("%d bytes from %d twice", n, from)
	case 4:
		return slices.Delete(b, from, from+n), fmt.Sprintf("%d bytes from %d taken out", n, from)
	default:
		to := random.IntN(len(b) - n + 1)
		copy(b[to:], slices.Clone(b[from:from+n]))
		return b, fmt.Sprintf("%d bytes from %d over %d", n, from, to)
	}
}

// TestDamageAtFrames: what is taken out, or stands there twice, from one frame's
// beginning to another's is noticed too.
func TestDamageAtFrames(t *testing.T) {
	source, want := sealedOf(t, 3000, 5)
	var ends []int64
	f, err := newFrames(bytes.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	for {
		if _, err := f.next(); err != nil {
			break
		}
		ends = append(ends, f.offset())
	}
	if len(ends) < 10 {
		t.Fatalf("%d frames", len(ends))
	}
	for i := 1; i+1 < len(ends); i++ {
		for _, j := range []int{i + 1, len(ends) - 1} {
			from, to := ends[i-1], ends[j-1]
			out := append(slices.Clone(source[:from]), source[to:]...)
			payloads, _, r := readBytes(t, out)
			stats := r.Statistics()
			if live := len(payloads) - 1; r.Damage() == nil || live+int(stats.Missing) != len(want) {
				t.Errorf("without frames %d to %d: %d and %d missing, %v", i, j, live, stats.Missing, r.Damage())
			}
			twice := append(slices.Clone(source[:to]), source[from:]...)
			if payloads, _, r = readBytes(t, twice); len(payloads)-1 != len(want) || r.Statistics().Missing > 0 {
				t.Errorf("frames %d to %d twice: %d, %+v, %v", i, j, len(payloads)-1, stats, r.Damage())
			}
		}
		payloads, _, r := readBytes(t, source[:ends[i]])
		if r.Damage() == nil || !errors.Is(r.Damage(), ErrCut) || errors.Is(r.Damage(), ErrCorrupt) {
			t.Errorf("cut after frame %d: %d, %v", i, len(payloads), r.Damage())
		}
	}
}

// TestFirstFrameDamaged: a file whose header cannot be read is read from its next
// frame on.
func TestFirstFrameDamaged(t *testing.T) {
	source, want := sealedOf(t, 3000, 5)
	for at := range 40 {
		folder := t.TempDir()
		path := filepath.Join(folder, "20261123T120000Z"+sealedSuffix)
		damaged := slices.Clone(source)
		damaged[at] ^= 0x10
		if err := os.WriteFile(path, damaged, 0o640); err != nil {
			t.Fatal(err)
		}
		packets, stats := readAll(t, path)
		live := 0
		for _, p := range packets {
			if !p.Carried {
				live++
			}
		}
		if live+int(stats.Missing) != len(want) || live < len(want)-200 {
			t.Errorf("byte %d: %d datagrams, %+v", at, live, stats)
		}
	}
}
