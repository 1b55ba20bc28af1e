package sheet

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

var head = Head{Title: "2026-11-01 to 2026-11-30 by host", Facts: []Fact{{"SQL", "SELECT\n 1"}, {"Unit", "bytes"}}}

var columns = []Column{{"host", "address"}, {"bytes", "bytes"}, {"first", "seconds"}, {"department", "department"}}

func TestCSV(t *testing.T) {
	var b bytes.Buffer
	w, err := NewCSV(&b, head, columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range [][]any{{"10.0.0.1", uint64(1<<64 - 1), int64(-5), `=cmd|' /C calc'!A0`}, {"2001:db8::1", uint64(0), nil, `it, "x"`}, {"::1", "18446744073709551616", int64(0), "-"}} {
		if err := w.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`# 2026-11-01 to 2026-11-30 by host
# SQL: SELECT
#  1
# Unit: bytes
host,bytes,first_seconds,department
10.0.0.1,18446744073709551615,-5,'=cmd|' /C calc'!A0
2001:db8::1,0,,"it, ""x"""
::1,18446744073709551616,0,-
# 3 rows
`, "\n", "\r\n")
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
}

func TestXLSX(t *testing.T) {
	var b bytes.Buffer
	w, err := NewXLSX(&b, head, columns)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Row([]any{"10.0.0.1", uint64(123456), int64(-5), "=1+1"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for cell, want := range map[string]string{"A1": "host", "A2": "10.0.0.1", "B2": "123,456", "C2": "-5", "D2": "=1+1"} {
		if got, err := f.GetCellValue(rowsSheet, cell); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", cell, got, err, want)
		}
	}
	if formula, _ := f.GetCellFormula(rowsSheet, "D2"); formula != "" {
		t.Errorf("a name became the formula %s", formula)
	}
	facts, err := f.GetRows(factsSheet)
	if err != nil || fmt.Sprint(facts) != fmt.Sprint([][]string{{"Title", head.Title}, {"SQL", "SELECT\n 1"}, {"Unit", "bytes"}, {"Rows", "1"}}) {
		t.Errorf("%q, %v", facts, err)
	}
}

// A million rows of CSV are never held.
func TestStreams(t *testing.T) {
	w, err := NewCSV(io.Discard, head, columns)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	row := []any{"10.0.0.1", uint64(123456), int64(-5), "sales"}
	for range 1_000_000 {
		if err := w.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if held := int64(after.HeapSys) - int64(before.HeapSys); held > 32<<20 {
		t.Errorf("%d bytes more", held)
	}
}
