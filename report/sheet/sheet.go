// Package sheet writes tables as CSV and as XLSX workbooks, row by row, so that a
// table of a million rows is never held in memory.
//
// A CSV file has its title and facts in lines that begin with #, then the names of
// the columns, the rows, and a last line with their number, so that a file that was
// cut short is seen. Numbers are exact. A text that a spreadsheet would take for a
// formula has an apostrophe before it.
package sheet

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// Column is a column with the unit of its values.
type Column struct{ Name, Unit string }

// Head is what a table says of itself.
type Head struct {
	Title string
	Facts []Fact
}

// Fact is a line of the head: how the table was made.
type Fact struct{ Name, Text string }

// Writer takes a table's rows: texts, numbers and nil.
type Writer interface {
	Row(values []any) error
	// Close writes the last line. The table is whole when it returns nil.
	Close() error
}

// NewCSV begins a CSV file in UTF-8 with lines that end as RFC 4180 wants.
func NewCSV(w io.Writer, head Head, columns []Column) (Writer, error) {
	t := &table{out: w, lines: csv.NewWriter(w)}
	t.lines.UseCRLF = true
	for _, fact := range append([]Fact{{"", head.Title}}, head.Facts...) {
		text := fact.Text
		if fact.Name != "" {
			text = fact.Name + ": " + text
		}
		for line := range strings.SplitSeq(text, "\n") {
			if _, err := io.WriteString(w, "# "+line+"\r\n"); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range columns {
		name := c.Name
		if c.Unit == "seconds" {
			name += "_seconds"
		}
		t.record = append(t.record, name)
	}
	return t, t.lines.Write(t.record)
}

type table struct {
	out    io.Writer
	lines  *csv.Writer
	record []string
	rows   int
}

func (t *table) Row(values []any) error {
	t.record = t.record[:0]
	for _, value := range values {
		t.record = append(t.record, text(value))
	}
	t.rows++
	return t.lines.Write(t.record)
}

func (t *table) Close() error {
	t.lines.Flush()
	if err := t.lines.Error(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(t.out, "# %d rows\r\n", t.rows)
	return err
}

func text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case uint64:
		return strconv.FormatUint(v, 10)
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		if v != "" && strings.ContainsRune("=+-@\t\r", rune(v[0])) && v != "-" {
			return "'" + v
		}
		return v
	}
	return fmt.Sprint(value)
}

// NewXLSX begins a workbook with a sheet of rows and one of facts. It is written to w
// when it is closed; until then rows beyond 16 MB are in a temporary file.
func NewXLSX(w io.Writer, head Head, columns []Column) (Writer, error) {
	b := &book{out: w, file: excelize.NewFile(), head: head}
	if err := b.begin(columns); err != nil {
		b.file.Close()
		return nil, err
	}
	return b, nil
}

type book struct {
	out    io.Writer
	file   *excelize.File
	stream *excelize.StreamWriter
	head   Head
	digits int // the style of numbers
	row    int
	rows   int
}

const rowsSheet, factsSheet = "Rows", "Question"

func (b *book) begin(columns []Column) (err error) {
	if err := b.file.SetSheetName("Sheet1", rowsSheet); err != nil {
		return err
	}
	format := "#,##0"
	if b.digits, err = b.file.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
		return err
	}
	bold, err := b.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	if b.stream, err = b.file.NewStreamWriter(rowsSheet); err != nil {
		return err
	}
	cells := make([]any, len(columns))
	for i, c := range columns {
		if err := b.stream.SetColWidth(i+1, i+1, 18); err != nil {
			return err
		}
		cells[i] = excelize.Cell{StyleID: bold, Value: c.Name}
	}
	if err := b.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	b.row = 1
	return b.stream.SetRow("A1", cells)
}

func (b *book) Row(values []any) error {
	if b.rows++; b.row == excelize.TotalRows {
		return nil // said in the facts
	}
	b.row++
	cells := make([]any, len(values))
	for i, value := range values {
		switch v := value.(type) {
		case uint64, int64:
			cells[i] = excelize.Cell{StyleID: b.digits, Value: v}
		case nil:
		default:
			cells[i] = fmt.Sprint(v)
		}
	}
	cell, err := excelize.CoordinatesToCellName(1, b.row)
	if err != nil {
		return err
	}
	return b.stream.SetRow(cell, cells)
}

func (b *book) Close() error {
	defer b.file.Close()
	if err := b.stream.Flush(); err != nil {
		return err
	}
	if _, err := b.file.NewSheet(factsSheet); err != nil {
		return err
	}
	facts := append([]Fact{{"Title", b.head.Title}}, b.head.Facts...)
	facts = append(facts, Fact{"Rows", strconv.Itoa(b.rows)})
	if left := b.rows - (b.row - 1); left > 0 {
		facts = append(facts, Fact{"Left out", fmt.Sprintf("%d rows: a sheet has room for %d; export CSV for all", left, excelize.TotalRows-1)})
	}
	for i, fact := range facts {
		for column, text := range []string{fact.Name, fact.Text} {
			cell, err := excelize.CoordinatesToCellName(column+1, i+1)
			if err != nil {
				return err
			}
			if err := b.file.SetCellStr(factsSheet, cell, text); err != nil {
				return err
			}
		}
	}
	if err := b.file.SetColWidth(factsSheet, "A", "A", 14); err != nil {
		return err
	}
	if err := b.file.SetColWidth(factsSheet, "B", "B", 100); err != nil {
		return err
	}
	return b.file.Write(b.out)
}
