package importer

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"nfacct/collector/spool"
	"nfacct/routeros/routerostest"
)

func TestScratch(t *testing.T) {
	folder := os.Getenv("SCRATCH_SPOOL")
	kind := os.Getenv("SCRATCH_KIND")
	router := v5Office()
	if kind == "office" {
		if os.Getenv("SCRATCH_MAKE") != "" {
			for i := range 4 {
				start := at.Truncate(spool.SlotLength).Add(time.Duration(i) * spool.SlotLength)
				spoolFile(t, folder, start, office(1_000_000/30, start)...)
			}
			return
		}
	} else {
		f := routerostest.V9
		if kind == "v5" {
			f = routerostest.V5
		}
		n := uint64(0)
		if os.Getenv("SCRATCH_MAKE") != "" {
			n = 4_000_000
		}
		f2 := folder
		if n == 0 {
			f2 = t.TempDir()
			n = 1
		}
		router = officeSpool(t, f2, f, n)
		if os.Getenv("SCRATCH_MAKE") != "" {
			return
		}
	}
	im := real(t, time.UTC, router)
	im.cfg.Spool = folder
	if os.Getenv("SLOW") != "" {
		im.archive.DB().Exec("SET GLOBAL slow_query_log_file='/tmp/imp/slow.log'")
		im.archive.DB().Exec("SET GLOBAL long_query_time=0")
		im.archive.DB().Exec("SET GLOBAL slow_query_log=1")
	}
	before := serverTime(t, im)
	began := time.Now()
	s, err := im.Import(context.Background(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	fmt.Printf("%s: %v, %.0f records/s, %d rows, server %v\n", kind, took, float64(s.Records)/took.Seconds(), s.Rows, serverTime(t, im)-before)
	fmt.Println(lines(t, im, "SELECT CONCAT(SUM(flows), ' ', COUNT(*), ' ', SUM(flows)/COUNT(*)) FROM flows_2026_11"), lines(t, im, "SELECT CONCAT(DATA_LENGTH, ' ', INDEX_LENGTH, ' ', TABLE_ROWS) FROM information_schema.TABLES WHERE TABLE_NAME LIKE 'flows%'"))
	os.Remove(folder + "/imported")
}
