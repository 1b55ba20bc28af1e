package importer

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"nfacct/collector/flow"
)

// TestWork: what is decoded late costs no more than was received, however much of an
// attack came before.
func TestWork(t *testing.T) {
	work := func(modes ...string) float64 {
		packets := attackAs(t, 3, modes...)
		s := readAll(t, packets, func(*flow.Record) {})
		if err := s.lookBehind(&input{}, new(decoded)); err != nil {
			t.Fatal(err)
		}
		bytes := 0
		for i := range packets {
			bytes += paceUnit + len(packets[i].Payload)
		}
		checkHeld(t, &s.held)
		return float64(s.pace.all+int64(s.pace.work)) / float64(bytes)
	}
	for name, counts := range map[string][2]int{
		"template-flood": {50, 200}, "stream-flood": {1000, 4000}, "fill-waiting": {20, 80}, "late-templates": {500, 2000}, "half-known": {500, 2000}, "many-hosts": {20, 80},
	} {
		for _, n := range counts {
			if got := work(fmt.Sprint(name, ":", n)); got > 1 {
				t.Errorf("%s: %d make work of %.2f for each byte received", name, n, got)
			}
		}
	}
}

// BenchmarkHostile is an attack, read without the database, short and four times
// as long: the cost of a datagram does not grow.
func BenchmarkHostile(b *testing.B) {
	for _, mode := range []struct {
		name string
		n    int
	}{{"template-flood", 500}, {"stream-flood", 6000}, {"fill-waiting", 50}, {"late-templates", 2000}, {"half-known", 5000}, {"many-hosts", 200}} {
		for _, times := range []int{1, 4} {
			b.Run(fmt.Sprintf("%s/%d", mode.name, times), func(b *testing.B) {
				packets := attackAs(b, 1, fmt.Sprint(mode.name, ":", mode.n*times))
				size := 0
				for i := range packets {
					size += len(packets[i].Payload)
				}
				b.SetBytes(int64(size))
				for b.Loop() {
					readAll(b, packets, func(*flow.Record) {})
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(packets)), "ns/datagram")
			})
		}
	}
}

// TestHeldMemory: what is counted of a set is what it takes, even when each waits
// for a template of its own.
func TestHeldMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	h := &hostile{random: rand.New(rand.NewPCG(1, 1)), at: at, next: map[[2]uint32]uint32{}}
	s := readAll(t, nil, nil)
	for range 600 { // some 150,000 sets want to wait, for half of which there is room
		h.out = h.out[:0]
		h.fillWaiting(1)
		if err := s.packet(&h.out[0]); err != nil {
			t.Fatal(err)
		}
	}
	s.decoder, h.out = nil, nil
	runtime.GC()
	runtime.ReadMemStats(&after)
	took := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	if took > maxHeld*5/4+1<<20 || s.held.shares.size < maxHeld*9/10 {
		t.Errorf("%d bytes taken for %d counted", took, s.held.shares.size)
	}
	runtime.KeepAlive(s)
}
