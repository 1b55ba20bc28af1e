package spool

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	exporter4 = netip.MustParseAddrPort("192.0.2.1:40000")
	exporter6 = netip.MustParseAddrPort("[2001:db8::1]:40000")
	socket4   = netip.MustParseAddrPort("192.0.2.9:8787")
	socket6   = netip.MustParseAddrPort("[2001:db8::9]:8787")
	noon      = time.Date(2026, 11, 23, 12, 7, 0, 0, time.UTC)
)

// captures are datagrams of Mikrotik routers, as they came.
func captures(t testing.TB) [][]byte {
	t.Helper()
	names, _ := filepath.Glob("../netflow/testdata/logstash-codec-netflow/*mi*rotik*.dat")
	if len(names) < 4 {
		t.Fatalf("captures missing: %v", names)
	}
	var all [][]byte
	for _, name := range names {
		payload, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, payload)
	}
	return all
}

func newWriter(t testing.TB) *Writer {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Folder = t.TempDir()
	w, err := NewWriter(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// pathOf is the open file's path as it will be when sealed.
func pathOf(w *Writer) string { return filepath.Join(w.folder, filepath.FromSlash(w.Name())) }

func readAll(t *testing.T, name string) ([]Packet, Statistics) {
	t.Helper()
	r, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []Packet
	for {
		packet, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, r.Statistics()
		}
		if err != nil {
			t.Fatal(err)
		}
		packet.Payload = bytes.Clone(packet.Payload)
		all = append(all, packet)
	}
}

func TestRoundTrip(t *testing.T) {
	w := newWriter(t)
	payloads := captures(t)
	carried := AppendPacket(nil, Carried, 5, exporter4, socket4, payloads[0])
	if err := w.Begin(noon, carried); err != nil {
		t.Fatal(err)
	}
	for i, payload := range payloads {
		block := AppendPacket(nil, Live, noon.UnixNano()+int64(i), exporter4, socket4, payload)
		block = AppendPacket(block, Live, noon.UnixNano()+int64(i), exporter6, socket6, payload)
		if err := w.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	want := Statistics{Received: 20, Refused: 3, QueueDropped: 2, KernelDropped: 7}
	if err := w.Write(AppendStatistics(nil, 1, 2, want)); err != nil {
		t.Fatal(err)
	}
	name := pathOf(w)
	if w.Due(noon.Add(7*time.Minute)) || !w.Due(noon.Add(8*time.Minute)) || !w.Due(noon.Add(-8*time.Minute)) {
		t.Error("the file is due at the wrong time")
	}
	// A second file of the same quarter-hour, as after SIGHUP, takes another name.
	if err := w.Begin(noon, nil); err != nil {
		t.Fatal(err)
	}
	second := pathOf(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := filepath.Base(name); got != "20261123T120000Z.pcapng.zst" {
		t.Errorf("first file is %s", got)
	}
	if got := filepath.Base(second); got != "20261123T120700Z.pcapng.zst" {
		t.Errorf("second file is %s", got)
	}
	packets, stats := readAll(t, name)
	if stats != want {
		t.Errorf("statistics %+v, want %+v", stats, want)
	}
	if len(packets) != 1+2*len(payloads) || !packets[0].Carried || packets[0].Received != 5 {
		t.Fatalf("%d packets, first %+v", len(packets), packets[0])
	}
	for i, packet := range packets[1:] {
		src, dst := exporter4, socket4
		if i%2 == 1 {
			src, dst = exporter6, socket6
		}
		if packet.Src != src || packet.Dst != dst || packet.Carried || packet.Received != noon.UnixNano()+int64(i/2) || !bytes.Equal(packet.Payload, payloads[i/2]) {
			t.Errorf("packet %d came back as %+v", i, packet)
		}
	}
	tshark(t, name, len(packets))
}

// tshark reads the file as any capture tool would and finds no bad checksum.
func tshark(t *testing.T, name string, want int) {
	t.Helper()
	script := `zstdcat "$1" | tshark -r - -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -T fields -e frame.number -e ip.checksum.status -e udp.checksum.status`
	out, err := exec.Command("sh", "-c", script, "sh", name).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	rows := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(rows) != want {
		t.Errorf("tshark sees %d packets, want %d", len(rows), want)
	}
	for _, row := range rows {
		fields := strings.Split(row, "\t")
		if len(fields) != 3 || fields[1] == "0" || fields[2] == "0" {
			t.Errorf("tshark says of a packet: %q", row)
		}
	}
}

// A file cut anywhere, as a crash leaves it, keeps each whole frame.
func TestRecoverAtEveryByte(t *testing.T) {
	w := newWriter(t)
	if err := w.Begin(noon, nil); err != nil {
		t.Fatal(err)
	}
	ends := []int64{w.size}
	for i := range 3 {
		if err := w.Write(AppendPacket(nil, Live, int64(i), exporter4, socket4, []byte("datagram"))); err != nil {
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
	for cut := range len(source) + 1 {
		cfg := Config{Folder: t.TempDir()}
		name := filepath.Join(cfg.Folder, "2026-11-23", "20261123T120000Z.pcapng.zst")
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name+".open", source[:cut], 0o640); err != nil {
			t.Fatal(err)
		}
		again, err := NewWriter(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		whole := 0
		for _, end := range ends[1:] {
			if int64(cut) >= end {
				whole++
			}
		}
		if whole == 0 {
			if _, err := os.Stat(name); err == nil {
				t.Errorf("cut at %d: a file without a datagram was kept", cut)
			}
			continue
		}
		packets, stats := readAll(t, name)
		if len(packets) != whole || stats.Truncated {
			t.Errorf("cut at %d: %d packets, want %d; truncated %v", cut, len(packets), whole, stats.Truncated)
		}
	}
}

func TestOneWriter(t *testing.T) {
	w := newWriter(t)
	defer w.Close()
	if _, err := NewWriter(Config{Folder: w.folder}, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "process ") {
		t.Errorf("second writer: %v", err)
	}
}

func TestFlowTools(t *testing.T) {
	for pattern, want := range map[string]int{
		"be-z6/ft-*+0500": 66, "le-z0/ft-*+0500": 66, "le-z6/ft-*+0500": 66,
		"crash-rotate/ft-*+0500": 30, "crash-rotate/tmp-*+0500": 0,
	} {
		names, _ := filepath.Glob("testdata/flow-tools/" + pattern)
		if len(names) != 1 {
			t.Fatalf("%s: %v", pattern, names)
		}
		packets, _ := readAll(t, names[0])
		records := 0
		for _, packet := range packets {
			records += int(packet.Payload[3])
			if len(packet.Payload) != 24+48*int(packet.Payload[3]) || !packet.Synthetic {
				t.Errorf("%s: datagram of %d bytes for %d records", pattern, len(packet.Payload), packet.Payload[3])
			}
		}
		if records != want {
			t.Errorf("%s: %d records, want %d", pattern, records, want)
		}
	}
}

func TestAppendPacketDoesNotAllocate(t *testing.T) {
	payload := make([]byte, 1464)
	room := make([]byte, 0, 2*PacketRoom(len(payload)))
	if n := testing.AllocsPerRun(100, func() {
		b := AppendPacket(room, Live, 1, exporter4, socket4, payload)
		AppendPacket(b, Live, 1, exporter6, socket6, payload)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSize(t *testing.T) {
	var s Size
	if err := s.UnmarshalText([]byte("512MiB")); err != nil || s != 512<<20 || s.String() != "512MiB" {
		t.Errorf("%v %v", s, err)
	}
	if err := s.UnmarshalText([]byte("20 apples")); err == nil {
		t.Error("apples were accepted")
	}
}

func FuzzReader(f *testing.F) {
	names, _ := filepath.Glob("testdata/flow-tools/*/*+0500")
	for _, name := range names {
		if source, err := os.ReadFile(name); err == nil {
			f.Add(source)
		}
	}
	f.Add(AppendPacket(AppendHeader(nil), Live, 1, exporter6, socket6, []byte("payload")))
	packed, ends := fiveFrames(f)
	f.Add(packed)
	f.Add(slices.Concat(packed[:ends[1]], packed[ends[1]+7:])) // a damaged frame
	f.Fuzz(func(t *testing.T, source []byte) {
		r, err := NewReader(bytes.NewReader(source))
		if err != nil {
			return
		}
		defer r.Close()
		for {
			if _, err := r.Next(); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				return
			}
		}
	})
}
