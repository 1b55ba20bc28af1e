package archive

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// packing is one that nobody else disputes.
func packing(a *Archive) *Packing { return &Packing{a: a, token: "token"} }

// packAndUnpack puts a month's packed table, which need not be packed for this,
// in the live one's place, and goes back.
func packAndUnpack(ctx context.Context, a *Archive, step func(string)) error {
	m := MonthOf(monday)
	unlock, err := locked(ctx, a, 10*time.Second)
	if err != nil {
		return err
	}
	defer unlock()
	a.step = step
	defer func() { a.step = func(string) {} }()
	i, err := a.inventory(ctx)
	if err != nil {
		return err
	}
	if !i.packed[m] {
		if err := a.exec(ctx, "stage", "DROP TABLE IF EXISTS "+m.StagingTable()); err != nil {
			return err
		}
		if err := packing(a).MakeStaging(ctx, m, ""); err != nil {
			return err
		}
		for _, day := range i.daysOf(m) {
			if err := a.exec(ctx, "stage", "INSERT INTO "+m.StagingTable()+" SELECT * FROM "+day.Table()); err != nil {
				return err
			}
		}
		n, err := a.count(ctx, m.StagingTable())
		if err != nil {
			return err
		}
		if err := packing(a).Begin(ctx, m, "test"); err != nil {
			return err
		}
		sum, err := a.checksum(ctx, m.StagingTable())
		if err != nil {
			return err
		}
		if err := writing(a).SwitchPack(ctx, packing(a), Pack{Month: m, Rows: n}, sum); err != nil {
			return err
		}
	}
	return writing(a).Unpack(ctx, m)
}

// Between any two steps from the live table to the packed one and back, whoever
// is cut short leaves what readers take for the whole month, and what the next
// writer finishes or undoes; so does one whose server is killed.
func TestPackCutShort(t *testing.T) {
	for _, kill := range []string{"program", "server"} {
		t.Run(kill, func(t *testing.T) {
			t.Parallel()
			cfg := furnished(t)
			a := openConfig(t, cfg)
			prepare(t, a)
			want := state(t, a)
			for step := 1; ; step++ {
				n, at := 0, ""
				cut := func(name string) {
					if n++; n != step {
						return
					}
					at = name
					if kill == "server" {
						killServer(t, cfg.Folder)
						return
					}
					panic(name) // as if killed
				}
				func() {
					defer func() { _ = recover() }()
					if err := packAndUnpack(t.Context(), a, cut); err != nil && !errors.Is(err, ErrUnavailable) {
						t.Errorf("at %s: %v", at, err)
					}
				}()
				if at == "" {
					if step < 12 {
						t.Errorf("only %d steps", step)
					}
					return
				}
				books, err := a.Reader().Audit(t.Context(), october, monday)
				for _, b := range books {
					if b.Difference != "" {
						t.Errorf("cut short at %s: %s", at, b.Difference)
					}
				}
				if err != nil {
					t.Fatalf("cut short at %s: %v", at, err)
				}
				unlock, err := locked(t.Context(), a, 10*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				unlock()
				if err := packAndUnpack(t.Context(), a, func(string) {}); err != nil {
					t.Fatalf("again after %s: %v", at, err)
				}
				same(t, "cut short at "+at, state(t, a), want)
				var left int
				if err := a.db.QueryRow(`SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE '%pack\_%' AND TABLE_NAME <> 'month_packs'`).Scan(&left); err != nil || left != 0 {
					t.Errorf("cut short at %s, %d tables are left: %v", at, left, err)
				}
			}
		})
	}
}

// A load says so to whoever packs the month, and one that has begun keeps others
// from packing it.
func TestPackAndLoad(t *testing.T) {
	a := open(t)
	lock(t, a)
	m := MonthOf(monday)
	mustLoad(t, a, newFile(t, a, 1, 100, monday))
	if err := writing(a).Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := packing(a).Begin(t.Context(), m, "test"); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, a, newFile(t, a, 2, 100, october))
	if disturbed, err := packing(a).Disturbed(t.Context(), m); err != nil || disturbed {
		t.Errorf("by rows of another month: %v", err)
	}
	mustLoad(t, a, newFile(t, a, 3, 100, monday))
	if disturbed, err := packing(a).Disturbed(t.Context(), m); err != nil || !disturbed {
		t.Errorf("not by rows of its own: %v", err)
	}
	run(t, a, "CREATE TABLE "+m.StagingTable()+" LIKE flows_2026_11_23")
	defer run(t, a, "DROP TABLE "+m.StagingTable())
	if err := writing(a).SwitchPack(t.Context(), packing(a), Pack{Month: m, Rows: 200}, 0); !errors.Is(err, ErrDisturbed) {
		t.Errorf("switched all the same: %v", err)
	}
	if err := packing(a).Cancel(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if err := writing(a).Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	four := newFile(t, a, 4, 10, monday)
	l, err := writing(a).BeginLoad(t.Context(), four.File)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(&four.rows[0]); err != nil {
		t.Fatal(err)
	}
	if err := packing(a).Begin(t.Context(), m, "test"); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "import") {
		t.Errorf("began while a load was under way: %v", err)
	}
	if err := l.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
}
