package migrate

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"nfacct/importer"
	"nfacct/importer/migrate/migratetest"
)

// BenchmarkTables migrates a table of a busy office's million flows, live and
// packed, from the server and from its files, in both layouts. It says how many
// rows a second, what the old table takes for each of its rows, and what ours
// takes before it is packed, and how much memory this process had at most.
func BenchmarkTables(b *testing.B) {
	for _, layout := range []migratetest.Layout{migratetest.Text2018, migratetest.Stamp2024} {
		name := map[migratetest.Layout]string{migratetest.Text2018: "2018_5", migratetest.Stamp2024: "test_2024_05"}[layout]
		flows, office, err := migratetest.Office(1_000_000)
		if err != nil {
			b.Fatal(err)
		}
		router := officeRouter(office)
		for _, table := range []string{name, name + "c"} {
			clearOld(b)
			makeOld(b, table, layout, migratetest.Rows(flows, layout))
			rows, data, keys, err := migratetest.Size(b.Context(), old.db, table)
			if err != nil {
				b.Fatal(err)
			}
			for _, from := range []string{"server", "files"} {
				b.Run(table+"/"+from, func(b *testing.B) {
					var migrated uint64
					for b.Loop() {
						b.StopTimer()
						p := newPlace(b)
						if p.importer, err = importer.New(importer.DefaultConfig(), []importer.Router{router}, time.UTC, p.archive, quiet); err != nil {
							b.Fatal(err)
						}
						folder := backup(b)
						if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // forget the peak
							b.Fatal(err)
						}
						opts := options()
						opts.Location, opts.Clock = time.UTC, time.UTC
						b.StartTimer()
						s := server(b)
						if from == "files" {
							s = files(b, folder)
						}
						r := p.migrate(b, s, opts).Tables[0]
						b.StopTimer()
						migrated += r.Migrated.Rows
						if r.Source != r.Migrated || r.Migrated.Rows != rows {
							b.Fatalf("%+v of %+v", r.Migrated, r.Source)
						}
						sum := p.total(b)
						b.ReportMetric(float64(bytesOf(b, p))/float64(sum.Loaded.Records), "ours-B/flow")
						b.ReportMetric(float64(sum.Loaded.Records)/float64(sum.Records), "accounted/row")
						b.StartTimer()
					}
					b.ReportMetric(float64(migrated)/b.Elapsed().Seconds(), "rows/s")
					b.ReportMetric(float64(data)/float64(rows), "old-data-B/row")
					b.ReportMetric(float64(keys)/float64(rows), "old-keys-B/row")
					b.ReportMetric(peak(b)/(1<<20), "peak-MiB")
				})
			}
		}
	}
}

// bytesOf is what the month tables of a place take.
func bytesOf(b *testing.B, p *place) (bytes uint64) {
	b.Helper()
	err := p.archive.DB().QueryRowContext(context.Background(),
		`SELECT SUM(DATA_LENGTH + INDEX_LENGTH) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'flows\_%'`).Scan(&bytes)
	if err != nil {
		b.Fatal(err)
	}
	return bytes
}

// peak is the most that this process had resident, in bytes.
func peak(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	var kib float64
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		b.Fatal(err)
	}
	return kib * 1024
}
