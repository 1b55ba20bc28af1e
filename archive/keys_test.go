package archive

import (
	"errors"
	"strings"
	"testing"
)

// Keys are off while much is loaded, readers get the same answers meanwhile,
// and Settle makes them.
func TestKeys(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		keys := func(what string, off int) {
			t.Helper()
			var n int
			err := a.db.QueryRow("SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'flows_2026_11' AND COMMENT = 'disabled'").Scan(&n)
			if err != nil || n != off {
				t.Errorf("%s: %d columns of keys are off, not %d: %v", what, n, off, err)
			}
		}
		mustLoad(t, a, newFile(t, a, 1, 500, monday), newFile(t, a, 2, 500, monday))
		keys("loaded into an empty table", 3)
		var rows int
		if err := a.db.QueryRow("SELECT COUNT(*) FROM flows_2026_11 WHERE host = X'0A010001' AND day = ?", monday).Scan(&rows); err != nil || rows != 1 {
			t.Error(rows, err)
		}
		if err := a.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		keys("settled", 0)
		mustLoad(t, a, newFile(t, a, 3, 50, monday))
		keys("a small file", 0)
		mustLoad(t, a, newFile(t, a, 4, 200, monday))
		keys("a big one, after the small one", 0) // nobody said that it would come
		a.Expect(300)
		mustLoad(t, a, newFile(t, a, 5, 50, monday))
		keys("much to come", 3)
		before := state(t, a)
		if err := a.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := settled(t.Context(), a); err != nil {
			t.Error(err)
		}
		same(t, "settled", state(t, a), before)

		// A session that ends without Settle is settled by the next.
		a.Expect(10_000)
		mustLoad(t, a, newFile(t, a, 6, 50, monday))
		keys("not settled", 3)
		if err := a.recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := settled(t.Context(), a); err != nil {
			t.Error(err)
		}
	})
}

// Settle finds rows that are not what was summed, and says by how much.
func TestSettleCompares(t *testing.T) {
	a := open(t)
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 100, monday))
	run(t, a, "UPDATE flows_2026_11 SET up_bytes = up_bytes + 7 WHERE up_bytes = 1003")
	err := a.Settle(t.Context())
	var balance *BalanceError
	if !errors.As(err, &balance) || len(balance.Problems) != 1 || !strings.Contains(err.Error(), "+7 bytes") {
		t.Error(err)
	}
	if err := a.Settle(t.Context()); err != nil {
		t.Error("nothing was loaded since:", err)
	}
}
