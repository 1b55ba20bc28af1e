package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What flow-export printed of each flow-tools file, column by column.
func TestFlowsEqualFlowExport(t *testing.T) {
	// flow-export's output was kept for all files but the one of le-z0, which
	// holds the same records as le-z6.
	names, _ := filepath.Glob("../../collector/spool/testdata/flow-tools/[^l]*/ft-*+0500")
	z6, _ := filepath.Glob("../../collector/spool/testdata/flow-tools/le-z6/ft-*+0500")
	names = append(names, z6...)
	if len(names) != 3 {
		t.Fatalf("%d files", len(names))
	}
	for _, name := range names {
		oracle, err := os.ReadFile(name + ".oracle.txt")
		if err != nil {
			t.Fatal(err)
		}
		_, exported, ok := strings.Cut(string(oracle), "#:unix_secs")
		if !ok {
			t.Fatalf("%s: no flow-export output", name)
		}
		// flow-export's own message stands in the middle of its output.
		exported = strings.Replace(exported, "flow-export: Exported 66 records\n", "", 1)
		exported = strings.Replace(exported, "flow-export: Exported 30 records\n", "", 1)
		want, err := csv.NewReader(strings.NewReader("unix_secs" + exported)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var out, messages bytes.Buffer
		if code := run([]string{"flows", "--format", "csv", name}, nil, &out, &messages); code != exitOK {
			t.Fatalf("%s: exit %d: %s", name, code, &messages)
		}
		got, err := csv.NewReader(&out).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d records, want %d", name, len(got)-1, len(want)-1)
		}
		compared := 0
		for column, title := range got[0] {
			for at, theirs := range want[0] {
				if theirs != title {
					continue
				}
				compared++
				for row := 1; row < len(want); row++ {
					if got[row][column] != want[row][at] {
						t.Errorf("%s: row %d: %s is %s, want %s", name, row, title, got[row][column], want[row][at])
					}
				}
			}
		}
		if compared < 15 {
			t.Errorf("only %d columns in common", compared)
		}
	}
}
