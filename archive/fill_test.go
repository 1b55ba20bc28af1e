package archive

import (
	"errors"
	"nfacct/archive/mariadb"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A statement that fills the disk is ended, and what it made is removed by whoever
// asked for it.
func TestFill(t *testing.T) {
	a := open(t)
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 500, monday))
	if err := a.fill(t.Context(), "nothing to speak of", "DO SLEEP(0.5)"); err != nil {
		t.Error(err)
	}
	a.free = func(string) (uint64, error) { return mariadb.Brim - 1, nil }
	began := time.Now()
	table := MonthOf(monday).Table()
	endless := "CREATE TABLE flows_endless SELECT a.* FROM " + table + " a, " + table + " b, " + table + " c, " + table + " d WHERE a.peer_port + b.peer_port + c.peer_port + d.peer_port = 1"
	err := a.fill(t.Context(), "make a table", endless)
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "make a table") || !strings.Contains(err.Error(), "free space") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 2*time.Minute {
		t.Errorf("it took %v", took)
	}
}

// Rows in a day's table that are of another day go when the day is loaded again.
func TestReloadTakesStrangersOut(t *testing.T) {
	a := open(t)
	lock(t, a)
	f := newFile(t, a, 1, 500, november, monday)
	mustLoad(t, a, f)
	if _, err := a.db.Exec("UPDATE " + MonthOf(monday).Table() + " SET day = '2040-01-01' WHERE day = '" + november.String() + "' LIMIT 3"); err != nil {
		t.Fatal(err)
	}
	if err := reload(t.Context(), a, november, newFile(t, a, 1, 500, november, monday)); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := a.db.QueryRow("SELECT COUNT(*) FROM " + MonthOf(monday).Table() + " WHERE day > '2026-11-30'").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
}
