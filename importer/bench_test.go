package importer

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
)

// office makes v5 datagrams of 30 records: both halves of conversations of 200
// hosts with a million peers.
func office(n int, start time.Time) []sent {
	random := rand.New(rand.NewPCG(1, 2))
	be := binary.BigEndian
	var all []sent
	sequence := uint32(0)
	for i := range n {
		at := start.Add(time.Duration(i) * 800 * time.Second / time.Duration(n))
		b := make([]byte, 24, 24+30*48)
		be.PutUint16(b, 5)
		be.PutUint16(b[2:], 30)
		be.PutUint32(b[4:], uint32(3_600_000+at.Sub(start).Milliseconds()))
		be.PutUint32(b[8:], uint32(at.Unix()))
		be.PutUint32(b[12:], uint32(at.Nanosecond()))
		be.PutUint32(b[16:], sequence)
		sequence += 30
		uptime := be.Uint32(b[4:])
		for range 15 {
			host := [4]byte{192, 168, 0, byte(1 + random.IntN(200))}
			peer := [4]byte{198, 51, byte(random.IntN(16)), byte(random.IntN(256))}
			port := uint16(1024 + random.IntN(60000))
			for half := range 2 {
				r := make([]byte, 48)
				src, dst, in, out, sport, dport := host, peer, uint16(2), uint16(13), port, uint16(443)
				if half == 1 {
					src, dst, in, out, sport, dport = dst, src, out, in, dport, sport
				}
				copy(r, src[:])
				copy(r[4:], dst[:])
				copy(r[8:], dst[:])
				be.PutUint16(r[12:], in)
				be.PutUint16(r[14:], out)
				be.PutUint32(r[16:], uint32(2+random.IntN(50)))
				be.PutUint32(r[20:], uint32(100+random.IntN(60000)))
				be.PutUint32(r[24:], uptime-20_000)
				be.PutUint32(r[28:], uptime-15_000)
				be.PutUint16(r[32:], sport)
				be.PutUint16(r[34:], dport)
				r[38] = 6
				b = append(b, r...)
			}
		}
		all = append(all, sent{at, b})
	}
	return all
}

// sink takes rows and forgets them.
type sink struct{ rows uint64 }

func (*sink) known(context.Context, archive.File) (bool, error)     { return false, nil }
func (*sink) begin(context.Context, archive.File) error             { return nil }
func (s *sink) append(*archive.Row) error                           { s.rows++; return nil }
func (s *sink) commit(context.Context, *fileEnd) (uint64, error)    { return s.rows, nil }
func (*sink) strict() bool                                          { return false }
func (*sink) memory(context.Context, archive.File) (*memory, error) { return nil, nil }
func (*sink) abort(context.Context) error                           { return nil }

// BenchmarkPipeline is a v5 spool file of a million records, decoded,
// attributed and merged, without the database.
func BenchmarkPipeline(b *testing.B) {
	folder := b.TempDir()
	start := at.Truncate(spool.SlotLength)
	spoolFile(b, folder, start, office(1_000_000/30, start)...)
	im := newImporter(b, folder, v5Office())
	inputs, err := fromSpool(folder)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	records, rows := uint64(0), uint64(0)
	for b.Loop() {
		build := im.build(Options{})
		if err := build.run(context.Background(), inputs, &sink{}, anyDay); err != nil {
			b.Fatal(err)
		}
		records, rows = records+build.summary.Records, rows+build.summary.Rows
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(records)/float64(rows), "records/row")
}
