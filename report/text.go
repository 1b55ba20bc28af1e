package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"nfacct/report/phrase"
)

// columns is the width that the text form keeps to.
const columns = 80

// text is a report being written for people.
type text struct {
	*bufio.Writer
	*phrase.Catalogue
	u             *Usage
	rows, details int
}

// noBreak stands in text between words that belong on one line.
const noBreak = "\u00a0"

// Bytes keeps a number and its unit on one line.
func (t *text) Bytes(n uint64) string {
	return strings.ReplaceAll(t.Catalogue.Bytes(n), " ", noBreak)
}

// WriteText writes the usage as a report for people: at most 80 columns, every
// name beside its address, at most so many hosts (0: all) and the others summed,
// and of so many of them when, with whom and for what (0: as many as mails do).
func (u *Usage) WriteText(w io.Writer, words *phrase.Catalogue, rows, details int) error {
	if rows <= 0 {
		rows = len(u.Hosts)
	}
	if details <= 0 {
		details = detailed
	}
	t := &text{Writer: bufio.NewWriter(w), Catalogue: words, u: u, rows: rows, details: details}
	t.paragraph("", t.title())
	t.line("")
	if !u.Complete {
		t.line(t.Text("text.incomplete"))
		for _, doubt := range u.Doubts {
			t.paragraph("  - ", doubt.Text(words))
		}
		t.line("")
	}
	if len(u.Hosts) == 0 {
		t.paragraph("", t.nothing())
	} else {
		t.summary()
		t.overQuota()
		t.departments()
		t.course()
		t.hosts()
		t.habits()
	}
	if len(u.QuietHours) > 0 && len(u.Hosts) > 0 {
		t.line("")
		t.paragraph("", t.Text("mail.quiet", u.QuietText()))
	}
	for i := range u.OldTables {
		t.line("")
		t.paragraph("", u.OldTables[i].Text(words))
	}
	t.strangers()
	t.proxy()
	if u.Group == "" {
		t.excluded()
		t.coverage()
		t.line("")
		t.books()
	}
	t.line("")
	t.paragraph("", t.Text("text.foot"))
	if !u.Facts.Generated.IsZero() {
		t.paragraph("", t.Text("text.made", u.Facts.Version, u.Facts.Generated.Format("2006-01-02 15:04 MST")))
	}
	return t.Flush()
}

func (t *text) line(s string) {
	fmt.Fprintln(t, strings.TrimRight(strings.ReplaceAll(s, noBreak, " "), " "))
}

func (t *text) heading(key string, args ...any) {
	t.line("")
	t.line(t.Text(key, args...))
}

// PeriodText names a period: Monday 2026-11-23, November 2026, 2026-W48
// (2026-11-23 – 2026-11-29).
func PeriodText(p *Period, words *phrase.Catalogue) string {
	at := time.Date(p.From.Year, p.From.Month, p.From.Day, 0, 0, 0, 0, time.UTC)
	switch p.Kind {
	case KindWeek:
		year, week := at.ISOWeek()
		return fmt.Sprintf("%d-W%02d (%s – %s)", year, week, p.From, p.To)
	case KindMonth:
		return words.Month(p.From.Month, p.From.Year)
	case KindRange:
		return fmt.Sprintf("%s – %s", p.From, p.To)
	}
	return words.Weekday(at.Weekday()) + " " + p.From.String()
}

func (t *text) title() string {
	period := PeriodText(&t.u.Period, t.Catalogue)
	if t.u.Group != "" {
		return t.Text("text.title.group", period, t.u.Timezone, Clean(t.u.Group))
	}
	if t.u.Period.Kind == KindDay {
		return t.Text("text.title.day", period, t.u.Timezone)
	}
	return t.Text("text.title", period, t.u.Timezone)
}

// nothing says why there is no table, which is not the same as no traffic.
func (t *text) nothing() string {
	for _, doubt := range t.u.Doubts {
		if doubt.Kind == "empty" {
			return t.Text("mail.nothing")
		}
	}
	if t.u.Group != "" {
		return t.Text("text.none.group")
	}
	return t.Text("mail.none")
}

func (t *text) summary() {
	u := t.u
	all := &u.Totals
	lead := t.Text("text.total") + "  "
	t.paragraph(lead, t.Text("text.summary", t.Bytes(all.Bytes()), t.Bytes(all.UpBytes), t.Bytes(all.DownBytes),
		t.Plural("hosts", uint64(all.Hosts)), t.Plural("flows", all.Flows)))
	indent := strings.Repeat(" ", width(lead))
	if change := u.BeforeText(t.Catalogue, t.Bytes); change != "" {
		if c := u.Before; c.NotComplete == "" && c.UpChange != nil && c.DownChange != nil {
			change += "; " + t.Text("text.change", t.Change(*c.UpChange), t.Change(*c.DownChange))
		}
		t.paragraph(indent, change)
	}
	if c := u.Weekday; c != nil && c.NotComplete != "" && (u.Before == nil || u.Before.NotComplete != c.NotComplete) {
		t.paragraph(indent, t.Text("mail.weekday.not_complete", c.NotComplete))
	} else if c != nil && c.Change != nil {
		t.paragraph(indent, t.Text("mail.weekday", t.Change(*c.Change), t.Bytes(c.Bytes())))
	}
	if text := u.EstimatedText(t.Catalogue); text != "" {
		t.paragraph("", text)
	}
	if u.NewHosts != nil && u.NewHosts.TooEarly {
		t.paragraph("", u.NewHosts.Text(t.Catalogue))
	}
	if all.Unattributed.Records > 0 {
		t.paragraph("", t.Text("mail.unattributed", t.Bytes(all.Unattributed.Bytes), t.Percent(all.UnattributedShare)))
	}
	if u.Group == "" && all.Internal.Records+all.Transit.Records+all.RouterLocal.Records > 0 {
		t.paragraph("", t.Text("mail.beside", t.Bytes(all.Internal.Bytes), t.Bytes(all.Transit.Bytes), t.Bytes(all.RouterLocal.Bytes)))
	}
}

// course draws the hours or days as bars.
func (t *text) course() {
	const bar = 40
	var most uint64
	for i := range t.u.Buckets {
		most = max(most, t.u.Buckets[i].Bytes())
	}
	if most == 0 {
		return
	}
	name := Clock
	if t.u.Period.Kind == KindDay {
		t.heading("mail.hours.hour")
	} else {
		t.heading("mail.hours.day")
		name = func(at time.Time) string { return at.Format(time.DateOnly) }
	}
	names := 0
	for i := range t.u.Buckets {
		names = max(names, width(name(t.u.Buckets[i].Start)))
	}
	for i := range t.u.Buckets {
		b := &t.u.Buckets[i]
		if t.u.ToCome(b) {
			break
		}
		value := t.Bytes(b.Bytes())
		if b.NoData {
			value = t.Text("text.no_data")
		}
		n := int((float64(b.Bytes())*bar + float64(most) - 1) / float64(most)) // something is never nothing
		t.line(fmt.Sprintf("  %s  %s %s", pad(name(b.Start), names), pad(strings.Repeat("#", min(n, bar)), bar), padLeft(value, 10)))
	}
}

// Paragraph is text with its lines broken as those of WriteText.
func Paragraph(s string) string {
	var b strings.Builder
	t := &text{Writer: bufio.NewWriter(&b)}
	t.paragraph("", s)
	t.Flush() // a Builder has no errors
	return b.String()
}

// paragraph writes text with its lines broken at 80 columns, the first begun by
// lead and the others indented as far. A word that is longer is cut.
func (t *text) paragraph(lead, text string) {
	line := lead
	indent := width(lead)
	empty := true
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) && r != '\u00a0' }) {
		word = cut(word, columns-indent)
		if !empty && width(line)+1+width(word) > columns {
			t.line(line)
			line, empty = strings.Repeat(" ", indent), true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	t.line(line)
}

// padLeft fills a text up to so many columns from the left.
func padLeft(text string, columns int) string {
	return strings.Repeat(" ", max(0, columns-width(text))) + text
}
