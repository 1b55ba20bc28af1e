package migrate

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLook: links are followed, but not in circles, and what cannot be read, or
// is not what its name says, does not hide the rest.
func TestLook(t *testing.T) {
	top, elsewhere := t.TempDir(), t.TempDir()
	write := func(folder, name, content string) {
		t.Helper()
		err := os.MkdirAll(folder, 0o755)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(top, name)); err != nil {
			t.Fatal(err)
		}
	}
	const head, hour = "\xcf\x10\x01\x03", ".010000+0500"
	write(filepath.Join(top, "2018-05/2018-05-03"), "ft-v05.2018-05-03"+hour, head)
	write(top, "ft-v05.2018-05-06"+hour+".gz", "\x1f\x8b")
	write(top, "ft-v05.2018-05-07"+hour+".bz2", "BZh9")
	write(top, "ft-v05.2018-05-08"+hour, "")
	write(top, "ft-v05.2018-05-09"+hour, "<html>")
	write(top, "ft-v05.2018-05-09"+hour+".md5", "d41d8cd98f00b204e9800998ecf8427e")
	write(top, "tmp-v05.2018-05-10"+hour, head)
	write(top, "accounts.gz", "\x1f\x8b")
	write(filepath.Join(elsewhere, "2017"), "ft-v05.2017-05-01"+hour, head)
	write(filepath.Join(elsewhere, "netflow"), "2018_5.MYD", "")
	write(elsewhere, "some", head)
	link(filepath.Join(elsewhere, "2017"), "2017")
	link("2017", "2017-again")
	link("..", "2018-05/up")
	link(filepath.Join(elsewhere, "netflow"), "tables")
	link(filepath.Join(elsewhere, "some"), "ft-v05.2018-05-05"+hour)
	link("nowhere", "2016")
	link("circle", "circle")
	m, err := New(nil, nil, Options{Location: moscow, DryRun: true}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	found, err := m.Look([]string{top, filepath.Join(top, "2018-05")})
	if err != nil {
		t.Fatal(err)
	}
	names := func(paths ...string) string {
		var short []string
		for _, path := range paths {
			short = append(short, strings.TrimPrefix(filepath.Base(path), "ft-v05."))
		}
		return strings.Join(short, " ")
	}
	bases := func(list []Ignored) (said []string) {
		for _, i := range list {
			said = append(said, names(i.Table)+": "+i.Why)
		}
		slices.Sort(said)
		return said
	}
	if want := strings.ReplaceAll("2017-05-01* 2018-05-03* 2018-05-05* 2018-05-06*.gz", "*", hour); names(found.Flows...) != want {
		t.Errorf("%q, want %q", names(found.Flows...), want)
	}
	if names(found.Tables...) != "netflow" {
		t.Errorf("tables in %v", found.Tables)
	}
	if diff := cmp.Diff([]string{
		"2018-05-08" + hour + ": it is empty",
		"tmp-v05.2018-05-10" + hour + ": flow-capture may still write it; it is taken when nothing has come for a day",
	}, bases(found.Left)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	bad := bases(found.Bad)
	if len(bad) != 4 || !strings.HasPrefix(bad[0], "2016: no such file") || bad[1] != "2018-05-07"+hour+".bz2: "+errPacked.Error() ||
		bad[2] != "2018-05-09"+hour+": "+errForeign.Error() || !strings.Contains(bad[3], "circle: ") {
		t.Errorf("bad: %q", bad)
	}
}
