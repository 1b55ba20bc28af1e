package pack

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
)

// A packed table over which something was written is never lost by unpacking it:
// what can be mended is, what cannot be is told by day, and left to the user.
func TestUnpackDamaged(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	for _, test := range []struct {
		name string
		ext  string
		at   float64
		want string // of the error; "" if nothing is lost
	}{
		{"keys", ".MYI", 0.5, ""},
		{"head of the keys", ".MYI", 0, ""},
		{"rows", ".MYD", 0.5, "--unpack --accept"},
		{"head of the rows", ".MYD", 0, "put its files back from a backup"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := openEmpty(t, cfg)
			mustLoad(t, a, file{1, 5000, october.First(), 31}, file{2, 50, november.First(), 3})
			p := packer(a)
			if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
				t.Fatal(err)
			}
			want := ask(t, a)
			place, err := a.Place(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			run(t, a, "FLUSH TABLES flows_2026_10c")
			name := filepath.Join(place.Folder, "flows_2026_10c")
			overwrite(t, name+test.ext, test.at)
			before := files(t, name)

			_, err = p.Unpack(t.Context(), october, Options{Wait: time.Minute})
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := tableOf(t, a, october); got != "flows_2026_10" {
					t.Errorf("the month is in %q", got)
				}
				tidy(t, a, want)
				if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
					t.Error(err)
				}
				return
			}
			t.Log(err)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v", err)
			}
			if files(t, name) != before {
				t.Error("the packed files were touched")
			}
			leftovers(t, a)
			var wrong *BooksError
			if !errors.As(err, &wrong) {
				return
			}
			problem, err := p.Unpack(t.Context(), october, Options{Wait: time.Minute, Accept: true})
			if err != nil || !strings.Contains(problem, "its books say") {
				t.Fatal(problem, err)
			}
			rows := count(t, a, "SELECT COUNT(*) FROM flows_2026_10")
			t.Logf("%d of 5000 rows are left", rows)
			if rows < 4000 || rows >= 5000 {
				t.Errorf("%d of 5000 rows are left", rows)
			}
			tidy(t, a, ask(t, a))
			// What is missing stays known.
			if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); !errors.As(err, &wrong) {
				t.Errorf("packed as if nothing had happened: %v", err)
			}
		})
	}
}

// files is what a table's files hold.
func files(t testing.TB, name string) string {
	t.Helper()
	all := ""
	for _, ext := range []string{".MYD", ".MYI", ".frm"} {
		text, err := os.ReadFile(name + ext)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	return all
}

// A view under the name of a month's table is nobody's month, and is told.
func TestView(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 500, october.First(), 31})
	run(t, a, "CREATE VIEW flows_2025_05 AS SELECT * FROM flows_2026_10")
	t.Cleanup(func() { run(t, a, "DROP VIEW flows_2025_05") })
	p := packer(a)
	list, err := p.List(t.Context())
	if err != nil || len(list) != 2 || list[0].State != StateView {
		t.Errorf("%+v %v", list, err)
	}
	due, err := p.Due(t.Context(), archive.Day{Year: 2026, Month: 12, Day: 1})
	if err != nil || len(due) != 1 || due[0] != october {
		t.Error(due, err)
	}
	may := archive.Month{Year: 2025, Month: time.May}
	if _, err := p.Pack(t.Context(), may, Options{Wait: time.Minute}); err == nil || !strings.Contains(err.Error(), "is a view") {
		t.Errorf("got %v", err)
	}
}

// A command that leads nowhere is what the error names.
func TestDeadCommand(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 500, october.First(), 31})
	want := ask(t, a)
	for _, command := range [][]string{{"/nowhere/ssh", "db"}, {"env", "no-such-program"}, {"sh", "-c", "exit 255", "ssh"}} {
		cfg := DefaultConfig()
		cfg.Command = command
		_, err := New(cfg, a, testLog()).Pack(t.Context(), october, Options{Wait: time.Minute})
		if err == nil || !strings.Contains(err.Error(), "archive.command ("+command[0]) || !strings.Contains(err.Error(), "by hand") {
			t.Errorf("got %v", err)
		}
	}
	tidy(t, a, want)
}

// A packed table whose index file is gone is made whole from its rows.
func TestUnpackWithoutIndex(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	for _, gone := range []string{".MYI"} {
		a := openEmpty(t, cfg)
		mustLoad(t, a, file{1, 5000, october.First(), 31})
		p := packer(a)
		if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
			t.Fatal(err)
		}
		want := ask(t, a)
		place, err := a.Place(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		run(t, a, "FLUSH TABLES flows_2026_10c")
		for _, ext := range strings.Fields(gone) {
			if err := os.Remove(filepath.Join(place.Folder, "flows_2026_10c"+ext)); err != nil {
				t.Fatal(err)
			}
		}
		if problem, err := p.Unpack(t.Context(), october, Options{Wait: time.Minute}); err != nil || problem != "" {
			t.Fatalf("without %s: %q %v", gone, problem, err)
		}
		tidy(t, a, want)
	}
}

// Rows that were altered since they were packed are not taken for good silently.
func TestUnpackAltered(t *testing.T) {
	wipe(t, open(t))
	cfg := shared.config
	a := openConfig(t, cfg)
	mustLoad(t, a, file{1, 500, october.First(), 31})
	p := packer(a)
	if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	want := ask(t, a)
	run(t, a, "UPDATE month_sums SET checksum = checksum + 1") // as if the rows were others
	_, err := p.Unpack(t.Context(), october, Options{Wait: time.Minute})
	var wrong *BooksError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "altered") || !strings.Contains(err.Error(), "--accept") {
		t.Fatalf("got %v", err)
	}
	if got := tableOf(t, a, october); got != "flows_2026_10c" {
		t.Errorf("the month is in %q", got)
	}
	tidy(t, a, want)
	if problem, err := p.Unpack(t.Context(), october, Options{Wait: time.Minute, Accept: true}); err != nil || !strings.Contains(problem, "altered") {
		t.Errorf("%q %v", problem, err)
	}
	tidy(t, a, want)
}

// A month whose table is gone is told, and nothing is loaded over what is left of it.
func TestMissing(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 500, october.First(), 1}, file{2, 50, november.First(), 3})
	place, err := a.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run(t, a, "FLUSH TABLES flows_2026_10_01")
	definition := filepath.Join(place.Folder, "flows_2026_10_01.frm")
	if err := os.Rename(definition, definition+".away"); err != nil {
		t.Fatal(err)
	}
	rows, err := os.ReadFile(filepath.Join(place.Folder, "flows_2026_10_01.MYD"))
	if err != nil {
		t.Fatal(err)
	}
	p := packer(a)
	if state, err := p.State(t.Context(), october); err != nil || state != StateMissing {
		t.Errorf("%q %v", state, err)
	}
	if due, err := p.Due(t.Context(), november.First()); err != nil || len(due) != 1 {
		t.Error(due, err)
	}
	if err := load(t.Context(), a, file{3, 10, october.First(), 1}); !errors.Is(err, archive.ErrDamaged) || !strings.Contains(err.Error(), "from a backup") {
		t.Errorf("rows for it: %v", err)
	}
	if now, err := os.ReadFile(filepath.Join(place.Folder, "flows_2026_10_01.MYD")); err != nil || string(now) != string(rows) {
		t.Errorf("what was left of it is gone: %v", err)
	}
	if err := os.Rename(definition+".away", definition); err != nil {
		t.Fatal(err)
	}
	if state, err := p.State(t.Context(), october); err != nil || state != StateLive {
		t.Errorf("%q %v", state, err)
	}
}
