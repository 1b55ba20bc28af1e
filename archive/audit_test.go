package archive

import (
	"strings"
	"testing"
)

// TestAudit: rows that are deleted, changed, added or without a book behind our
// back are noticed.
func TestAudit(t *testing.T) {
	a := open(t)
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 100, october, november, monday), newFile(t, a, 2, 100, monday))
	audit := func(what, want string) {
		t.Helper()
		books, err := a.Reader().Audit(t.Context(), october, monday)
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, b := range books {
			if b.Difference != "" {
				said = append(said, b.Day.String()+" "+b.Router+": "+b.Difference)
			}
		}
		if got := strings.Join(said, "\n"); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	audit("untouched", "")
	run(t, a, "INSERT INTO flows_2026_11_01 SELECT * FROM flows_2026_11_01")
	audit("twice", "2026-11-01 gw1: the rows hold 400 records")
	run(t, a, "DELETE FROM flows_2026_11 WHERE `day` = '2026-11-01' LIMIT 100")
	packed(t, a)
	audit("packed", "")
	run(t, a, "UPDATE flows_2026_11c SET up_bytes = up_bytes + 1 WHERE `day` = '2026-11-01' LIMIT 1")
	audit("packed, a row changed", "2026-11-01 gw1: the rows hold 200 records")
	run(t, a, "UPDATE flows_2026_11c SET up_bytes = up_bytes - 1 WHERE `day` = '2026-11-01' LIMIT 1")
	run(t, a, "UPDATE month_sums SET checksum = NULL")
	if err := writing(a).Unpack(t.Context(), MonthOf(monday)); err != nil {
		t.Fatal(err)
	}
	audit("unpacked", "")
	run(t, a, "DELETE FROM flows_2026_11 WHERE `day` = '2026-11-23' LIMIT 1")
	audit("a row deleted", "2026-11-23 gw0: the rows hold 398 records")
	run(t, a, "DROP TABLE flows_2026_11, flows_2026_11_23")
	audit("a table dropped", "2026-11-23 gw0: the rows hold 0 records with 0 bytes, but books say 400 records")
	run(t, a, "DELETE FROM usage_hourly")
	run(t, a, "DELETE FROM books WHERE day = '2026-10-31'")
	audit("books deleted", "2026-10-31 gw0: the rows hold 200 records with 109900 bytes, but no book knows of them")
}
