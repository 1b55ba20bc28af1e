package pack

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
)

// alter changes a bit of a row's peer_port, which is in no key and no sum.
func alter(t testing.TB, a *archive.Archive, table string) {
	t.Helper()
	place, err := a.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var host, peer []byte
	if err := a.DB().QueryRow("SELECT host, peer FROM "+table+" USE INDEX () LIMIT 1").Scan(&host, &peer); err != nil {
		t.Fatal(err)
	}
	run(t, a, "FLUSH TABLES "+table)
	// Addresses have their length before them, two ports behind them.
	row := append([]byte{byte(len(host))}, host...)
	row = append(append(row, byte(len(peer))), peer...)
	name := filepath.Join(place.Folder, table+".MYD")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, row)
	if at < 0 {
		t.Fatal("the row is not to be found")
	}
	whole[at+len(row)+2] ^= 0x10
	if err := os.WriteFile(name, whole, 0o660); err != nil {
		t.Fatal(err)
	}
}

// A byte that no key, count or sum has anything to do with is seen all the same,
// whatever came between: rows loaded, a repair.
func TestAlteredByte(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	between := map[string]func(t *testing.T, a *archive.Archive){
		"nothing":     func(*testing.T, *archive.Archive) {},
		"checked":     func(t *testing.T, a *archive.Archive) { run(t, a, "CHECK TABLE flows_2026_10_01") },
		"repaired":    func(t *testing.T, a *archive.Archive) { run(t, a, "REPAIR TABLE flows_2026_10_01") },
		"rows loaded": func(t *testing.T, a *archive.Archive) { mustLoad(t, a, file{7, 5000, october.First(), 2}) },
		"repaired, rows loaded": func(t *testing.T, a *archive.Archive) {
			run(t, a, "REPAIR TABLE flows_2026_10_01")
			mustLoad(t, a, file{7, 20, october.First(), 2})
		},
		"rows loaded twice": func(t *testing.T, a *archive.Archive) {
			mustLoad(t, a, file{7, 5000, october.First(), 2})
			mustLoad(t, a, file{8, 100, october.First(), 2})
		},
	}
	for name, do := range between {
		t.Run(name, func(t *testing.T) {
			a := openEmpty(t, cfg)
			mustLoad(t, a, file{1, 5000, october.First(), 2}, file{2, 50, november.First(), 3})
			alter(t, a, "flows_2026_10_01")
			do(t, a)
			p := packer(a)
			for range 2 { // the first repairs the table, which sums it up anew
				_, err := p.Pack(t.Context(), october, Options{Wait: time.Minute})
				var wrong *BooksError
				if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "altered") {
					t.Fatalf("got %v", err)
				}
			}
			r, err := p.Pack(t.Context(), october, Options{Wait: time.Minute, Accept: true})
			if err != nil || !strings.Contains(r.Problem, "altered") {
				t.Fatalf("accepted: %v, problem %q", err, r.Problem)
			}
			if _, err := p.Unpack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
				t.Errorf("what was accepted is refused: %v", err)
			}
		})
	}
}
