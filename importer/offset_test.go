package importer

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
)

var timedLayout = [][2]uint16{{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {1, 4}, {2, 4}, {22, 4}, {21, 4}}

// timedV9 is a v9 datagram of the honest host's record, sent at an instant of a router
// whose clock is ahead by so much, in whole seconds as RouterOS counts: it began a
// minute before its end, and ended 15 s before the datagram.
func timedV9(at time.Time, ahead time.Duration, sequence int, port uint16, octets uint32) spool.Packet {
	be := binary.BigEndian
	const uptime = 1_000_000
	b := be.AppendUint16(nil, 9)
	b = be.AppendUint16(b, 2)
	for _, n := range []uint32{uptime, uint32(at.Add(ahead).Unix()), uint32(sequence), 7} {
		b = be.AppendUint32(b, n)
	}
	b = append(b, dataSet(0, layout(256, timedLayout...))...)
	r := append(honestHost.AsSlice(), 198, 51, 100, 9)
	r = be.AppendUint16(r, port)
	r = be.AppendUint16(r, 443)
	r = append(r, 6)
	for _, n := range []uint32{octets, octets / 100, uptime - 75_000, uptime - 15_000} {
		r = be.AppendUint32(r, n)
	}
	b = append(b, dataSet(256, r)...)
	return spool.Packet{Received: at.UnixNano(), Src: netip.AddrPortFrom(gateway.Addr(), 2055), Dst: ours, Payload: b}
}

// TestWrongClock: the times of a router whose clock is wrong by nine minutes, or forty
// years, are put right by what it is wrong, and the books say so. Whole days are the
// same to the byte, midnight among them.
func TestWrongClock(t *testing.T) {
	midnight := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	rows := func(ahead func(n int) time.Duration) ([]archive.Row, Summary) {
		var packets []spool.Packet
		for n := range 200 {
			at := midnight.Add(time.Duration(n-100) * 11 * time.Second).Add(time.Duration(n%7) * time.Millisecond)
			packets = append(packets, timedV9(at, ahead(n), n, uint16(1000+n), uint32(10_000+n)))
		}
		var l ledger
		s := load(t, newImporter(t, "", hostileOffice()), &l, anyDay, pcapOf(t, packets))
		slices.SortFunc(l.rows, func(a, b archive.Row) int {
			return int(a.HostPort)*100 + int(a.Slot) - int(b.HostPort)*100 - int(b.Slot)
		})
		return l.rows, s
	}
	want, s := rows(func(int) time.Duration { return 0 })
	for _, b := range s.Books {
		if b.Findings != nil {
			t.Errorf("right: %+v", b.Findings)
		}
	}
	const year = 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		ahead   func(n int) time.Duration
		seconds int64
	}{
		"nine minutes ahead": {func(int) time.Duration { return 9 * time.Minute }, 540},
		"nine behind":        {func(int) time.Duration { return -9 * time.Minute }, -540},
		"an hour ahead":      {func(int) time.Duration { return time.Hour }, 3600},
		"1970":               {func(n int) time.Duration { return -50 * year }, int64(-50 * year / time.Second)},
		"set meanwhile":      {func(n int) time.Duration { return max(-50*year, time.Duration(n/100-1)*50*year) }, int64(-50 * year / time.Second)},
	} {
		got, s := rows(c.ahead)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d rows differ from %d", name, len(got), len(want))
		}
		f := findingOf(&s.Books[0], archive.FoundClock)
		if f.Exporter != gateway.Addr().String() || f.Seconds != c.seconds || f.Records == 0 {
			t.Errorf("%s: %+v", name, s.Books[0].Findings)
		}
		if name == "set meanwhile" && findingOf(&s.Books[1], archive.FoundClock).Records > 10 {
			t.Errorf("%s: %+v", name, s.Books[1].Findings)
		}
	}
}

// Two senders behind one address, one of which has the wrong time: each goes by its own.
func TestTwoClocks(t *testing.T) {
	var c clocks
	now := at.UnixNano()
	for n := range int64(20) {
		received := now + n*second
		for exported, want := range map[int64]int64{received - 3*second/10: 0, received + 540*second: -540 * second} {
			if got := c.offset(gateway.Addr(), exported, received); got != want {
				t.Fatalf("%d: %d, want %d", n, got, want)
			}
		}
	}
	// One second of jitter: the quickest is believed.
	for n, delay := range []int64{900, 100, 700, 1000, 300} {
		got := c.offset(ip("192.0.2.9"), now-100*second, now+delay*second/1000)
		if want := 100*second + min(delay, 100+int64(max(0, 1-n))*800)*second/1000; got != want {
			t.Errorf("%d: %d, want %d", n, got, want)
		}
	}
	for n := range 3 * maxClocks {
		c.offset(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), now, now)
	}
	if len(c.of) > maxClocks {
		t.Errorf("%d clocks", len(c.of))
	}
}
