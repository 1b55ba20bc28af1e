package archive

import (
	"errors"
	"strings"
	"testing"
)

// A day has no keys while files of it are expected, readers get the same answers
// meanwhile, and closing it makes them. A late file is loaded as it is.
func TestKeys(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		keys := func(what string, off int) {
			t.Helper()
			var n int
			err := a.db.QueryRow("SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COMMENT = 'disabled'", monday.Table()).Scan(&n)
			if err != nil || n != off {
				t.Errorf("%s: %d columns of keys are off, not %d: %v", what, n, off, err)
			}
			if err := settled(t.Context(), a); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		settle := func(over, today Day) {
			t.Helper()
			if err := writing(a).Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := writing(a).CloseDays(t.Context(), over, today); err != nil {
				t.Fatal(err)
			}
		}
		mustLoad(t, a, newFile(t, a, 1, 500, monday), newFile(t, a, 2, 500, monday))
		var rows int
		if err := a.db.QueryRow("SELECT COUNT(*) FROM flows_2026_11 WHERE host = X'0A010001' AND day = ?", monday).Scan(&rows); err != nil || rows != 1 {
			t.Error(rows, err)
		}
		settle(monday, monday)
		keys("today", 2)
		settle(monday, monday.Add(1))
		keys("a past day that was loaded into", 2)
		before := state(t, a)
		settle(monday.Add(1), monday.Add(1))
		keys("over", 0)
		same(t, "closed", state(t, a), before)
		mustLoad(t, a, newFile(t, a, 3, 50, monday))
		settle(monday, monday)
		keys("a late file", 0)
		if err := a.db.QueryRow("SELECT COUNT(*) FROM flows_2026_11 WHERE host = X'0A030001' AND day = ?", monday).Scan(&rows); err != nil || rows != 1 {
			t.Error(rows, err)
		}
		if err := reload(t.Context(), a, monday, newFile(t, a, 1, 500, monday), newFile(t, a, 2, 500, monday), newFile(t, a, 3, 50, monday)); err != nil {
			t.Fatal(err)
		}
		settle(monday, monday)
		keys("loaded again", 2)
		writing(a).touched = map[Day]bool{} // another import
		settle(monday, monday.Add(1))
		keys("a past day that an import brings nothing of", 0)
	})
}

// Closing a day finds rows that are not what was summed, and says by how much.
func TestCloseCompares(t *testing.T) {
	a := open(t)
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 100, monday))
	run(t, a, "UPDATE flows_2026_11 SET up_bytes = up_bytes + 7 WHERE up_bytes = 1003")
	err := writing(a).CloseDays(t.Context(), monday.Add(1), monday.Add(1))
	var balance *BalanceError
	if !errors.As(err, &balance) || len(balance.Problems) != 1 || !strings.Contains(err.Error(), "+7 bytes") {
		t.Error(err)
	}
	if err := writing(a).CloseDays(t.Context(), monday.Add(1), monday.Add(1)); err != nil {
		t.Error("it is closed:", err)
	}
}
