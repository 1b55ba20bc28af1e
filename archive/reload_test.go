package archive

import (
	"errors"
	"strings"
	"testing"
)

// reload loads a day again from files.
func reload(t testing.TB, a *Archive, day Day, files ...testFile) error {
	if err := a.ClearDay(t.Context(), day); err != nil {
		return err
	}
	for _, f := range files {
		l, err := a.BeginReload(t.Context(), f.File, day)
		if err != nil {
			return err
		}
		if err := f.finish(t.Context(), l); err != nil {
			return err
		}
	}
	return a.FinishDay(t.Context(), day)
}

func TestReload(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		one, two, three := newFile(t, a, 1, 100, monday), newFile(t, a, 2, 100, november, monday), newFile(t, a, 3, 100, november)
		mustLoad(t, a, one, two, three)
		before := state(t, a)
		files, err := a.FilesOfDay(t.Context(), monday)
		if err != nil || len(files) != 2 || files[0].Name != one.Name || files[1].Digest != two.Digest {
			t.Errorf("%+v %v", files, err)
		}
		if err := reload(t, a, monday, one, two); err != nil {
			t.Fatal(err)
		}
		same(t, "reloaded", state(t, a), before)

		// Left half done, the day is marked, and starts over.
		if err := a.ClearDay(t.Context(), monday); err != nil {
			t.Fatal(err)
		}
		l, err := a.BeginReload(t.Context(), one.File, monday)
		if err != nil {
			t.Fatal(err)
		}
		if err := one.finish(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		if _, err := a.BeginReload(t.Context(), one.File, monday); !errors.Is(err, ErrLoaded) {
			t.Error(err)
		}
		if err := a.FinishDay(t.Context(), monday); err == nil || !strings.Contains(err.Error(), "1 files are not loaded again: spool/file-2") {
			t.Error(err)
		}
		if days, err := a.Reloading(t.Context()); err != nil || len(days) != 1 || days[0] != monday {
			t.Error(days, err)
		}
		if files, err := a.FilesOfDay(t.Context(), monday); err != nil || len(files) != 2 {
			t.Errorf("%+v %v", files, err)
		}
		// A file that comes in between belongs to the day too.
		four := newFile(t, a, 4, 50, monday)
		mustLoad(t, a, four)
		if err := reload(t, a, monday, one, two, four); err != nil {
			t.Fatal(err)
		}
		after := state(t, a)
		wipe(t, a)
		mustLoad(t, a, newFile(t, a, 1, 100, monday), newFile(t, a, 2, 100, november, monday), newFile(t, a, 3, 100, november), newFile(t, a, 4, 50, monday))
		same(t, "reloaded with one more", after, state(t, a))
	})
}

func TestReloadAbort(t *testing.T) {
	a := open(t)
	lock(t, a)
	one, two := newFile(t, a, 1, 100, monday), newFile(t, a, 2, 100, november)
	mustLoad(t, a, one, two)
	before := state(t, a)
	if err := a.ClearDay(t.Context(), monday); err != nil {
		t.Fatal(err)
	}
	l, err := a.BeginReload(t.Context(), one.File, monday)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(&one.rows[0]); err != nil {
		t.Fatal(err)
	}
	if err := l.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.BeginReload(t.Context(), two.File, monday); err == nil || !strings.Contains(err.Error(), "holds nothing of the file") {
		t.Error(err)
	}
	if _, err := a.BeginReload(t.Context(), File{Name: "changed"}, monday); err == nil || !strings.Contains(err.Error(), "never loaded, or has changed") {
		t.Error(err)
	}
	if err := reload(t, a, monday, one); err != nil {
		t.Fatal(err)
	}
	same(t, "reloaded", state(t, a), before)
}

// A day of a packed month cannot be loaded again.
func TestReloadPacked(t *testing.T) {
	a := open(t)
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 100, monday))
	run(t, a, "RENAME TABLE flows_2026_11 TO flows_2026_11c")
	if err := a.ClearDay(t.Context(), monday); err == nil || !strings.Contains(err.Error(), "nfacct archive --month 2026-11 --unpack") {
		t.Error(err)
	}
	// But late rows come to it, and rollups count both.
	mustLoad(t, a, newFile(t, a, 2, 100, monday))
	books, err := a.Books(t.Context(), monday, monday)
	if err != nil || len(books) != 1 || books[0].Difference != "" || books[0].Loaded.Rows != 200 {
		t.Errorf("%+v %v", books, err)
	}
}
