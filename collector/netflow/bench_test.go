package netflow

import (
	"path/filepath"
	"testing"
	"time"

	"nfacct/collector/flow"
)

// load is a datagram and what must be learnt before it.
type load struct {
	name     string
	before   []byte
	datagram []byte
	records  int
	next     uint32 // how far the sequence goes on
}

// loads are the datagrams that routers mostly send: full ones.
func loads(t testing.TB) []load {
	v5 := newSender(flow.V5)

	v9 := newSender(flow.V9)
	layout := []f{{60, 1, 0}, {22, 4, 0}, {21, 4, 0}, {2, 4, 0}, {1, 4, 0}, {10, 4, 0}, {14, 4, 0}, {4, 1, 0}, {5, 1, 0}, {7, 2, 0}, {11, 2, 0},
		{8, 4, 0}, {12, 4, 0}, {15, 4, 0}, {56, 6, 0}, {57, 6, 0}, {80, 6, 0}, {81, 6, 0}, {225, 4, 0}, {226, 4, 0}, {227, 2, 0}, {228, 2, 0}}
	var records [][]byte
	for i := range 16 {
		mac := []byte{2, 0, 0, 0, 0, byte(i)}
		records = append(records, values(n{1, 4}, n{4, 90_000}, n{4, 95_000}, n{4, 7}, n{4, uint64(9000 + i)}, n{4, 1}, n{4, 5}, n{1, 6}, n{1, 0},
			n{2, 443}, n{2, 51000}, "198.51.100.9", "203.0.113.5", "192.168.88.11", mac, mac, mac, mac,
			"198.51.100.9", "192.168.88.11", n{2, 443}, n{2, 50000}))
	}
	dir := logstash
	return []load{
		{"v5", nil, v5.v5(30), 30, 30},
		{"v9", v9.message(v9.template(256, layout...)), v9.message(set(256, records...)), 16, 1},
		{"ipfix", read(t, filepath.Join(dir, "ipfix_test_mikrotik_tpl.dat")), read(t, filepath.Join(dir, "ipfix_test_mikrotik_data258.dat")), 28, 28},
		{"v9-asr9k", read(t, filepath.Join(dir, "netflow9_test_cisco_asr9k_tpl260.dat")), read(t, filepath.Join(dir, "netflow9_test_cisco_asr9k_data260.dat")), 21, 1},
	}
}

// advance counts the datagram's sequence number up, so that none is a duplicate.
func (l *load) advance() {
	at := map[string]int{"v5": 16, "v9": 12, "ipfix": 8, "v9-asr9k": 12}[l.name]
	be.PutUint32(l.datagram[at:], be.Uint32(l.datagram[at:])+l.next)
}

// TestAllocations holds that a datagram costs no allocation once its template
// is known and dst is large enough.
func TestAllocations(t *testing.T) {
	for _, l := range loads(t) {
		d := NewDecoder(Limits{})
		if l.before != nil {
			d.Scan(testSource, 0, l.before)
		}
		dst := make([]flow.Record, 0, l.records)
		var g Datagram
		if allocations := testing.AllocsPerRun(100, func() {
			dst, g = d.Decode(dst[:0], testSource, 0, l.datagram)
			l.advance()
		}); allocations != 0 || g.Records != l.records {
			t.Errorf("%s: decode allocates %v times for %d records", l.name, allocations, g.Records)
		}
		if allocations := testing.AllocsPerRun(100, func() {
			g = d.Scan(testSource, 0, l.datagram)
			l.advance()
		}); allocations != 0 || g.Records != l.records {
			t.Errorf("%s: scan allocates %v times for %d records", l.name, allocations, g.Records)
		}
		if l.before == nil {
			continue
		}
		if allocations := testing.AllocsPerRun(100, func() { g = d.Scan(testSource, 0, l.before) }); allocations != 0 || g.Templates == 0 {
			t.Errorf("%s: a template that is sent again allocates %v times", l.name, allocations)
		}
	}
}

// BenchmarkDecode decodes full datagrams. x-goflow2 is how many times longer
// goflow2's decoder takes, which makes fields of them, but no records yet.
func BenchmarkDecode(b *testing.B) {
	for _, l := range loads(b) {
		b.Run(l.name, func(b *testing.B) {
			d := NewDecoder(Limits{})
			second := newGoflow2()
			if l.before != nil {
				d.Scan(testSource, 0, l.before)
				second.decode(l.before)
			}
			theirs := timeGoflow2(second, l.datagram)
			dst := make([]flow.Record, 0, l.records)
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = d.Decode(dst[:0], testSource, 0, l.datagram)
			}
			ours := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			b.ReportMetric(float64(theirs.Nanoseconds())/ours, "x-goflow2")
			b.ReportMetric(ours/float64(l.records), "ns/record")
			b.ReportMetric(float64(l.records)/ours*1000, "Mrecords/s")
		})
	}
}

// BenchmarkScan counts what is in full datagrams.
func BenchmarkScan(b *testing.B) {
	for _, l := range loads(b) {
		b.Run(l.name, func(b *testing.B) {
			d := NewDecoder(Limits{})
			if l.before != nil {
				d.Scan(testSource, 0, l.before)
			}
			b.ReportAllocs()
			for b.Loop() {
				d.Scan(testSource, 0, l.datagram)
			}
			b.ReportMetric(float64(b.N)*float64(l.records)/float64(b.Elapsed().Nanoseconds())*1000, "Mrecords/s")
		})
	}
}

// BenchmarkGoflow2 is the other side of BenchmarkDecode's ratio.
func BenchmarkGoflow2(b *testing.B) {
	for _, l := range loads(b) {
		b.Run(l.name, func(b *testing.B) {
			second := newGoflow2()
			if l.before != nil {
				second.decode(l.before)
			}
			b.ReportAllocs()
			for b.Loop() {
				second.only(l.datagram)
			}
			b.ReportMetric(float64(b.N)*float64(l.records)/float64(b.Elapsed().Nanoseconds())*1000, "Mrecords/s")
		})
	}
}

// timeGoflow2 is the time of one datagram: the best of some, so that a pause of
// the machine does not flatter us.
func timeGoflow2(second *goflow2, datagram []byte) time.Duration {
	best := time.Hour
	for range 10 {
		const times = 500
		start := time.Now()
		for range times {
			second.only(datagram)
		}
		best = min(best, time.Since(start)/times)
	}
	return best
}
