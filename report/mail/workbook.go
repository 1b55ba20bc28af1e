package mail

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"nfacct/report"
	"nfacct/report/phrase"
)

// Workbook renders a usage as XLSX: a sheet each for hosts, the course of the
// traffic, hosts by time, departments, quotas, users of the proxy, books, what rules left out, and
// one that says what the figures are. Cells are typed: numbers are numbers, times
// are times, and names are never formulas.
func Workbook(u *report.Usage, words *phrase.Catalogue) ([]byte, error) {
	var b bytes.Buffer
	err := WriteWorkbook(&b, u, words)
	return b.Bytes(), err
}

// WriteWorkbook writes what Workbook renders: rows are streamed, beyond 16 MB through
// a temporary file, so that the sheets are never held.
func WriteWorkbook(to io.Writer, u *report.Usage, words *phrase.Catalogue) error {
	w := &workbook{file: excelize.NewFile(), u: u, words: words}
	defer w.file.Close()
	if err := w.write(); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	if err := w.file.Write(to); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	return nil
}

type workbook struct {
	file   *excelize.File
	u      *report.Usage
	words  *phrase.Catalogue
	styles map[format]int
	sheets int
}

// format is how a cell is shown.
type format int

const (
	plain format = iota
	count
	percent
	moment
	date
	heading
	sum
	sumCount
)

func (w *workbook) text(key string) string { return w.words.Text("sheet." + key) }

func (w *workbook) write() error {
	if err := w.makeStyles(); err != nil {
		return err
	}
	err := w.file.SetDocProps(&excelize.DocProperties{Creator: "nfacct", Title: w.words.Text("mail.kicker") + " " + w.u.Day,
		Created: w.u.Facts.Generated.UTC().Format(time.RFC3339), Modified: w.u.Facts.Generated.UTC().Format(time.RFC3339)})
	if err != nil {
		return err
	}
	for _, sheet := range []func() error{w.hosts, w.course, w.hostsByTime, w.departments, w.offenders, w.proxyUsers, w.onlyProxied, w.books, w.excluded, w.coverage, w.hostsByRouter, w.facts} {
		if err := sheet(); err != nil {
			return err
		}
	}
	return nil
}

func (w *workbook) makeStyles() error {
	w.styles = map[format]int{}
	digits, clock, day := "#,##0", "yyyy\\-mm\\-dd hh:mm", "yyyy\\-mm\\-dd"
	bold := &excelize.Font{Bold: true}
	for f, style := range map[format]*excelize.Style{
		count:    {CustomNumFmt: &digits},
		percent:  {NumFmt: 10},
		moment:   {CustomNumFmt: &clock},
		date:     {CustomNumFmt: &day},
		heading:  {Font: bold, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}},
		sum:      {Font: bold},
		sumCount: {Font: bold, CustomNumFmt: &digits},
	} {
		id, err := w.file.NewStyle(style)
		if err != nil {
			return err
		}
		w.styles[f] = id
	}
	return nil
}

// column of a sheet: its head, what a cell is, how wide it is in letters.
type sheetColumn struct {
	head   string
	format format
	width  float64
}

// sheet is one that is being written.
type sheet struct {
	w       *workbook
	stream  *excelize.StreamWriter
	columns []sheetColumn
	row     int
	cut     int // rows that a sheet has no room for
}

// mostSheetRows is how many rows a sheet can have: 1,048,576.
var mostSheetRows = excelize.TotalRows

// sheet begins one, with its head frozen.
func (w *workbook) sheet(key string, columns []sheetColumn) (*sheet, error) {
	name := w.text(key)
	if w.sheets == 0 {
		if err := w.file.SetSheetName("Sheet1", name); err != nil {
			return nil, err
		}
	} else if _, err := w.file.NewSheet(name); err != nil {
		return nil, err
	}
	w.sheets++
	stream, err := w.file.NewStreamWriter(name)
	if err != nil {
		return nil, err
	}
	for i, c := range columns {
		if err := stream.SetColWidth(i+1, i+1, c.width); err != nil {
			return nil, err
		}
	}
	if err := stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	s := &sheet{w: w, stream: stream, columns: columns}
	heads := make([]any, len(columns))
	for i, c := range columns {
		heads[i] = excelize.Cell{StyleID: w.styles[heading], Value: guard(c.head)}
	}
	return s, s.set(heads)
}

func (s *sheet) set(cells []any) error {
	s.row++
	at, err := excelize.CoordinatesToCellName(1, s.row)
	if err != nil {
		return err
	}
	return s.stream.SetRow(at, cells)
}

// add writes a row of values, in the formats of their columns.
func (s *sheet) add(values ...any) error {
	if s.row >= mostSheetRows-2 { // one is for the sums, one for what is cut
		s.cut++
		return nil
	}
	cells := make([]any, len(values))
	for i, value := range values {
		cells[i] = excelize.Cell{StyleID: s.w.styles[s.columns[i].format], Value: typed(value)}
	}
	return s.set(cells)
}

// total writes a row in bold.
func (s *sheet) total(values ...any) error {
	cells := make([]any, len(values))
	for i, value := range values {
		style := s.w.styles[sum]
		if s.columns[i].format == count {
			style = s.w.styles[sumCount]
		}
		cells[i] = excelize.Cell{StyleID: style, Value: typed(value)}
	}
	return s.set(cells)
}

// end closes the sheet; its first n rows below the head can be filtered and sorted.
func (s *sheet) end(n int) error {
	if n -= s.cut; s.cut > 0 {
		said := s.w.words.Plural("text.more", uint64(s.cut)) + " " + s.w.words.Text("sheet.cut", s.w.words.Number(uint64(mostSheetRows)), "--format json")
		if err := s.set([]any{excelize.Cell{StyleID: s.w.styles[sum], Value: said}}); err != nil {
			return err
		}
	}
	if n > 0 {
		last, err := excelize.CoordinatesToCellName(len(s.columns), n+1)
		if err != nil {
			return err
		}
		err = s.stream.AddTable(&excelize.Table{Range: "A1:" + last, Name: fmt.Sprintf("t%d", s.w.sheets), StyleName: "TableStyleLight1"})
		if err != nil {
			return err
		}
	}
	return s.stream.Flush()
}

// typed is a value as a cell holds it: text guarded, what is not known empty.
func typed(value any) any {
	switch v := value.(type) {
	case string:
		return guard(v)
	case joined:
		return harmless(string(v))
	case *string:
		if v == nil {
			return nil
		}
		return guard(*v)
	case *uint64:
		if v == nil {
			return nil
		}
		return *v
	case *float64:
		if v == nil {
			return nil
		}
		return *v
	case *time.Time:
		if v == nil {
			return nil
		}
		return wall(*v)
	case time.Time:
		if v.IsZero() {
			return nil
		}
		return wall(v)
	}
	return value
}

// wall is what the clock showed, which is what a spreadsheet can hold.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// mostText is how long a name may be in a cell.
const mostText = 200

// guard makes a text harmless: the cell is text already, but whoever saves the
// sheet as CSV or pastes it would make formulas of what begins like one (OWASP
// ASVS 5.0, 1.2.10).
func guard(text string) string {
	return harmless(short(text, mostText))
}

func harmless(text string) string {
	if first, _ := utf8.DecodeRuneInString(text); strings.ContainsRune("=+-@＝＋－＠", first) {
		return "'" + text
	}
	return text
}
