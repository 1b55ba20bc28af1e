package collector

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"testing"
	"time"

	"nfacct/collector/spool"
	"nfacct/routeros/officetest"
)

// BenchmarkSpoolSize is what a record of the demo's office takes in the spool:
// 60 hosts, and one of 500, through a working hour that is one file, which the
// collector writes second by second.
func BenchmarkSpoolSize(b *testing.B) {
	for _, hosts := range []int{60, 500} {
		for _, format := range []officetest.Format{officetest.V5, officetest.V9} {
			b.Run(fmt.Sprintf("%s/%d-hosts", format, hosts), func(b *testing.B) {
				for b.Loop() {
					size, records := spoolHour(b, hosts, format)
					b.ReportMetric(float64(size)/float64(records), "B/record")
					b.ReportMetric(float64(records)/3600, "records/s")
					b.ReportMetric(0, "ns/op")
				}
			})
		}
	}
}

func spoolHour(b *testing.B, hosts int, format officetest.Format) (size int64, records uint64) {
	office, err := officetest.New(officetest.Config{Hosts: hosts, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	files := spool.DefaultConfig()
	files.Folder = b.TempDir()
	w, err := spool.NewWriter(files, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	if err := w.Begin(noon, nil); err != nil {
		b.Fatal(err)
	}
	var second int64
	var blocks []byte
	e, err := officetest.NewExporter(format, officetest.Boot(noon), func(at int64, payload []byte) error {
		if at != second && len(blocks) > 0 {
			if err := w.Write(blocks); err != nil {
				return err
			}
			blocks = blocks[:0]
		}
		second = at
		blocks = spool.AppendPacket(blocks, spool.Live, at*int64(time.Second), netip.MustParseAddrPort("192.0.2.1:2055"), netip.MustParseAddrPort("192.0.2.9:8787"), payload)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for r := range office.Records(noon, noon.Add(time.Hour)) {
		if err := e.Add(r); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	sealed, err := spool.ListSealed(files.Folder)
	if err != nil || len(sealed) != 1 {
		b.Fatal(sealed, err)
	}
	info, err := os.Stat(sealed[0].Path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size(), e.Records
}
