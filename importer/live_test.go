package importer

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
	"nfacct/routeros/officetest"
)

// hostSums are bytes and flows by host, as text.
type hostSums map[string][3]uint64

func (h hostSums) String() string {
	var all []string
	for host, s := range h {
		all = append(all, fmt.Sprintf("%s %d %d %d", host, s[0], s[1], s[2]))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// live sums up what Live gives.
func live(t *testing.T, im *Importer, since time.Time) hostSums {
	t.Helper()
	var sums hostSums
	err := im.Live(t.Context(), since, func() { sums = hostSums{} }, func(router string, r *archive.Row) error {
		s := sums[r.Host.String()]
		sums[r.Host.String()] = [3]uint64{s[0] + r.UpBytes, s[1] + r.DownBytes, s[2] + r.Flows}
		if router != "gw" {
			t.Errorf("router %q", router)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// Provisional figures equal those of the import of the same files, by host and to the
// byte, also of the file that was being written.
func TestLiveEqualsImport(t *testing.T) {
	for _, c := range []struct {
		name    string
		format  officetest.Format
		records int
	}{{"v5", officetest.V5, 30_000}, {"v9", officetest.V9, 30_000}, {"ipfix", officetest.IPFIX, 30_000}} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			router := officeSpool(t, folder, c.format, uint64(c.records))
			im := real(t, time.UTC, router)
			im.cfg.Spool = folder
			sealed, err := spool.ListSealed(folder)
			if err != nil || len(sealed) < 3 {
				t.Fatal(len(sealed), err)
			}
			last := sealed[len(sealed)-1].Path
			if err := os.Rename(last, last+".open"); err != nil {
				t.Fatal(err)
			}
			provisional := live(t, im, time.Time{})
			if part := live(t, im, sealed[len(sealed)-1].Start); len(part) == 0 || part.String() == provisional.String() {
				t.Errorf("of the last quarter-hour: %d hosts of %d", len(part), len(provisional))
			}
			if err := os.Rename(last+".open", last); err != nil {
				t.Fatal(err)
			}
			importAll(t, im)
			imported := hostSums{}
			for _, line := range strings.Split(lines(t, im, "SELECT CONCAT_WS(' ', INET6_NTOA(host), SUM(up_bytes), SUM(down_bytes), SUM(flows)) FROM flows_2026_11 GROUP BY host"), "\n") {
				var host string
				var s [3]uint64
				if _, err := fmt.Sscan(line, &host, &s[0], &s[1], &s[2]); err != nil {
					t.Fatal(line, err)
				}
				imported[host] = s
			}
			if len(imported) < 10 || imported.String() != provisional.String() {
				t.Errorf("provisional:\n%s\nimported:\n%s", provisional, imported)
			}
		})
	}
}
