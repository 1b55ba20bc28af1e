package archive

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"
)

// BenchmarkNewHosts loads a file in which every row is of another host, so that
// usage_hourly gets as many rows as the day's table.
func BenchmarkNewHosts(b *testing.B) {
	a := open(b)
	router, err := a.Routers().ID(b.Context(), "gw")
	if err != nil {
		b.Fatal(err)
	}
	rows := benchRows(b)
	var took time.Duration
	for n := range b.N {
		f := benchFile(Day{2026, 11, 1}.Add(n), router, rows, 0, 4)
		for i := range f.rows {
			// In no order, as in traffic: the multiplier is odd, so no address comes twice.
			var host [4]byte
			binary.BigEndian.PutUint32(host[:], 10<<24|uint32(i)*0x9E3779B1&0xffffff)
			f.rows[i].Host = netip.AddrFrom4(host)
		}
		began := time.Now()
		unlock, err := locked(b.Context(), a, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		err = errors.Join(f.load(b.Context(), a), writing(a).Settle(b.Context()))
		unlock()
		if err != nil {
			b.Fatal(err)
		}
		took += time.Since(began)
	}
	b.ReportMetric(float64(b.N*rows)/took.Seconds(), "hosts/s")
}
