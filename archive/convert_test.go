package archive

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// makeOld puts the days of a month into one table, as it was before days had theirs.
func makeOld(t testing.TB, a *Archive, m Month) {
	t.Helper()
	i, err := a.inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	days := i.daysOf(m)
	run(t, a, "DROP TABLE IF EXISTS "+m.Table())
	run(t, a, fmt.Sprintf(tableForm, m.Table())+monthKeys+"\n) "+a.storage().engine)
	for _, day := range days {
		run(t, a, "INSERT INTO "+m.Table()+" SELECT * FROM "+day.Table())
		run(t, a, "DROP TABLE "+day.Table())
	}
	run(t, a, "DELETE FROM day_tables WHERE day BETWEEN ? AND ?", m.First(), m.Last())
	n, err := a.count(t.Context(), m.Table())
	if err != nil {
		t.Fatal(err)
	}
	sum, err := a.checksum(t.Context(), m.Table())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.accept(t.Context(), m, n, sum); err != nil {
		t.Fatal(err)
	}
}

// audited fails the test if rows are not what books say.
func audited(t testing.TB, a *Archive, what string) {
	t.Helper()
	books, err := a.Reader().Audit(t.Context(), october, Day{2026, 12, 31})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, b := range books {
		if b.Difference != "" {
			t.Errorf("%s: %s", what, b.Difference)
		}
	}
}

// A month of one table is read as it is, and converted by the first write to it, at
// whichever step that is cut short.
func TestConvertCutShort(t *testing.T) {
	for _, kill := range []string{"program", "server"} {
		t.Run(kill, func(t *testing.T) {
			t.Parallel()
			cfg := furnished(t)
			a := openConfig(t, cfg)
			old := func() {
				wipe(t, a)
				unlock, err := locked(t.Context(), a, 10*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				defer unlock()
				mustLoad(t, a, newFile(t, a, 1, 40, november, monday), newFile(t, a, 2, 40, monday))
				makeOld(t, a, MonthOf(monday))
			}
			load := func(ctx context.Context, step func(string)) error {
				unlock, err := locked(ctx, a, 10*time.Second)
				if err != nil {
					return err
				}
				defer unlock()
				a.step = step
				defer func() { a.step = func(string) {} }()
				f, err := makeFile(ctx, a, 3, 30, monday, monday.Add(1))
				if err != nil {
					return err
				}
				if err := f.load(ctx, a); err != nil && !errors.Is(err, ErrLoaded) {
					return err
				}
				return writing(a).Settle(ctx)
			}
			old()
			audited(t, a, "as it was")
			if err := load(t.Context(), func(string) {}); err != nil {
				t.Fatal(err)
			}
			want := state(t, a)
			for step := 1; ; step++ {
				old()
				n, at := 0, ""
				func() {
					defer func() { _ = recover() }()
					err := load(t.Context(), func(name string) {
						if n++; n != step {
							return
						}
						at = name
						if kill == "program" && name == "loaded" {
							return // a panic would abort a load that is done, as no kill does
						}
						if kill == "server" {
							killServer(t, cfg.Folder)
							return
						}
						panic(name)
					})
					if err != nil && !errors.Is(err, ErrUnavailable) {
						t.Errorf("at %s: %v", at, err)
					}
				}()
				if at == "" {
					if step < 15 {
						t.Errorf("only %d steps", step)
					}
					return
				}
				if changing, err := a.Reader().Unsettled(t.Context(), november, monday.Add(1)); err != nil || len(changing) == 0 {
					audited(t, a, "cut short at "+at)
				}
				if err := load(t.Context(), func(string) {}); err != nil {
					t.Fatalf("again after %s: %v", at, err)
				}
				same(t, "cut short at "+at, state(t, a), want)
				if err := settled(t.Context(), a); err != nil {
					t.Errorf("cut short at %s: %v", at, err)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// What an nfacct from before days had tables left when it was cut short is put right.
func TestConvertWhatWasCutShort(t *testing.T) {
	a := open(t)
	m := MonthOf(monday)
	begin := func() {
		t.Helper()
		wipe(t, a)
		unlock, err := locked(t.Context(), a, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		mustLoad(t, a, newFile(t, a, 1, 40, november, monday))
		makeOld(t, a, m)
	}
	relock := func(what string) {
		t.Helper()
		unlock, err := locked(t.Context(), a, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
		audited(t, a, what)
	}
	begin()
	run(t, a, "INSERT INTO imports (file, size, digest, rules, problem, state, started) VALUES ('f', 1, UNHEX(SHA2('f', 256)), '{}', '', 'loading', NOW())")
	run(t, a, "INSERT INTO import_months (import, month, rows_before) SELECT MAX(id), '2026-11', 80 FROM imports")
	run(t, a, "INSERT INTO flows_2026_11 SELECT * FROM flows_2026_11 LIMIT 7")
	relock("a load")
	if n, err := a.count(t.Context(), "flows_2026_11"); err != nil || n != 80 {
		t.Error(n, err)
	}

	// A day of it was loaded again, and the new month was to take its place.
	begin()
	run(t, a, "CREATE TABLE flows_2026_11_new LIKE flows_2026_11")
	run(t, a, "INSERT INTO flows_2026_11_new SELECT * FROM flows_2026_11")
	run(t, a, "DELETE FROM flows_2026_11 WHERE day = ? LIMIT 3", monday)
	run(t, a, "INSERT INTO reload_books SELECT * FROM books WHERE day = ?", monday)
	run(t, a, "INSERT INTO reloads (day, started) VALUES (?, NOW())", monday)
	relock("a day loaded again")
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 2, 40, monday))
	audited(t, a, "converted")
	if i, err := a.inventory(t.Context()); err != nil || i.old[m] || len(i.daysOf(m)) != 2 {
		t.Error(i, err)
	}
}
