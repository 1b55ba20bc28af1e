package archive

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlowQuerySQL(t *testing.T) {
	q := FlowQuery{
		From: Day{2026, 11, 30}, To: Day{2026, 12, 1},
		Group: []string{"host", "`slot` DIV 4 AS hour"}, Sum: []string{"up_bytes", "rows"},
		Where: "proto = ?", Args: []any{6},
		Around:     func(groups string) string { return "SELECT * FROM " + groups + " AS g LIMIT ?" },
		AroundArgs: []any{3},
	}
	query, args := q.SQL([]Part{
		{Table: "flows_2026_11c", From: q.From.Add(-1), To: q.From, Without: []Day{q.From}},
		{Table: "flows_2026_11_30", From: q.From, To: q.From},
	})
	part := "SELECT host, `slot` DIV 4 AS hour, SUM(up_bytes) AS up_bytes, COUNT(*) AS `rows` FROM %s AND (proto = ?) GROUP BY host, hour"
	want := "SELECT * FROM (SELECT host, hour, SUM(`up_bytes`) AS `up_bytes`, SUM(`rows`) AS `rows` FROM (" +
		fmt.Sprintf(part, "flows_2026_11c WHERE `day` BETWEEN '2026-11-29' AND '2026-11-30' AND `day` NOT IN ('2026-11-30')") + " UNION ALL " +
		fmt.Sprintf(part, "flows_2026_11_30 WHERE `day` = '2026-11-30'") +
		") AS tables_of_flows GROUP BY host, hour) AS g LIMIT ?"
	if diff := cmp.Diff(want, query); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{6, 6, 3}, args); diff != "" {
		t.Error(diff)
	}
}

// The same question gets the same answer wherever a month's rows are.
func TestQueryFlows(t *testing.T) {
	a := open(t)
	ask := func() map[string]uint64 {
		t.Helper()
		rows, err := a.Reader().QueryFlows(t.Context(), FlowQuery{From: october, To: monday, Group: []string{"host"}, Sum: []string{"rows", "up_bytes"}})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]uint64{}
		if rows == nil {
			return got
		}
		defer rows.Close()
		for rows.Next() {
			var host string
			var n, bytes uint64
			if err := rows.Scan(&host, &n, &bytes); err != nil {
				t.Fatal(err)
			}
			got[host] = n<<40 + bytes
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := ask(); len(got) != 0 {
		t.Errorf("without tables: %v", got)
	}
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 300, october, monday))
	want := ask()
	if len(want) == 0 {
		t.Fatal("nothing")
	}
	run(t, a, "CREATE TABLE flows_2026_10c AS SELECT * FROM flows_2026_10")
	if diff := cmp.Diff(want, ask()); diff != "" {
		t.Errorf("while both tables stand: %s", diff)
	}
	run(t, a, "DROP TABLE flows_2026_10, flows_2026_10_31")
	run(t, a, "DELETE FROM day_tables WHERE day = '2026-10-31'")
	if diff := cmp.Diff(want, ask()); diff != "" {
		t.Errorf("from the packed table: %s", diff)
	}
}
