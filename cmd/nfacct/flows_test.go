package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What flow-export printed of each flow-tools file, column by column.
func TestFlowsEqualFlowExport(t *testing.T) {
	names, _ := filepath.Glob("../../collector/spool/testdata/flow-tools/*/ft-*+0500")
	if len(names) != 4 {
		t.Fatalf("%d files", len(names))
	}
	for _, name := range names {
		printed := name + ".oracle.txt"
		if strings.Contains(name, "le-z0") {
			// Its own is a dump of the file's bytes; le-z6 was made of the same datagrams.
			printed = "../../collector/spool/testdata/flow-tools/le-z6/ft-v05.2026-11-24.010050+0500.oracle.txt"
		}
		oracle, err := os.ReadFile(printed)
		if err != nil {
			t.Fatal(err)
		}
		_, exported, ok := strings.Cut(string(oracle), "#:unix_secs")
		if !ok {
			t.Fatalf("%s: no flow-export output", printed)
		}
		// The program's message stands in the middle of a row, as it came.
		exported = regexp.MustCompile(`flow-export: Exported \d+ records\n`).ReplaceAllString(exported, "")
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
