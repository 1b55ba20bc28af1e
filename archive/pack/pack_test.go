package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nfacct/archive"
)

// tidy fails the test unless the months are whole and nothing is left behind.
func tidy(t testing.TB, a *archive.Archive, want map[string]string) {
	t.Helper()
	got, err := answer(t.Context(), a, october.First(), november.Last())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("a reader is told something else: %s", diff)
	}
	leftovers(t, a)
}

// leftovers fails the test if any of an attempt's files are left behind.
func leftovers(t testing.TB, a *archive.Archive) {
	t.Helper()
	place, err := a.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(place.Work); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", place.Work, err)
	}
	entries, err := os.ReadDir(place.Folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, "pack_") || strings.HasPrefix(name, "unpack_") || strings.HasSuffix(name, ".TMD") || strings.HasPrefix(name, "#") {
			t.Errorf("%s is left", name)
		}
	}
}

func ask(t testing.TB, a *archive.Archive) map[string]string {
	t.Helper()
	got, err := answer(t.Context(), a, october.First(), november.Last())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func tableOf(t testing.TB, a *archive.Archive, m archive.Month) string {
	t.Helper()
	tables, err := a.Reader().FlowTables(t.Context(), m.First(), m.Last())
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) > 0 && !slices.ContainsFunc(tables, func(name string) bool { return len(name) != len("flows_2026_10_01") }) {
		return m.Table() // which is what people read
	}
	return strings.Join(tables, " ")
}

// Tables of few rows too: myisampack by itself refuses them.
func TestPackUnpack(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	for _, rows := range []int{0, 1, 5, 100, 20_000} {
		t.Run(fmt.Sprint(rows, " rows"), func(t *testing.T) {
			a := openEmpty(t, cfg)
			mustLoad(t, a, file{1, max(rows, 1), october.First(), 31}, file{2, 50, november.First(), 3})
			if rows == 0 {
				run(t, a, "DELETE FROM flows_2026_10")
				run(t, a, "DELETE FROM books WHERE day < '2026-11-01'")
			}
			want := ask(t, a)
			p := packer(a)
			due, err := p.Due(t.Context(), archive.Day{Year: 2026, Month: 11, Day: 1})
			if err != nil || len(due) != 1 || due[0] != october {
				t.Fatal(due, err)
			}
			r, err := p.Pack(t.Context(), october, Options{Wait: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", r)
			if r.Rows != uint64(rows) {
				t.Errorf("%d rows", r.Rows)
			}
			if got := tableOf(t, a, october); got != "flows_2026_10c" {
				t.Errorf("the month is in %q", got)
			}
			tidy(t, a, want)
			if _, err := a.DB().Exec("INSERT INTO flows_2026_10c SELECT * FROM flows_2026_11 LIMIT 1"); err == nil {
				t.Error("a packed table takes rows")
			}
			if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); !errors.Is(err, archive.ErrPacked) {
				t.Errorf("packed twice: %v", err)
			}
			list, err := p.List(t.Context())
			if err != nil || len(list) != 2 || list[0].State != StatePacked || list[1].State != StateLive || list[0].Rows != uint64(rows) || list[0].Verified.IsZero() {
				t.Errorf("list: %+v %v", list, err)
			}
			if _, err := p.Unpack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
				t.Fatal(err)
			}
			tidy(t, a, want)
			if rows == 0 {
				if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err == nil || !strings.Contains(err.Error(), "there is nothing of it") {
					t.Error(err)
				}
				return
			}
			if got := tableOf(t, a, october); got != "flows_2026_10" {
				t.Errorf("the month is in %q", got)
			}
			if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
				t.Fatal(err)
			}
			tidy(t, a, want)
		})
	}
}

// A month packs to a part of what it was.
func TestSize(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	a := openEmpty(t, cfg)
	mustLoad(t, a, file{1, 50_000, october.First(), 31})
	r, err := packer(a).Pack(t.Context(), october, Options{Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows of %d flows: %d to %d bytes, %.1f a flow", r.Rows, r.Flows, r.Live, r.Packed, float64(r.Packed)/float64(r.Flows))
	if float64(r.Packed)/float64(r.Flows) > 16 {
		t.Error("that is too big")
	}
}

func TestLateRows(t *testing.T) {
	for _, waits := range []bool{true, false} {
		t.Run(fmt.Sprint("waits ", waits), func(t *testing.T) {
			wipe(t, open(t))
			cfg := shared.config
			cfg.LateWaits = waits
			a := openConfig(t, cfg)
			mustLoad(t, a, file{1, 500, october.First(), 31}, file{2, 50, november.First(), 3})
			p := packer(a)
			if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
				t.Fatal(err)
			}
			before := ask(t, a)
			late := file{3, 300, october.Last(), 2} // into both months
			err := load(t.Context(), a, late)
			if waits {
				if !errors.Is(err, archive.ErrPacked) || !strings.Contains(err.Error(), "--unpack") {
					t.Errorf("late rows: %v", err)
				}
				lock, err := a.Lock(t.Context(), time.Minute) // undoes the load
				if err != nil {
					t.Fatal(err)
				}
				lock.Unlock()
				tidy(t, a, before)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := tableOf(t, a, october); got != "flows_2026_10c flows_2026_10_31" {
				t.Errorf("the month is in %q", got)
			}
			list, err := p.List(t.Context())
			if err != nil || len(list) != 2 || list[0].State != StatePacked || list[0].LateDays != 1 || list[0].Rows != 650 {
				t.Errorf("%+v %v", list, err)
			}
			due, err := p.Due(t.Context(), november.First())
			if err != nil || len(due) != 1 || due[0] != october {
				t.Fatal(due, err)
			}
			want := ask(t, a)
			if cmp.Equal(want, before) {
				t.Error("nothing was loaded")
			}
			if r, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil || r.Rows != 650 {
				t.Fatal(r, err)
			}
			tidy(t, a, want)
			if got := tableOf(t, a, october); got != "flows_2026_10c" {
				t.Errorf("the month is in %q", got)
			}
			if due, err := p.Due(t.Context(), november.First()); err != nil || len(due) != 0 {
				t.Error(due, err)
			}
		})
	}
}

// Rows that come while the month is being packed are neither lost nor packed
// halfway, at whichever step they come.
func TestDisturbed(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	for at := 1; ; at++ {
		a := openEmpty(t, cfg)
		mustLoad(t, a, file{1, 500, october.First(), 4})
		p := packer(a)
		n, name := 0, ""
		var came error
		p.step = func(step string) {
			if n++; n == at && step != "locked" && step != "switched" && step != "locked for copying" && step != "copying" {
				name = step
				came = load(t.Context(), a, file{2, 100, october.First(), 4})
			}
		}
		_, err := p.Pack(t.Context(), october, Options{Wait: time.Minute})
		if n < at {
			break
		}
		if name == "" {
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		if came != nil {
			t.Fatalf("load at %s: %v", name, came)
		}
		if err != nil && !errors.Is(err, archive.ErrDisturbed) {
			t.Errorf("at %s: %v", name, err)
		}
		if err == nil && name != "cleaned" && name != "switched" {
			t.Errorf("at %s: nobody noticed", name)
		}
		t.Logf("at %s: %v", name, err)
		want := ask(t, a)
		if err != nil {
			if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
				t.Fatalf("again after %s: %v", name, err)
			}
		}
		tidy(t, a, want)
		total := uint64(0)
		list, err := p.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			total += e.Rows
		}
		if total != 600 {
			t.Errorf("at %s: %d rows", name, total)
		}
	}
}

func TestBooksDisagree(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 500, october.First(), 31})
	run(t, a, "DELETE FROM flows_2026_10 WHERE day = '2026-10-05' LIMIT 3")
	want := ask(t, a)
	p := packer(a)
	_, err := p.Pack(t.Context(), october, Options{Wait: time.Minute})
	var wrong *BooksError
	if !errors.As(err, &wrong) || len(wrong.Problems) != 1 || !strings.Contains(err.Error(), "2026-10-05 has 13 rows") {
		t.Errorf("got %v", err)
	}
	if got := tableOf(t, a, october); got != "flows_2026_10" {
		t.Errorf("the month is in %q", got)
	}
	tidy(t, a, want)
	if r, err := p.Pack(t.Context(), october, Options{Wait: time.Minute, Accept: true}); err != nil || r.Problem == "" {
		t.Error(r, err)
	}
	tidy(t, a, want)
}

// Rows that no import can have made are told like other damage: sums beyond 64 bits,
// and days of another month.
func TestImpossibleRows(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 500, october.First(), 31})
	run(t, a, "UPDATE flows_2026_10 SET up_bytes = 18446744073709551600 WHERE day = '2026-10-05' LIMIT 3")
	run(t, a, "UPDATE flows_2026_10 SET day = '2040-10-05' WHERE day = '2026-10-06' LIMIT 2")
	p := packer(a)
	_, err := p.Pack(t.Context(), october, Options{Wait: time.Minute})
	var wrong *BooksError
	if !errors.As(err, &wrong) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"2026-10-05 has", "2026-10-06 has", "2 rows are of 2040-10-05, which is no day of the month"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute, Accept: true}); err != nil {
		t.Error(err)
	}
}

// What is written over a table's files is repaired, or what is lost is told;
// it is never packed as if nothing had happened.
func TestDamage(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	for _, ext := range []string{".MYD", ".MYI"} {
		for _, at := range []float64{0, 0.3, 0.9} {
			t.Run(fmt.Sprint(ext, " ", at), func(t *testing.T) {
				a := openEmpty(t, cfg)
				mustLoad(t, a, file{1, 5000, october.First(), 2}, file{2, 50, november.First(), 3})
				want := ask(t, a)
				place, err := a.Place(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				run(t, a, "FLUSH TABLES flows_2026_10_01")
				overwrite(t, filepath.Join(place.Folder, "flows_2026_10_01"+ext), at)
				damaged, err := os.ReadFile(filepath.Join(place.Folder, "flows_2026_10_01.MYD"))
				if err != nil {
					t.Fatal(err)
				}
				p := packer(a)
				_, err = p.Pack(t.Context(), october, Options{Wait: time.Minute})
				t.Log(err)
				var wrong *BooksError
				switch {
				case err == nil: // repaired, nothing lost
					tidy(t, a, want)
					if kept := backups(t, place.Folder); kept != nil {
						t.Errorf("%v is left", kept)
					}
				case ext == ".MYI" || !errors.As(err, &wrong):
					t.Errorf("got %v", err)
				default:
					kept := backups(t, place.Folder)
					if len(kept) == 0 || !strings.Contains(err.Error(), kept[0]) {
						t.Errorf("kept %v, said %v", kept, err)
					} else if !slices.ContainsFunc(kept, func(name string) bool { is, _ := os.ReadFile(name); return bytes.Equal(is, damaged) }) {
						t.Errorf("none of %v is what was there", kept)
					}
					tidy(t, a, ask(t, a))
					if tableOf(t, a, october) != "flows_2026_10" {
						t.Error("it was packed")
					}
					if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute, Accept: true}); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// backups are the copies of data files from before a repair.
func backups(t testing.TB, folder string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.BAK"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, name := range names {
			os.Remove(name)
		}
	})
	return names
}

// overwrite writes noise over a part of a file.
func overwrite(t testing.TB, name string, at float64) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 700)
	for i := range noise {
		noise[i] = byte(i*i*31 + 7*i)
	}
	if _, err := f.WriteAt(noise, int64(at*float64(info.Size()))); err != nil {
		t.Fatal(err)
	}
}

func TestExpire(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 500, october.First(), 31}, file{2, 50, november.First(), 3})
	cfg := DefaultConfig()
	cfg.KeepMonths = 2
	p := New(cfg, a, testLog())
	if got, err := p.Expired(t.Context(), archive.Day{Year: 2026, Month: 12, Day: 31}); err != nil || got != nil {
		t.Error(got, err)
	}
	// A clock that is years ahead.
	if got, err := p.Expired(t.Context(), archive.Day{Year: 2031, Month: 5, Day: 1}); err != nil || got != nil {
		t.Error(got, err)
	}
	mustLoad(t, a, file{4, 50, archive.Day{Year: 2026, Month: 12, Day: 1}, 3})
	if got, err := p.Expired(t.Context(), archive.Day{Year: 2031, Month: 5, Day: 1}); err != nil || len(got) != 1 {
		t.Error(got, err)
	}
	got, err := p.Expired(t.Context(), archive.Day{Year: 2027, Month: 1, Day: 1})
	if err != nil || len(got) != 1 || got[0] != october {
		t.Fatal(got, err)
	}
	usage := count(t, a, "SELECT COUNT(*) FROM usage_hourly WHERE day < '2026-11-01'")
	if err := p.Drop(t.Context(), october, time.Minute); err != nil {
		t.Fatal(err)
	}
	if tableOf(t, a, october) != "" || count(t, a, "SELECT COUNT(*) FROM usage_hourly WHERE day < '2026-11-01'") != usage || usage == 0 {
		t.Error("the flows are not gone, or the sums are")
	}
	if err := load(t.Context(), a, file{3, 10, october.First(), 1}); !errors.Is(err, archive.ErrPacked) {
		t.Errorf("rows for a dropped month: %v", err)
	}
}

// December is packed in January; the predecessor looked for month 0.
func TestDecember(t *testing.T) {
	a := open(t)
	december := archive.Month{Year: 2026, Month: time.December}
	mustLoad(t, a, file{1, 500, december.First(), 31}, file{2, 50, archive.Day{Year: 2027, Month: 1, Day: 1}, 1})
	p := packer(a)
	if due, err := p.Due(t.Context(), archive.Day{Year: 2026, Month: 12, Day: 31}); err != nil || due != nil {
		t.Error(due, err)
	}
	due, err := p.Due(t.Context(), archive.Day{Year: 2027, Month: 1, Day: 1})
	if err != nil || len(due) != 1 || due[0] != december {
		t.Fatal(due, err)
	}
	if _, err := p.Pack(t.Context(), december, Options{Wait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if got := tableOf(t, a, december); got != "flows_2026_12c" {
		t.Error(got)
	}
}

func count(t testing.TB, a *archive.Archive, query string) (n uint64) {
	t.Helper()
	if err := a.DB().QueryRowContext(context.Background(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
