package migrate

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/importer"
)

const captures = "../../collector/spool/testdata/flow-tools"

// nestings are the folders that flow-capture makes by -N.
var nestings = map[string]string{
	"-3": "2006/2006-01/2006-01-02", "-2": "2006-01/2006-01-02", "-1": "2006-01-02", "0": "", "1": "2006", "2": "2006/2006-01", "3": "2006/2006-01/2006-01-02",
}

// flowPrint sums up what flow-print said of the captures.
func flowPrint(t *testing.T) (sum archive.Counts) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(captures, "*", "ft-*.oracle.txt"))
	if err != nil || len(names) == 0 {
		t.Fatal(err, names)
	}
	for _, name := range names {
		if strings.Contains(name, "le-z0") {
			name = strings.Replace(name, "le-z0", "le-z6", 1) // the same datagrams, printed once
			name = filepath.Join(filepath.Dir(name), "ft-v05.2026-11-24.010050+0500.oracle.txt")
		}
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		in := false
		for s := bufio.NewScanner(file); s.Scan(); {
			if strings.HasPrefix(s.Text(), "#") {
				in = s.Text() == "# flow-print -f3"
				continue
			}
			if fields := strings.Fields(s.Text()); in && len(fields) == 7 {
				if octets, err := strconv.ParseUint(fields[5], 10, 64); err == nil {
					sum = sum.Plus(archive.Counts{Records: 1, Bytes: octets})
				}
			}
		}
	}
	return sum
}

// copyFlow copies a capture under its own time into a nesting.
func copyFlow(t *testing.T, path, top, nesting string) string {
	t.Helper()
	base := filepath.Base(path)
	start, err := time.Parse("2006-01-02.150405-0700", base[strings.Index(base, ".")+1:])
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(top, start.Format(nesting))
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, base), content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, base)
}

func captured(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(captures, "*", "*+0500"))
	if err != nil || len(names) != 5 {
		t.Fatal(err, names)
	}
	return names
}

// TestNestings: all captures in each nesting sum up to what flow-print says, and
// come once however often they lie there.
func TestNestings(t *testing.T) {
	want := flowPrint(t)
	all := t.TempDir()
	for option, nesting := range nestings {
		top := filepath.Join(all, "N"+option)
		for _, name := range captured(t) {
			to := copyFlow(t, name, top, nesting)
			if strings.HasPrefix(filepath.Base(to), "tmp-") {
				old := time.Now().Add(-2 * abandoned)
				if err := os.Chtimes(to, old, old); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := os.WriteFile(filepath.Join(top, "README"), []byte("nothing"), 0o644); err != nil {
			t.Fatal(err)
		}
		if option != "-3" && option != "0" {
			continue
		}
		t.Run("N"+option, func(t *testing.T) {
			p := newPlace(t)
			flows(t, p, top, 5)
			if sum := p.total(t); sum.Records != want.Records || sum.Bytes != want.Bytes || sum.Rejected["corrupt for flow-capture"] != 9 {
				t.Errorf("%d records with %d bytes, rejected %v; flow-print says %v", sum.Records, sum.Bytes, sum.Rejected, want)
			}
		})
	}
	t.Run("all", func(t *testing.T) {
		p := newPlace(t)
		flows(t, p, all, 5)
		if sum := p.total(t); sum.Records != want.Records || sum.Bytes != want.Bytes {
			t.Errorf("%d records with %d bytes; flow-print says %v", sum.Records, sum.Bytes, want)
		}
		flows(t, p, all, 0)
	})
}

// flows migrates what lies in a folder, and wants so many files loaded.
func flows(t *testing.T, p *place, folder string, loaded int) {
	t.Helper()
	m := p.migrator(t, options())
	found, err := m.Look([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	summary := NewSummary()
	if err := m.Flows(t.Context(), found.Flows, summary); err != nil {
		t.Fatal(err)
	}
	if summary.Files.Loaded != loaded || len(found.Left)+len(found.Tables) > 0 {
		t.Errorf("%d files loaded, want %d; %+v", summary.Files.Loaded, loaded, found)
	}
}

// TestFlowsLeft: what is still written is left, strangers are refused unless the
// operator says whose they are, and days of tables are not loaded again.
func TestFlowsLeft(t *testing.T) {
	top := t.TempDir()
	for _, name := range captured(t) {
		copyFlow(t, name, top, "2006-01")
	}
	if err := os.WriteFile(filepath.Join(top, "ft-v05.2026-11-24.020000+0500"), []byte("garbage"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := newPlace(t)
	r := office()
	r.Export[0] = r.Export[0].Next()
	im, err := importer.New(importer.DefaultConfig(), []importer.Router{r}, moscow, p.archive, quiet)
	if err != nil {
		t.Fatal(err)
	}
	p.importer = im
	opts := options()
	m := p.migrator(t, opts)
	found, err := m.Look([]string{top})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Left) != 1 || len(found.Bad) != 1 || len(found.Flows) != 4 {
		t.Fatalf("%+v", found)
	}
	summary := NewSummary()
	if err := m.Flows(t.Context(), found.Flows, summary); err != nil {
		t.Fatal(err)
	}
	// Nothing went well, so that is no part of it.
	if err := summary.Err(); errors.Is(err, ErrPartial) || !strings.Contains(fmt.Sprint(err), "unknown exporters") {
		t.Error(err)
	}
	opts.Others = "gw"
	summary = NewSummary()
	if err := p.migrator(t, opts).Flows(t.Context(), found.Flows, summary); err != nil || summary.Files.Loaded != 4 {
		t.Error(err, summary.Files)
	}
	summary.Add(found)
	if err := summary.Err(); !errors.Is(err, ErrPartial) || !strings.Contains(fmt.Sprint(err), errForeign.Error()) {
		t.Error(err)
	}
	p.books(t)
}
