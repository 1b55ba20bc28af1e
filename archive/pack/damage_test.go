package pack

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"nfacct/archive"
)

// Whatever happens to the files of a packed table before it takes its place is found by
// the checks that follow, or has done no harm: rows and keys are those of the month.
// NFACCT_DAMAGES sets how many damages are tried.
func TestPackedDamages(t *testing.T) {
	t.Parallel()
	rounds := 80
	if text := os.Getenv("NFACCT_DAMAGES"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	a := openEmpty(t, furnished(t))
	mustLoad(t, a, file{1, 3000, october.First(), 31})
	p := packer(a)
	if _, err := p.Pack(ctx, october, Options{Wait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	place, err := a.Place(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := a.LockPacking(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	j := &job{Packer: p, lock: lock, month: october, opts: Options{Progress: func(int64, int64) {}}}
	if j.method, j.tools, err = p.choose(place); err != nil {
		t.Fatal(err)
	}
	if j.before, j.sum, err = j.read(ctx, j.whole(october.PackedTable())); err != nil {
		t.Fatal(err)
	}
	run(t, a, "FLUSH TABLES "+october.PackedTable())
	keys := keysOf(t, a, october.PackedTable())
	folder := filepath.Join(j.tools.work, lock.Token())
	table := filepath.Join(folder, october.StagingTable())
	if _, err := j.tools.run(ctx, "mkdir", "-p", "-m", "0700", folder); err != nil {
		t.Fatal(err)
	}
	found, harmless := map[string]int{}, 0
	for seed := range rounds {
		for _, ext := range []string{".MYD", ".MYI", ".frm"} {
			if _, err := j.tools.run(ctx, "cp", "-p", filepath.Join(place.Folder, october.PackedTable()+ext), table+ext); err != nil {
				t.Fatal(err)
			}
		}
		random := rand.New(rand.NewPCG(uint64(seed), 80))
		ext := []string{".MYD", ".MYI"}[seed%2]
		what := fmt.Sprintf("damage %d, %s: %s", seed, ext, spoil(t, random, table+ext))
		by := "myisamchk"
		_, err := j.tools.run(ctx, "myisamchk", "--no-defaults", "--silent", "--medium-check", table)
		if err == nil {
			by = "verify"
			if err = j.move(ctx, table); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			err = j.verify(ctx)
		}
		switch {
		case err != nil:
			found[by]++
		case keysOf(t, a, october.StagingTable()) != keys:
			t.Errorf("%s: keys lead to other rows, and nobody has noticed", what)
		default:
			harmless++
		}
		if err := lock.DropStaging(ctx, october); err != nil {
			t.Logf("%s: %v", what, err) // of a table that the server does not know by now
		}
		left, err := filepath.Glob(filepath.Join(place.Folder, october.StagingTable()+"*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range left {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := j.tools.clean(ctx, nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d damages: found by %v, %d did no harm", rounds, found, harmless)
	if len(found) == 0 {
		t.Error("no damage was found")
	}
}

// keysOf is what a table's keys lead to.
func keysOf(t *testing.T, a *archive.Archive, table string) string {
	t.Helper()
	text := ""
	for _, key := range []string{"`host`) WHERE `host` > ''", "`day`) WHERE `day` > '2000-01-01'"} {
		var n, sum uint64
		err := a.DB().QueryRow("SELECT COUNT(*), COALESCE(SUM(`up_bytes`), 0) FROM "+table+" FORCE INDEX ("+key).Scan(&n, &sum)
		text += fmt.Sprint(n, " ", sum, " ", err, "; ")
	}
	return text
}

// spoil damages a file in one way.
func spoil(t *testing.T, random *rand.Rand, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	from := random.IntN(len(b))
	n := min(1+random.IntN(512), len(b)-from)
	what := ""
	switch random.IntN(4) {
	case 0:
		b[from] ^= 1 << random.IntN(8)
		what = fmt.Sprintf("a bit of byte %d", from)
	case 1:
		clear(b[from : from+n])
		what = fmt.Sprintf("zeros from %d, %d", from, n)
	case 2:
		b = b[:from]
		what = fmt.Sprintf("cut at %d", from)
	default:
		for i := range n {
			b[from+i] = byte(random.Uint32())
		}
		what = fmt.Sprintf("noise from %d, %d", from, n)
	}
	if err := os.WriteFile(name, b, 0o660); err != nil {
		t.Fatal(err)
	}
	return what
}
