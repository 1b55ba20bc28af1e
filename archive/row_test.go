package archive

import (
	"math"
	"net/netip"
	"testing"
)

func testRow(day Day, router uint16) Row {
	return Row{
		Day: day, Slot: 42, Router: router, WAN: 7,
		Host: netip.MustParseAddr("10.9.92.0"), Peer: netip.MustParseAddr("198.51.100.7"), // tab, backslash and zero in the host
		HostPort: 50000, PeerPort: 443, Proto: 6, Attribution: 0x21,
		UpPackets: 3, DownPackets: 4, UpBytes: 180, DownBytes: 4000, Flows: 2, First: -3, Duration: 61,
	}
}

func TestRowText(t *testing.T) {
	row := testRow(Day{2026, 11, 23}, 5)
	text, rows := row.append(nil)
	const want = "2026-11-23\t42\t5\t7\t\\\n\\\t\\\\\\0\t\xc6\x33\x64\x07\t50000\t443\t6\t3\t4\t180\t4000\t2\t-3\t61\t33\n"
	if string(text) != want || rows != 1 {
		t.Errorf("%d rows\ngot  %q\nwant %q", rows, text, want)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	row := testRow(Day{2026, 11, 23}, 5)
	row.UpPackets = math.MaxUint64 >> 16
	row.Host = netip.MustParseAddr("2001:db8::1")
	buf := make([]byte, 0, 64<<20)
	if n := testing.AllocsPerRun(10, func() { buf, _ = row.append(buf[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRowText(b *testing.B) {
	row := testRow(Day{2026, 11, 23}, 5)
	buf := make([]byte, 0, 4096)
	for range b.N {
		buf, _ = row.append(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
}
