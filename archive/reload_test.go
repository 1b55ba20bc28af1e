package archive

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// reload loads a day again from files.
func reload(ctx context.Context, a *Archive, day Day, files ...testFile) error {
	return reloadWithout(ctx, a, day, 0, files...)
}

// reloadWithout leaves one out.
func reloadWithout(ctx context.Context, a *Archive, day Day, without uint32, files ...testFile) (err error) {
	r, err := writing(a).BeginReload(ctx, day, without)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Abort(context.WithoutCancel(ctx))) }()
	for _, f := range files {
		l, err := r.BeginFile(ctx, f.File)
		if err != nil {
			return err
		}
		if err := f.finish(ctx, l); err != nil {
			return err
		}
	}
	return r.Commit(ctx)
}

func TestReload(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		one, two, three := newFile(t, a, 1, 100, monday), newFile(t, a, 2, 100, november, monday), newFile(t, a, 3, 100, november)
		mustLoad(t, a, one, two, three)
		before := state(t, a)
		files, err := a.Reader().FilesOfDay(t.Context(), monday)
		if err != nil || len(files) != 2 || files[0].Name != one.Name || files[1].Digest != two.Digest {
			t.Errorf("%+v %v", files, err)
		}
		if err := reload(t.Context(), a, monday, one, two); err != nil {
			t.Fatal(err)
		}
		same(t, "reloaded", state(t, a), before)
		if err := writing(a).Settle(t.Context()); err != nil {
			t.Error(err)
		}

		// Read differently now, and of other days what it was.
		less, more := newFile(t, a, 1, 70, monday), newFile(t, a, 2, 130, november, monday)
		if err := reload(t.Context(), a, monday, less, more); err != nil {
			t.Fatal(err)
		}
		after := state(t, a)
		books, err := a.Reader().Audit(t.Context(), november, monday)
		if err != nil || len(books) != 3 || books[1].Loaded.Rows != 70 || books[2].Loaded.Rows != 130 {
			t.Errorf("%+v %v", books, err)
		}
		for _, b := range books {
			if b.Difference != "" {
				t.Error(b.Difference)
			}
		}
		if memory, err := a.Reader().Memory(t.Context(), files[0].ID); err != nil || string(memory) != "70" {
			t.Errorf("%q %v", memory, err)
		}
		// The other order is the same.
		if err := reload(t.Context(), a, monday, more, less); err != nil {
			t.Fatal(err)
		}
		same(t, "in the other order", state(t, a), after)
	})
}

// A reload that fails, wherever, leaves everything as it was, says why, and does
// not keep anybody from loading.
func TestReloadFails(t *testing.T) {
	a := open(t)
	lock(t, a)
	one, two := newFile(t, a, 1, 100, monday), newFile(t, a, 2, 100, october, november)
	mustLoad(t, a, one, two, newFile(t, a, 3, 100, october, monday))
	three := newFile(t, a, 3, 80, october, monday)
	before := state(t, a)
	wrong := newFile(t, a, 1, 100, monday)
	wrong.books[0].Loaded.Bytes++
	short := newFile(t, a, 1, 100, monday)
	short.rows = short.rows[1:]
	bad := newFile(t, a, 1, 100, monday)
	bad.rows[50].Host = netip.Addr{}
	for _, test := range []struct {
		name, want string
		files      []testFile
	}{
		{"file missing", "1 files are not loaded again: spool/file-1", []testFile{three}},
		{"file of another day", "the day holds nothing of the file", []testFile{one, two}},
		{"file twice", "or it is loaded again already", []testFile{one, one}},
		{"unknown file", "never loaded, or has changed since", []testFile{one, newFile(t, a, 9, 1, monday)}},
		{"books wrong in themselves", "does not balance", []testFile{wrong, three}},
		{"row without host", "without day, host or peer", []testFile{three, bad}},
		{"rows missing", "the new rows of gw0 hold", []testFile{short, three}},
	} {
		err := reload(t.Context(), a, monday, test.files...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
		same(t, test.name, state(t, a), before)
	}

	// Between begin and end nobody else loads; and giving up is enough.
	r, err := writing(a).BeginReload(t.Context(), monday)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writing(a).BeginLoad(t.Context(), File{Name: "four"}); err == nil || !strings.Contains(err.Error(), "still being loaded again") {
		t.Error(err)
	}
	if _, err := writing(a).BeginReload(t.Context(), november); err == nil || !strings.Contains(err.Error(), "still being loaded again") {
		t.Error(err)
	}
	l, err := r.BeginFile(t.Context(), one.File)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(&one.rows[0]); err != nil {
		t.Fatal(err)
	}
	if err := l.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Commit(t.Context()); err == nil || !strings.Contains(err.Error(), "given up") {
		t.Error(err)
	}
	same(t, "given up", state(t, a), before)

	// Told to stop before the mark, nothing has changed; behind it, it is finished.
	for _, at := range []string{"new table", "stream open", "file staged", "new table settled", "day marked"} {
		ctx, cancel := context.WithCancel(t.Context())
		a.step = func(name string) {
			if name == at {
				cancel()
			}
		}
		err := reload(ctx, a, monday, one, three)
		a.step = func(string) {}
		cancel()
		if at == "day marked" {
			if err != nil {
				t.Errorf("%s: %v", at, err)
			}
			continue
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", at, err)
		}
		same(t, at, state(t, a), before)
	}
	four := newFile(t, a, 4, 50, monday)
	mustLoad(t, a, four)
	if err := reload(t.Context(), a, monday, one, three, four); err != nil {
		t.Fatal(err)
	}
	after := state(t, a)
	wipe(t, a)
	mustLoad(t, a, newFile(t, a, 1, 100, monday), two)
	mustLoad(t, a, newFile(t, a, 3, 100, october, monday), newFile(t, a, 4, 50, monday))
	if err := reload(t.Context(), a, monday, one, three, four); err != nil {
		t.Fatal(err)
	}
	same(t, "reloaded with one more", after, state(t, a))
}

// TestReloadHalfRenamed: MySQL's MyISAM does not rename two tables as one.
func TestReloadHalfRenamed(t *testing.T) {
	a := open(t)
	unlock, err := locked(t.Context(), a, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	mustLoad(t, a, newFile(t, a, 1, 100, monday))
	less := newFile(t, a, 1, 60, monday)
	if err := reload(t.Context(), a, monday, less); err != nil {
		t.Fatal(err)
	}
	want := state(t, a)
	wipe(t, a)
	mustLoad(t, a, newFile(t, a, 1, 100, monday))
	a.step = func(name string) {
		if name == "day marked" {
			unlock()
			run(t, a, "RENAME TABLE flows_2026_11_23 TO flows_2026_11_23_old")
			panic(name) // as if killed
		}
	}
	func() {
		defer func() { recover() }()
		_ = reload(t.Context(), a, monday, less)
	}()
	a.step = func(string) {}
	lock(t, a)
	same(t, "after half a rename", state(t, a), want)
}

// Late rows of a packed month wait, or stand beside it; and a day of it that is loaded
// again takes the place of what is packed of it.
func TestReloadPacked(t *testing.T) {
	a := open(t)
	lock(t, a)
	one := newFile(t, a, 1, 100, monday, monday.Add(1))
	mustLoad(t, a, one)
	packed(t, a)
	a.cfg.LateWaits = true
	if _, err := writing(a).BeginReload(t.Context(), monday); !errors.Is(err, ErrPacked) || !strings.Contains(err.Error(), "nfacct archive --month 2026-11 --unpack") {
		t.Error(err)
	}
	two := newFile(t, a, 2, 100, monday)
	if err := two.load(t.Context(), a); !errors.Is(err, ErrPacked) {
		t.Error(err)
	}
	a.cfg.LateWaits = false
	check := func(what string, rows uint64, tables ...string) {
		t.Helper()
		books, err := a.Reader().Audit(t.Context(), monday, monday.Add(1))
		if err != nil || len(books) != 2 || books[0].Difference+books[1].Difference != "" || books[0].Loaded.Rows != rows {
			t.Errorf("%s: %+v %v", what, books, err)
		}
		if got, err := a.Reader().FlowTables(t.Context(), monday, monday.Add(1)); err != nil || !slices.Equal(got, tables) {
			t.Errorf("%s: %v %v", what, got, err)
		}
		if got, err := a.Reader().FlowTables(t.Context(), monday.Add(1), monday.Add(1)); err != nil || !slices.Equal(got, tables[:1]) {
			t.Errorf("%s, another day: %v %v", what, got, err)
		}
	}
	mustLoad(t, a, two)
	check("late", 200, "flows_2026_11c", "flows_2026_11_23")
	mustLoad(t, a, newFile(t, a, 3, 10, monday))
	check("late again", 210, "flows_2026_11c", "flows_2026_11_23")
	if err := reload(t.Context(), a, monday, one, two, newFile(t, a, 3, 20, monday)); err != nil {
		t.Fatal(err)
	}
	check("loaded again", 220, "flows_2026_11c", "flows_2026_11_23")
	if got, err := a.Reader().FlowTables(t.Context(), monday, monday); err != nil || !slices.Equal(got, []string{"flows_2026_11_23"}) {
		t.Error(got, err)
	}
	mustLoad(t, a, newFile(t, a, 4, 5, monday))
	check("and one more", 225, "flows_2026_11c", "flows_2026_11_23")
	if err := writing(a).Unpack(t.Context(), MonthOf(monday)); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Reader().FlowTables(t.Context(), monday, monday.Add(1)); err != nil || !slices.Equal(got, []string{"flows_2026_11_23", "flows_2026_11_24"}) {
		t.Error(got, err)
	}
}

// packed puts the days of November into one table, under the name of the packed one.
func packed(t testing.TB, a *Archive) {
	t.Helper()
	m := MonthOf(monday)
	i, err := a.inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := packing(a).MakeStaging(t.Context(), m, ""); err != nil {
		t.Fatal(err)
	}
	for _, day := range i.daysOf(m) {
		run(t, a, "INSERT INTO "+m.StagingTable()+" SELECT * FROM "+day.Table())
	}
	run(t, a, "ALTER TABLE "+m.StagingTable()+" ENABLE KEYS")
	run(t, a, "RENAME TABLE "+m.StagingTable()+" TO "+m.PackedTable())
	if err := a.dropTables(t.Context(), m, m.PackedTable()); err != nil {
		t.Fatal(err)
	}
}
