package importer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

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

// live sums up what is shown of sealed files and of those that are being written.
func live(t *testing.T, im *Importer) hostSums {
	t.Helper()
	sums := hostSums{}
	take := func(p *Piece) {
		s := sums[p.Host.String()]
		sums[p.Host.String()] = [3]uint64{s[0] + p.Up, s[1] + p.Down, s[2] + uint64(p.Flows)}
	}
	sealed, err := spool.ListSealed(im.cfg.Spool)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range sealed {
		names = append(names, f.Name)
	}
	if _, err := im.Show(t.Context(), names, take); err != nil {
		t.Fatal(err)
	}
	open, err := spool.ListOpen(im.cfg.Spool)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range open {
		f, err := im.Follow(t.Context(), file, take)
		if err == nil {
			err = errors.Join(f.More(t.Context()), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
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
			provisional := live(t, im)
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
