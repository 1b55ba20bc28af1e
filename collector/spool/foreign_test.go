package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const stamp = int64(1479897302123456789)

// packetOf is the IP packet of a datagram, as AppendPacket rebuilds it.
func packetOf(payload string, six bool) []byte {
	src, dst := exporter4, socket4
	if six {
		src, dst = exporter6, socket6
	}
	block := AppendPacket(nil, Live, stamp, src, dst, []byte(payload))
	return block[packetHead : packetHead+le.Uint32(block[20:])]
}

// pcapOf is a pcap file of frames, all of the same time.
func pcapOf(order binary.AppendByteOrder, nano bool, link uint32, frames ...[]byte) []byte {
	magic, fraction := uint32(0xa1b2c3d4), uint32(stamp%1e9/1000)
	if nano {
		magic, fraction = 0xa1b23c4d, uint32(stamp%1e9)
	}
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	for _, n := range []uint32{0, 0, 1 << 18, link} {
		b = order.AppendUint32(b, n)
	}
	for _, frame := range frames {
		for _, n := range []uint32{uint32(stamp / 1e9), fraction, uint32(len(frame)), uint32(len(frame))} {
			b = order.AppendUint32(b, n)
		}
		b = append(b, frame...)
	}
	return b
}

func readBytes(t *testing.T, source []byte) (payloads []string, received []int64, r *Reader) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	for {
		packet, err := r.Next()
		if errors.Is(err, io.EOF) {
			return payloads, received, r
		}
		if err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, string(packet.Payload))
		received = append(received, packet.Received)
	}
}

func TestLinkTypes(t *testing.T) {
	mac := make([]byte, 12)
	for name, test := range map[string]struct {
		link uint32
		head []byte
	}{
		"raw":            {linkRaw, nil},
		"raw BSD":        {linkRawBSD, nil},
		"IPv4":           {linkIPv4, nil},
		"null":           {linkNull, []byte{2, 0, 0, 0}},
		"loop":           {linkLoop, []byte{0, 0, 0, 2}},
		"Ethernet":       {linkEthernet, append(slices.Clone(mac), 8, 0)},
		"802.1Q":         {linkEthernet, append(slices.Clone(mac), 0x81, 0, 0, 5, 8, 0)},
		"QinQ":           {linkEthernet, append(slices.Clone(mac), 0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0)},
		"old VLAN":       {linkEthernet, append(slices.Clone(mac), 0x92, 0, 0, 5, 8, 0)},
		"PPPoE":          {linkEthernet, append(slices.Clone(mac), 0x88, 0x64, 0x11, 0, 0, 1, 0, 33, 0, 0x21)},
		"PPPoE in VLAN":  {linkEthernet, append(slices.Clone(mac), 0x81, 0, 0, 5, 0x88, 0x64, 0x11, 0, 0, 1, 0, 33, 0, 0x21)},
		"PPPoE alone":    {linkPPPoE, []byte{0x11, 0, 0, 1, 0, 33, 0, 0x21}},
		"MPLS":           {linkEthernet, append(slices.Clone(mac), 0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64)},
		"MPLS in PPPoE":  {linkEthernet, append(slices.Clone(mac), 0x88, 0x64, 0x11, 0, 0, 1, 0, 37, 2, 0x81, 0, 2, 1, 64)},
		"pseudowire":     {linkEthernet, slices.Concat(mac, []byte{0x88, 0x47, 0, 2, 1, 64, 0, 0, 0, 9}, mac, []byte{8, 0})},
		"backbone":       {linkEthernet, slices.Concat(mac, []byte{0x88, 0xe7, 0, 0, 0, 9}, mac, []byte{8, 0})},
		"SNAP":           {linkEthernet, append(slices.Clone(mac), 0, 39, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0)},
		"PPP":            {linkPPP, []byte{0xff, 3, 0, 0x21}},
		"PPP, short":     {linkPPP, []byte{0x21}},
		"Linux cooked":   {linkSLL, append(make([]byte, 14), 8, 0)},
		"Linux cooked 2": {linkSLL2, append([]byte{8, 0}, make([]byte, 18)...)},
	} {
		t.Run(name, func(t *testing.T) {
			frame := append(slices.Clone(test.head), packetOf("abc", false)...)
			frame = append(frame, 0, 0, 0) // Ethernet's padding
			for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
				for _, nano := range []bool{false, true} {
					payloads, received, r := readBytes(t, pcapOf(order, nano, test.link, frame, []byte{1}, frame[:len(frame)-8]))
					want := stamp
					if !nano {
						want -= stamp % 1000
					}
					if !slices.Equal(payloads, []string{"abc"}) || received[0] != want {
						t.Errorf("payloads %q at %d, want one at %d", payloads, received, want)
					}
					if s := r.Statistics(); s != (Statistics{Skipped: 2}) {
						t.Errorf("statistics %+v", s)
					}
				}
			}
		})
	}
	if _, err := NewReader(bytes.NewReader(pcapOf(le, false, 105))); !errors.Is(err, ErrFormat) {
		t.Errorf("a capture of 802.11: %v", err)
	}
}

func TestCompressed(t *testing.T) {
	plain := pcapOf(le, true, linkRaw, packetOf("abc", false), packetOf("defg", true))
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write(plain)
	z.Close()
	encode, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string][]byte{"plain": plain, "gzip": gz.Bytes(), "zstd": encode.EncodeAll(plain, nil)} {
		payloads, _, r := readBytes(t, source)
		if !slices.Equal(payloads, []string{"abc", "defg"}) || r.Info().Format != FormatPcap || r.Damage() != nil {
			t.Errorf("%s: %q, %+v, %v", name, payloads, r.Info(), r.Damage())
		}
		// Cut anywhere it says so, and never more than is there.
		for n := 1; n < len(source); n++ {
			r, err := NewReader(bytes.NewReader(source[:n]))
			if err != nil {
				continue
			}
			count := 0
			for err == nil {
				if _, err = r.Next(); err == nil {
					count++
				}
			}
			whole := name == "plain" && (n == 24 || n == 24+16+31)
			if !errors.Is(err, io.EOF) || count > 2 || r.Statistics().Truncated == whole || errors.Is(r.Damage(), ErrCut) == whole {
				t.Errorf("%s cut at %d: %d packets, %v, %v", name, n, count, err, r.Damage())
			}
		}
	}
}

func TestFragments(t *testing.T) {
	whole := packetOf("0123456789abcdefghijklmnopqrstuv", false)
	part := func(from, to int, more bool) []byte {
		f := append(slices.Clone(whole[:ipv4Head]), whole[ipv4Head+from:ipv4Head+to]...)
		be.PutUint16(f[2:], uint16(len(f)))
		word := uint16(from / 8)
		if more {
			word |= 0x2000
		}
		be.PutUint16(f[6:], word)
		return f
	}
	end := len(whole) - ipv4Head
	for name, test := range map[string]struct {
		frames  [][]byte
		packets int
		skipped uint64
	}{
		"in order":   {[][]byte{part(0, 16, true), part(16, 24, true), part(24, end, false)}, 1, 0},
		"twice":      {[][]byte{part(0, 16, true), part(16, end, false), part(0, 16, true), part(16, end, false)}, 2, 0},
		"last lost":  {[][]byte{part(0, 16, true), part(16, 24, true)}, 0, 2},
		"gap":        {[][]byte{part(0, 16, true), part(24, end, false)}, 0, 2},
		"first lost": {[][]byte{part(16, 24, true), part(24, end, false)}, 0, 2},
	} {
		payloads, _, r := readBytes(t, pcapOf(le, true, linkRaw, test.frames...))
		if len(payloads) != test.packets || r.Statistics().Skipped != test.skipped {
			t.Errorf("%s: %q, %d skipped", name, payloads, r.Statistics().Skipped)
		}
		for _, payload := range payloads {
			if payload != "0123456789abcdefghijklmnopqrstuv" {
				t.Errorf("%s: %q", name, payload)
			}
		}
	}
}

func TestClock(t *testing.T) {
	for _, test := range []struct {
		resolution uint8
		offset     int64
		ticks      uint64
		want       int64
	}{
		{6, 0, uint64(stamp / 1000), stamp - stamp%1000},
		{9, 0, uint64(stamp), stamp},
		{9, -2, uint64(stamp), stamp - 2e9},
		{0, 0, uint64(stamp / 1e9), stamp - stamp%1e9},
		{10, 0, uint64(stamp) * 10, stamp},
		{0x80 | 1, 0, 3, 1.5e9},
		{0x80 | 30, 0, 1479897302<<30 | 1<<29, 1479897302.5e9},
		{0x80, 0, 5, 5e9},
		{127, 0, 1 << 63, 0},
	} {
		if got := newClock(test.resolution, test.offset).nanoseconds(test.ticks); got != test.want {
			t.Errorf("resolution %#x: %d ticks are %d, want %d", test.resolution, test.ticks, got, test.want)
		}
	}
}

// editcap and mergecap write what other programs do: the same packets in other
// formats, and several interfaces in one section.
func TestOthersWriters(t *testing.T) {
	folder := t.TempDir()
	w := newWriter(t)
	if err := w.Begin(noon, nil); err != nil {
		t.Fatal(err)
	}
	payloads := captures(t)
	for _, payload := range payloads {
		if err := w.Write(AppendPacket(nil, Live, stamp, exporter4, socket4, payload)); err != nil {
			t.Fatal(err)
		}
	}
	name := pathOf(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"pcap", "nsecpcap", "pcapng"} {
		made := filepath.Join(folder, format)
		script := `zstdcat "$1" | tshark -r - -F "$2" -w "$3" && mergecap -a -w "$3.twice" "$3" "$3"`
		if out, err := exec.Command("sh", "-c", script, "sh", name, format, made).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", format, err, out)
		}
		for suffix, times := range map[string]int{"": 1, ".twice": 2} {
			packets, stats := readAll(t, made+suffix)
			if len(packets) != times*len(payloads) || stats.Truncated || stats.Skipped != 0 {
				t.Fatalf("%s%s: %d packets, %+v", format, suffix, len(packets), stats)
			}
			for i, packet := range packets {
				if !bytes.Equal(packet.Payload, payloads[i%len(payloads)]) || packet.Src != exporter4 || packet.Received/1000 != stamp/1000 {
					t.Errorf("%s%s: packet %d differs", format, suffix, i)
				}
			}
		}
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	source := AppendHeader(nil)
	for range 300 {
		source = AppendPacket(source, Live, stamp, exporter4, socket4, make([]byte, 1464))
		source = AppendPacket(source, Live, stamp, exporter6, socket6, make([]byte, 1464))
	}
	r, err := NewReader(bytes.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(500, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// TestFlowToolsCutAtARecord: a copy that ends between two records is not whole
// when the header counts more of them.
func TestFlowToolsCutAtARecord(t *testing.T) {
	whole, err := os.ReadFile("testdata/flow-tools/le-z0/ft-v05.2026-11-24.010054+0500")
	if err != nil {
		t.Fatal(err)
	}
	for _, records := range []int{66, 65, 30, 0} {
		r, err := NewReader(bytes.NewReader(whole[:80+64*records]))
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = r.Next()
		}
		if cut := records < 66; errors.Is(r.Damage(), ErrCut) != cut || r.Statistics().Truncated != cut {
			t.Errorf("%d records: %v", records, r.Damage())
		}
	}
}
