package mail

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"nfacct/archive"
	"nfacct/report"
	"nfacct/report/phrase"
)

// view is a usage in words, as the template shows it.
type view struct {
	*report.Usage
	words  *phrase.Catalogue
	rows   int
	light  bool // without the workbook
	page   bool // a file of its own, not a mail
	images []Image

	Language, Subject, Kicker, Title, Period string
	WarningTitle                             string
	Warnings                                 []string
	Tiles                                    []tile
	Summary                                  []string
	Offenders                                *table
	Hours                                    *chartView
	Hosts                                    *table
	Tables                                   []table
	Foot                                     []string
}

// tile is one figure at the top.
type tile struct{ Label, Value, Note string }

// table is a section with a table in it.
type table struct {
	Heading string
	Columns []column
	Rows    []row
	More    string // what is left out
	Chart   *chartView
}

type column struct{ Text, Align string }

type row struct {
	Name, Note string
	Habits     []string // lines of a host, where there is room for them
	Badges     []string
	Bar        int // percent; 0 for none
	Color      string
	Cells      []cell
}

// LongName and LongNote say that there is a word in them that a phone has no room
// for: without a place to break at it would push the figures out of sight.
func (r row) LongName() bool { return long(r.Name) }
func (r row) LongNote() bool { return long(r.Note) }

// mostWord is how many letters a phone shows beside the figures.
const mostWord = 15

func long(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ' ' || r == '-' }) {
		if utf8.RuneCountInString(word) > mostWord {
			return true
		}
	}
	return false
}

type cell struct {
	Text, Note string
	Bold, Bad  bool
}

const noBreak = "\u00a0"

// head is the column heads: the first of names, the others of figures.
func head(texts ...string) []column {
	columns := make([]column, len(texts))
	for i, text := range texts {
		columns[i] = column{text, "right"}
	}
	columns[0].Align = "left"
	return columns
}

// Limits of what the mail lists; the workbook has the rest.
const (
	mostWarnings  = 8
	mostOffenders = 15
	mostGroups    = 20
	mostOf        = 10 // of each other list
)

func (v *view) text(key string, args ...any) string { return v.words.Text("mail."+key, args...) }
func (v *view) plural(key string, n int, args ...any) string {
	return v.words.Plural("mail."+key, uint64(n), args...)
}

// more says how many are left out, and where they are.
func (v *view) more(n int) string {
	if v.page {
		return v.words.Plural("text.more", uint64(n)) + " " + v.words.Text("page.more", "--format xlsx")
	}
	return v.plural("more", n)
}

// bytes keeps the number and its unit on one line.
func (v *view) bytes(n uint64) string  { return strings.ReplaceAll(v.words.Bytes(n), " ", noBreak) }
func (v *view) number(n uint64) string { return v.words.Number(n) }

// short is a name fit for a cell.
func short(name string, runes int) string {
	// Nobody reads 10 kB, and cleaning it takes its time.
	if len(name) > 4*runes+64 {
		name = name[:4*runes+64]
	}
	name = report.Clean(name)
	if utf8.RuneCountInString(name) <= runes {
		return name
	}
	return string([]rune(name)[:runes-1]) + "…"
}

// build fills the view in.
func (v *view) build(source, file string) error {
	v.Language = v.words.Language
	v.Kicker = v.text("kicker")
	if v.Group != "" {
		v.Kicker = v.text("kicker_group", short(v.Group, 40))
	}
	v.Period = v.period()
	v.title()
	v.warn()
	if len(v.Usage.Hosts) > 0 {
		v.tiles()
	}
	v.summary()
	v.offenders()
	if len(v.Usage.Hosts) > 0 {
		if err := v.hours(); err != nil {
			return err
		}
		if err := v.hosts(); err != nil {
			return err
		}
	}
	for _, add := range []func(){v.departments, v.proxy, v.proxyUsers, v.onlyProxied, v.newHosts, v.excluded, v.books, v.coverage} {
		add()
	}
	v.foot(source, file)
	return nil
}

// label is the period in a subject: 2026-11-23, 2026-11-16 – 2026-11-22, November 2026.
func (v *view) label() string {
	p := v.Usage.Period
	switch p.Kind {
	case report.KindMonth:
		return v.words.Month(p.From.Month, p.From.Year)
	case report.KindWeek, report.KindRange:
		return p.From.String() + " – " + p.To.String()
	}
	return v.Day
}

// period is the period in full.
func (v *view) period() string {
	label := v.label()
	switch p := v.Usage.Period; p.Kind {
	case report.KindDay:
		label = v.words.Weekday(time.Date(p.From.Year, p.From.Month, p.From.Day, 0, 0, 0, 0, time.UTC).Weekday()) + " " + label
	case report.KindWeek:
		label = v.text("week") + " " + label
	}
	return v.text("period", capital(label), v.Timezone)
}

// capital begins a line.
func capital(text string) string {
	r, n := utf8.DecodeRuneInString(text)
	return strings.ToUpper(string(r)) + text[n:]
}

// nothing says that not even the books know of the period.
func (v *view) nothing() bool {
	if len(v.Usage.Hosts) > 0 {
		return false
	}
	for _, doubt := range v.Doubts {
		if doubt.Kind == "empty" || doubt.Kind == "future" {
			return true
		}
	}
	return len(v.Books) == 0 && v.Group == ""
}

func (v *view) title() {
	t := &v.Totals
	what := v.text("subject.figures", v.bytes(t.Bytes()), v.words.Plural("hosts", uint64(t.Hosts)))
	switch {
	case v.nothing():
		v.Title = v.text("title.nothing")
		what = v.text("subject.nothing")
	case len(v.Usage.Hosts) == 0:
		v.Title = v.text("title.none")
		what = v.text("subject.none")
	default:
		v.Title = v.text("title", v.bytes(t.Bytes()))
		if n := v.over(); n > 0 {
			what += ", " + v.plural("subject.over", n)
		}
	}
	key := "subject"
	if v.Group != "" {
		key = "subject.group"
	}
	v.Subject = v.text(key, v.label(), what, short(v.Group, 40))
	v.Subject = strings.ReplaceAll(v.Subject, noBreak, " ")
	if v.Complete {
		return
	}
	for _, doubt := range v.Doubts {
		if doubt.Kind == "pending" {
			v.Subject = v.plural("subject.late", int(doubt.Count), v.Subject)
			return
		}
	}
	v.Subject = v.text("subject.incomplete", v.Subject)
}

// over counts who is over a quota.
func (v *view) over() int {
	n := 0
	for i := range v.Usage.Offenders {
		if v.Usage.Offenders[i].State != report.QuotaKept {
			n++
		}
	}
	return n
}

func (v *view) warn() {
	if v.Complete {
		return
	}
	v.WarningTitle = v.text("incomplete")
	if v.nothing() {
		v.WarningTitle = v.text("incomplete.nothing")
	}
	if len(v.Doubts) > 0 {
		for _, doubt := range v.Doubts {
			v.Warnings = append(v.Warnings, short(doubt.Text(v.words), 300))
		}
	} else {
		for _, reason := range v.Incomplete {
			v.Warnings = append(v.Warnings, short(reason, 300))
		}
	}
	if !v.saysGaps() {
		for _, gap := range v.Gaps {
			v.Warnings = append(v.Warnings, v.text("gap", short(gap.Router, 40), v.clock(gap.From), v.clock(gap.To)))
		}
	}
	if n := len(v.Warnings) - mostWarnings; n > 0 {
		v.Warnings = append(v.Warnings[:mostWarnings], v.more(n))
	}
	if len(v.Warnings) == 0 {
		v.Warnings = []string{v.text("incomplete.unknown")}
	}
}

// saysGaps says that each gap is among the doubts.
func (v *view) saysGaps() bool {
	return slices.ContainsFunc(v.Doubts, func(d report.Doubt) bool { return d.Kind == "silent" })
}

// clock is a time of the period: with its day, where that is not plain.
func (v *view) clock(t time.Time) string {
	t = v.local(t)
	if v.Usage.Period.Kind == report.KindDay {
		if v.day(t) > v.Day {
			return "24:00"
		}
		return report.Clock(t)
	}
	return t.Format("01-02 ") + report.Clock(t)
}

func (v *view) day(t time.Time) string { return archive.DayOf(t).String() }

// local is an instant on the clock of the report, which those of the usage have
// already unless it was read from JSON.
func (v *view) local(t time.Time) time.Time {
	if loc, err := time.LoadLocation(v.Timezone); err == nil {
		return t.In(loc)
	}
	return t
}
