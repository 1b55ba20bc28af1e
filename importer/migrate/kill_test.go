package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nfacct/archive"
	"nfacct/importer/migrate/migratetest"
)

// childFolder names the variable that makes the test binary a migration to be
// killed: where from, where to, and a folder for copies.
const childFolder = "NFACCT_TEST_MIGRATE"

func child(spec string) error {
	from, dsn, _ := strings.Cut(spec, " ")
	dsn, work, _ := strings.Cut(dsn, " ")
	p, err := openPlace(dsn)
	if err != nil {
		return err
	}
	defer p.archive.Close()
	m, err := New(p.importer, p.archive, options(), quiet)
	if err != nil {
		return err
	}
	ctx := context.Background()
	var s *Source
	if strings.HasSuffix(from, ".sock") {
		to := oldDSN("root", "")
		to.Addr = from
		s, err = OpenServer(ctx, to, quiet)
	} else {
		s, err = OpenFolder(ctx, from, work, archive.DefaultConfig(), quiet)
	}
	if err != nil {
		return err
	}
	summary := NewSummary()
	return errors.Join(m.Tables(ctx, s, summary), s.Close(), summary.Err())
}

// monthDays is how many days have rows in the months of tests.
const monthDays = 8

// month are so many rows a day of a month, of 50 hosts.
func month(year, month, perDay int) iter.Seq[row] {
	return func(yield func(row) bool) {
		random := rand.New(rand.NewPCG(uint64(year), uint64(month)))
		for day := 1; day <= monthDays; day++ {
			for i := range perDay {
				file := i * 95 / perDay
				r := line(fmt.Sprintf("192.168.0.%d", 100+random.IntN(50)), 1024+random.IntN(60000), fmt.Sprintf("198.51.100.%d", random.IntN(200)), 443, 6,
					1+random.IntN(1000), 40+random.IntN(1000000), fmt.Sprintf("%02d-%02d-%d", day, month, year), fmt.Sprintf("%02d:%02d", file/4, file%4*15))
				if i%2 == 1 {
					r.Src, r.Dst, r.SrcPort, r.DstPort = r.Dst, r.Src, r.DstPort, r.SrcPort
				}
				if !yield(r) {
					return
				}
			}
		}
	}
}

// perDay asks the old tables, and the archive, for each day's records and bytes.
const (
	perDayOld = "SELECT CONCAT_WS(' ', STR_TO_DATE(date_ins, '%d-%m-%Y'), COUNT(*), SUM(bytes), SUM(packets)) FROM (SELECT * FROM `2018_5` UNION ALL SELECT * FROM `2018_6c`) AS a GROUP BY date_ins ORDER BY 1"
	perDayNew = "SELECT CONCAT_WS(' ', day, SUM(flows), SUM(up_bytes + down_bytes), SUM(up_packets + down_packets)) FROM (SELECT * FROM flows_2018_05 UNION ALL SELECT * FROM flows_2018_06) AS a GROUP BY day ORDER BY 1"
	perDayUse = "SELECT CONCAT_WS(' ', day, SUM(flows), SUM(up_bytes + down_bytes), SUM(up_packets + down_packets)) FROM usage_hourly GROUP BY day ORDER BY 1"
)

// TestKill kills migrations at any moment, and then lets one end. Every day then
// has what the old tables sum up.
func TestKill(t *testing.T) {
	clearOld(t)
	makeOld(t, "2018_5", migratetest.Text2018, month(2018, 5, 1500))
	makeOld(t, "2018_6c", migratetest.Text2018, month(2018, 6, 1500))
	want := lines(t, old.db, perDayOld)
	work, err := os.MkdirTemp("", "nfacct-work-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(work)
	for name, from := range map[string]string{"server": oldDSN("", "").Addr, "files": backup(t)} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			copies := filepath.Join(work, "copies")
			next := func() *exec.Cmd {
				// What a kill has left there stays.
				if _, err := os.Stat(copies); err != nil && name == "files" {
					furnish(t, copies)
				}
				return migration(t, from, p.dsn, copies)
			}
			began := time.Now()
			if err := next().Run(); err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			mustExec(t, old.db, "DROP DATABASE "+p.name)
			mustExec(t, old.db, "CREATE DATABASE "+p.name)
			killed := 0
			for range 4 {
				cmd := next()
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(rand.Int64N(int64(took / 2))))
				_ = cmd.Process.Kill()
				if cmd.Wait() != nil {
					killed++
				}
			}
			if err := next().Run(); err != nil {
				t.Fatal(err)
			}
			t.Logf("killed %d times; undisturbed, it takes %v", killed, took)
			for what, query := range map[string]string{"rows": perDayNew, "rollups": perDayUse} {
				if diff := cmp.Diff(want, lines(t, p.archive.DB(), query)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			p.books(t)
			if left := lines(t, p.archive.DB(), "SELECT CONCAT(file, state) FROM imports WHERE state <> 'loaded'"); len(left) > 0 {
				t.Errorf("left in the ledger: %v", left)
			}
			if _, err := os.Stat(copies); err == nil {
				t.Error("copies of tables are left behind")
			}
		})
	}
}

// migration is this test binary as a migration.
func migration(t testing.TB, from, dsn, work string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFolder+"="+strings.Join([]string{from, dsn, work}, " "))
	cmd.Stderr = os.Stderr
	return cmd
}
