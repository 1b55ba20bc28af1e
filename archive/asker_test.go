package archive

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// Questions can only read, end in the server when they are given up or take too
// long, and say what they cost.
func TestAsker(t *testing.T) {
	a := open(t)
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 500, monday))
	asker, err := a.Asker(t.Context(), AskLimits{Time: 2 * time.Second, Memory: 32 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer asker.Close()
	table := firstTable(t, a, monday)
	lines := 0
	examined, err := asker.Ask(t.Context(), "SELECT `host`, NULL, COUNT(*) FROM "+table+" GROUP BY `host`", func(values [][]byte) error {
		lines++
		if len(values) != 3 || values[1] != nil || len(values[0]) != 4 && len(values[0]) != 16 {
			t.Errorf("%q", values)
		}
		return nil
	})
	if err != nil || lines == 0 || examined < 500 {
		t.Errorf("%d lines, %d rows examined, %v", lines, examined, err)
	}
	for _, statement := range []string{"DELETE FROM " + table, "INSERT INTO routers (name) VALUES ('x')", "DROP TABLE " + table, "CREATE TABLE x (a INT)", "UPDATE imports SET file = ''", "SELECT * FROM mysql.user", "SELECT LOAD_FILE('/etc/passwd') IS NOT NULL INTO OUTFILE '/tmp/x'"} {
		if _, err := asker.Ask(t.Context(), statement, func([][]byte) error { return nil }); err == nil {
			t.Errorf("%s was done", statement)
		}
	}
	endless := func(what string) string {
		return "SELECT '" + what + "', SUM(a.up_bytes * b.up_bytes * c.up_bytes) FROM " + table + " a, " + table + " b, " + table + " c, " + table + " d"
	}
	began := time.Now()
	if _, err := asker.Ask(t.Context(), endless("limit"), func([][]byte) error { return nil }); err == nil || time.Since(began) > 10*time.Second {
		t.Errorf("over the limit of time: %v after %v", err, time.Since(began))
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		time.Sleep(300 * time.Millisecond)
		cancel()
	}()
	if _, err := asker.Ask(ctx, endless("given up"), func([][]byte) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	var running int
	if err := a.DB().QueryRow("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%given up%' AND info NOT LIKE '%processlist%'").Scan(&running); err != nil || running != 0 {
		t.Errorf("%d statements go on in the server, %v", running, err)
	}
	if !strings.HasSuffix(asker.Settings(), ";\n") {
		t.Error(asker.Settings())
	}
}

func firstTable(t *testing.T, a *Archive, day Day) string {
	t.Helper()
	tables, err := a.Reader().FlowTables(t.Context(), day, day)
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	return tables[0]
}
