package importer

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
	"nfacct/importer/attribution"
)

// Hostile exports, after the modes of the attacks of issue 18. To use it:
//
//	path := attack(t, seed, "stream-flood", "fill-waiting")  // a pcap; "mode:N" for another count
//	s := load(t, newImporter(t, "", hostileOffice()), &l, anyDay, path)
//	honest(t, l.rows)
//
// A capture begins with the template of an honest stream, holds the modes in the
// order they are named, and ends with the one record of the honest host in that
// stream. Everything comes from one address, so that the honest stream and the
// attacker's are the same exporter's; attackAs makes the packets without a file.

// The honest host's one record: up, in the stream of port 41001.
var honestHost = ip("192.168.1.77")

const (
	honestBytes   = 123_456
	honestPackets = 99
)

// hostileOffice is the router that hostile exports come from.
func hostileOffice() Router {
	return Router{Name: "gw", Export: []netip.Addr{gateway.Addr()}, Router: attribution.Router{
		Inside: []netip.Prefix{prefix("192.168.0.0/16"), prefix("10.0.0.0/8")},
	}}
}

// honest says whether the honest host has its record, no more and no less.
func honest(t testing.TB, rows []archive.Row) {
	t.Helper()
	var bytes, packets, flows uint64
	for _, r := range rows {
		if r.Host == honestHost {
			bytes, packets, flows = bytes+r.UpBytes+r.DownBytes, packets+r.UpPackets+r.DownPackets, flows+r.Flows
		}
	}
	if bytes != honestBytes || packets != honestPackets || flows != 1 {
		t.Errorf("the honest host has %d bytes, %d packets, %d flows; want %d, %d, 1", bytes, packets, flows, honestBytes, honestPackets)
	}
}

// hostile makes datagrams.
type hostile struct {
	random *rand.Rand
	at     time.Time // of the next one
	next   map[[2]uint32]uint32
	out    []spool.Packet
}

// hostileModes are the modes, with how many datagrams each makes unless told.
var hostileModes = map[string]struct {
	make func(*hostile, int)
	n    int
}{
	"impossible-packets":  {(*hostile).impossiblePackets, 1},
	"impossible-octets":   {(*hostile).impossibleOctets, 4},
	"impossible-sampling": {(*hostile).impossibleSampling, 20},
	"template-flood":      {(*hostile).templateFlood, 2000},
	"stream-flood":        {(*hostile).streamFlood, 6000},
	"fill-waiting":        {(*hostile).fillWaiting, 95},
	"late-templates":      {(*hostile).lateTemplates, 1000},
	"half-known":          {(*hostile).halfKnown, 1000},
	"many-hosts":          {(*hostile).manyHosts, 100},
}

// attackAs makes the packets of an attack: honest template, modes, honest record.
func attackAs(t testing.TB, seed uint64, modes ...string) []spool.Packet {
	t.Helper()
	h := &hostile{random: rand.New(rand.NewPCG(seed, 18)), at: at, next: map[[2]uint32]uint32{}}
	h.v9(honestPort, 0, 1, dataSet(0, layout(256, biflowLayout...)))
	for _, mode := range modes {
		name, count := mode, 0
		for i := range mode {
			if mode[i] == ':' {
				name = mode[:i]
				for _, c := range mode[i+1:] {
					count = 10*count + int(c-'0')
				}
			}
		}
		m, ok := hostileModes[name]
		if !ok {
			t.Fatalf("no mode %q", name)
		}
		if count == 0 {
			count = m.n
		}
		m.make(h, count)
	}
	h.v9(honestPort, 0, 1, dataSet(256, biflowData(honestHost, honestBytes, honestPackets, 50000)))
	return h.out
}

// attack writes such packets to a capture, and gives its path.
func attack(t testing.TB, seed uint64, modes ...string) string {
	t.Helper()
	return pcapOf(t, attackAs(t, seed, modes...))
}

// pcapOf writes packets to a pcap file of link type RAW.
func pcapOf(t testing.TB, packets []spool.Packet) string {
	t.Helper()
	le, be := binary.LittleEndian, binary.BigEndian
	b := le.AppendUint32(nil, 0xa1b23c4d) // nanoseconds
	for _, n := range []uint32{2 | 4<<16, 0, 0, 65535, 101} {
		b = le.AppendUint32(b, n)
	}
	for _, p := range packets {
		size := 28 + len(p.Payload)
		for _, n := range []uint32{uint32(p.Received / 1e9), uint32(p.Received % 1e9), uint32(size), uint32(size)} {
			b = le.AppendUint32(b, n)
		}
		src, dst := p.Src.Addr().As4(), ours.Addr().As4()
		b = append(b, 0x45, 0)
		b = be.AppendUint16(b, uint16(size))
		b = append(b, 0, 0, 0, 0, 64, 17, 0, 0)
		b = append(append(b, src[:]...), dst[:]...)
		for _, n := range []int{int(p.Src.Port()), int(ours.Port()), size - 20, 0} {
			b = be.AppendUint16(b, uint16(n))
		}
		b = append(b, p.Payload...)
	}
	path := filepath.Join(t.TempDir(), "attack.pcap")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	hostilePort = 41000
	honestPort  = 41001
)

// Layouts of element and length: addresses, ports, protocol, octets, packets.
var (
	biflowLayout = [][2]uint16{{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {1, 8}, {2, 8}}
	smallLayout  = [][2]uint16{{8, 4}, {12, 4}, {1, 4}, {2, 4}}
)

// layout is a template record.
func layout(id uint16, fields ...[2]uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(fields)))
	for _, f := range fields {
		b = binary.BigEndian.AppendUint16(b, f[0])
		b = binary.BigEndian.AppendUint16(b, f[1])
	}
	return b
}

// dataSet is a set of records.
func dataSet(id uint16, body []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(body)))
	return append(b, body...)
}

func biflowData(host netip.Addr, octets, packets uint64, port uint16) []byte {
	b := append(host.AsSlice(), 198, 51, 100, 9)
	b = binary.BigEndian.AppendUint16(b, port)
	b = binary.BigEndian.AppendUint16(b, 443)
	b = append(b, 6)
	b = binary.BigEndian.AppendUint64(b, octets)
	return binary.BigEndian.AppendUint64(b, packets)
}

func smallData(host netip.Addr, octets uint32) []byte {
	b := append(host.AsSlice(), 198, 51, 100, 9)
	b = binary.BigEndian.AppendUint32(b, octets)
	return binary.BigEndian.AppendUint32(b, 1)
}

// send puts a datagram on the wire, a tenth of a millisecond after the last one.
func (h *hostile) send(port uint16, payload []byte) {
	h.out = append(h.out, spool.Packet{Received: h.at.UnixNano(), Src: netip.AddrPortFrom(gateway.Addr(), port), Dst: ours, Payload: payload})
	h.at = h.at.Add(100 * time.Microsecond)
}

func (h *hostile) v9(port uint16, source uint32, records int, sets ...[]byte) {
	key := [2]uint32{uint32(port), source}
	b := binary.BigEndian.AppendUint16(nil, 9)
	b = binary.BigEndian.AppendUint16(b, uint16(records))
	for _, n := range []uint32{1_000_000 + uint32(h.at.Sub(at).Milliseconds()), uint32(h.at.Unix()), h.next[key], source} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	h.next[key]++
	h.send(port, append(b, slices.Concat(sets...)...))
}

func (h *hostile) ipfix(port uint16, domain uint32, records int, sets ...[]byte) {
	key := [2]uint32{uint32(port), domain}
	body := slices.Concat(sets...)
	b := binary.BigEndian.AppendUint16(nil, 10)
	b = binary.BigEndian.AppendUint16(b, uint16(16+len(body)))
	for _, n := range []uint32{uint32(h.at.Unix()), h.next[key], domain} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	h.next[key] += uint32(records)
	h.send(port, append(b, body...))
}

// impossiblePackets: one datagram of 85 bytes, of 2^63 packets.
func (h *hostile) impossiblePackets(n int) {
	for range n {
		h.ipfix(hostilePort, 1, 1, dataSet(2, layout(300, biflowLayout...)), dataSet(300, biflowData(ip("192.168.1.5"), 100, 1<<63, 40000)))
	}
}

// impossibleOctets: sums beyond 64 bits, of one host and of several.
func (h *hostile) impossibleOctets(n int) {
	h.ipfix(hostilePort, 2, 0, dataSet(2, layout(300, biflowLayout...)))
	for range n {
		for _, host := range []string{"192.168.1.5", "192.168.1.6"} {
			h.ipfix(hostilePort, 2, 1, dataSet(300, biflowData(ip(host), 1<<64-1000, 7, 40000)))
		}
	}
}

// impossibleSampling: v5 with 1 of 16383 in the header, and counters all ones.
func (h *hostile) impossibleSampling(n int) {
	be := binary.BigEndian
	for k := range n {
		b := make([]byte, 24)
		be.PutUint16(b, 5)
		be.PutUint16(b[2:], 30)
		be.PutUint32(b[4:], 1_000_000)
		be.PutUint32(b[8:], uint32(h.at.Unix()))
		be.PutUint32(b[16:], uint32(30*k))
		be.PutUint16(b[22:], 0x7fff)
		for i := range 30 {
			r := make([]byte, 48)
			copy(r, []byte{192, 168, 2, byte(i), 198, 51, byte(k % 100), 8})
			be.PutUint16(r[12:], 1)
			be.PutUint16(r[14:], 2)
			be.PutUint64(r[16:], 1<<64-1)
			be.PutUint32(r[24:], 999_000)
			be.PutUint32(r[28:], 999_500)
			be.PutUint16(r[32:], 1000)
			be.PutUint16(r[34:], 443)
			r[38] = 6
			b = append(b, r...)
		}
		h.send(hostilePort, b)
	}
}

// templateFlood: 120 templates of ever new numbers in each datagram.
func (h *hostile) templateFlood(n int) {
	number := 256
	for range n {
		var body []byte
		for len(body)+12 <= 1448 {
			body = append(body, layout(uint16(number), [2]uint16{8, 4})...)
			if number++; number > 65535 {
				number = 256
			}
		}
		h.v9(hostilePort, 1, 1, dataSet(0, body))
	}
}

// streamFlood: empty datagrams, each of another source id.
func (h *hostile) streamFlood(n int) {
	first := 10_000 + h.random.Uint32N(10_000)
	for k := range n {
		h.v9(hostilePort, first+uint32(k), 0)
	}
}

// fillWaiting: as many sets without a template as fit, some of them empty.
func (h *hostile) fillWaiting(n int) {
	first := 40_000 + h.random.Uint32N(10_000)
	for k := range n {
		var body []byte
		for i := 0; len(body) < 64_000; i++ {
			body = append(body, dataSet(uint16(1000+i), make([]byte, h.random.IntN(4)))...)
		}
		h.v9(hostilePort, first+uint32(k), 16_000, body)
	}
}

// lateTemplates: what waits is filled up, then set and template come by turns.
func (h *hostile) lateTemplates(n int) {
	h.fillWaiting(85)
	for k := range n {
		number := uint16(20_000 + k%40_000)
		h.v9(hostilePort, 8, 1, dataSet(number, smallData(ip("192.168.1.9"), 1)))
		h.v9(hostilePort, 8, 1, dataSet(0, layout(number, smallLayout...)))
	}
}

// manyLayouts: 256 templates of 250 fields in each of 60 streams.
func (h *hostile) manyLayouts() {
	for s := range 60 {
		var body []byte
		for number := range 256 {
			fields := make([][2]uint16, 250)
			for i := range fields {
				fields[i] = [2]uint16{uint16(1 + h.random.IntN(32766)), uint16(1 + h.random.IntN(199))}
			}
			one := layout(uint16(256+number), fields...)
			if len(body)+len(one) > 60_000 {
				h.v9(hostilePort, uint32(1000+s), 1, dataSet(0, body))
				body = nil
			}
			body = append(body, one...)
		}
		h.v9(hostilePort, uint32(1000+s), 1, dataSet(0, body))
	}
}

// halfKnown: many layouts, then datagrams of a known and an unknown set.
func (h *hostile) halfKnown(n int) {
	h.manyLayouts()
	h.v9(hostilePort, 5, 1, dataSet(0, layout(300, smallLayout...)))
	for range n {
		h.v9(hostilePort, 5, 2, dataSet(300, smallData(ip("192.168.1.9"), 1)), dataSet(9999, []byte{1, 2, 3, 4}))
	}
}

// manyHosts: made-up inside hosts, 80 a datagram.
func (h *hostile) manyHosts(n int) {
	h.v9(hostilePort, 1, 1, dataSet(0, layout(300, smallLayout...)))
	for k := range n {
		var body []byte
		for i := range 80 {
			host := 80*k + i
			body = append(body, smallData(netip.AddrFrom4([4]byte{10, byte(host >> 16), byte(host >> 8), byte(host)}), 1)...)
		}
		h.v9(hostilePort, 1, 80, dataSet(300, body))
	}
}

// TestHostileNames: every mode makes datagrams that a capture can hold.
func TestHostileNames(t *testing.T) {
	for name := range hostileModes {
		packets := attackAs(t, 1, name+":3")
		for _, p := range packets {
			if len(p.Payload) < 16 || len(p.Payload) > 65_507 {
				t.Errorf("%s: a datagram of %d bytes", name, len(p.Payload))
			}
		}
	}
}
