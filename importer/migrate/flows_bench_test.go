package migrate

import (
	"iter"
	"net/netip"
	"testing"
	"time"

	"nfacct/importer"
	"nfacct/importer/attribution"
	"nfacct/importer/migrate/migratetest"
	"nfacct/routeros/officetest"
)

// officeRouter is the configuration of the router of migratetest.Office, or of an
// exporter on the machine itself.
func officeRouter(o *officetest.Office) importer.Router {
	return importer.Router{Name: "gw", Export: []netip.Addr{o.Gateway, netip.MustParseAddr("127.0.0.1")}, Router: attribution.Router{
		Inside: append(o.Inside, o.Server), Own: []netip.Addr{o.Gateway, o.Public}, Proxies: []netip.Addr{o.Proxy},
	}}
}

// BenchmarkFlows migrates a tree of flow-tools files with a busy office's million
// records, and says how many times faster that is than the predecessor's way on
// the same machine: a row at a time into its table with its nine keys.
func BenchmarkFlows(b *testing.B) {
	flows, office, err := migratetest.Office(1_000_000)
	if err != nil {
		b.Fatal(err)
	}
	theirs := 0.0
	b.Run("predecessor", func(b *testing.B) {
		clearOld(b)
		makeOld(b, "2018_5", migratetest.Text2018, func(func(row) bool) {})
		insert, err := old.db.Prepare("INSERT INTO 2018_5 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'm', 'g')")
		if err != nil {
			b.Fatal(err)
		}
		defer insert.Close()
		next, stop := iter.Pull(migratetest.Rows(flows, migratetest.Text2018))
		defer stop()
		n := 0
		for b.Loop() {
			for range 10_000 {
				r, ok := next()
				if !ok {
					b.Fatal("there are no more rows")
				}
				n++
				if _, err := insert.Exec(r.Src.(netip.Addr).String(), r.SrcPort, r.Dst.(netip.Addr).String(), r.DstPort, r.Proto, r.Packets, r.Bytes, r.Date, r.Time); err != nil {
					b.Fatal(err)
				}
			}
		}
		theirs = float64(n) / b.Elapsed().Seconds()
		b.ReportMetric(theirs, "records/s")
	})
	folder := b.TempDir()
	files, size, err := migratetest.WriteTree(folder, flows)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ft-v05", func(b *testing.B) {
		records := uint64(0)
		for b.Loop() {
			b.StopTimer()
			p := newPlace(b)
			if p.importer, err = importer.New(importer.DefaultConfig(), []importer.Router{officeRouter(office)}, time.UTC, p.archive, quiet); err != nil {
				b.Fatal(err)
			}
			opts := options()
			opts.Location = time.UTC
			b.StartTimer()
			m := p.migrator(b, opts)
			found, err := m.Look([]string{folder})
			if err != nil {
				b.Fatal(err)
			}
			summary := NewSummary()
			if err := m.Flows(b.Context(), found.Flows, summary); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := summary.Err(); err != nil || summary.Files.Loaded != files || summary.Files.Records != 1_000_000 {
				b.Fatalf("%v: %d of %d files, %d records", err, summary.Files.Loaded, files, summary.Files.Records)
			}
			records += summary.Files.Records
			b.StartTimer()
		}
		ours := float64(records) / b.Elapsed().Seconds()
		b.ReportMetric(ours, "records/s")
		b.ReportMetric(float64(size)/1_000_000, "file-B/record")
		if theirs > 0 {
			b.ReportMetric(ours/theirs, "times-predecessor")
		}
	})
}
