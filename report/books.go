package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// books says, for each router, what became of every record: the days together,
// and what does not balance by day.
func (t *text) books() {
	lead := t.Text("text.books") + "  "
	if len(t.u.Books) == 0 {
		t.line(lead + t.Text("text.books.none"))
		return
	}
	indent := strings.Repeat(" ", width(lead))
	for _, book := range sumBooks(t.u.Books) {
		t.paragraph(lead, t.received(book))
		c := &book.Classes
		t.paragraph(indent, "= "+ClassesText(c, t.Catalogue))
		t.paragraph(indent, t.Text("text.books.kept", t.leftOut(book), t.Number(book.Loaded.Records)))
		if weak := t.weak(book); weak != "" {
			t.paragraph(indent, weak)
		}
	}
	for _, book := range sumBooks(t.u.Books) {
		for _, finding := range BookFindings(book, t.Catalogue) {
			t.paragraph(indent, finding)
		}
	}
	for i := range t.u.Books {
		if b := &t.u.Books[i]; b.Difference != "" {
			t.paragraph(indent, t.Text("mail.books.difference", DifferenceText(b, t.Catalogue)))
		}
	}
}

// ClassesText is how many records each class has.
func ClassesText(classes *archive.Classes, c *phrase.Catalogue) string {
	text := c.Text("text.books.classes", c.Number(classes.Up.Records), c.Number(classes.Down.Records), c.Number(classes.RouterLocal.Records),
		c.Number(classes.Internal.Records), c.Number(classes.Transit.Records), c.Number(classes.Unattributed.Records))
	if n := classes.Implausible.Records; n > 0 {
		text += " " + c.Text("text.books.implausible", c.Number(n))
	}
	return text
}

// received says what came. Tables and files of other programs have no datagrams.
func (t *text) received(book *archive.Book) string {
	router, records := Clean(book.Router), t.Plural("records", book.Records)
	if book.Datagrams == 0 && book.Records > 0 {
		line := t.Text("text.books.received.bare", router, records)
		if losses := t.losses(book); losses != t.Text("text.lost.none") {
			line += ", " + losses
		}
		return line
	}
	return t.Text("text.books.received", router, records, t.Plural("datagrams", book.Datagrams), t.losses(book))
}

// sumBooks sums books by router, in order of their names.
func sumBooks(books []archive.Book) []*archive.Book {
	sums := map[string]*archive.Book{}
	for i := range books {
		b := &books[i]
		if sums[b.Router] == nil {
			sums[b.Router] = &archive.Book{Router: b.Router}
		}
		sums[b.Router].Add(*b)
	}
	return slices.SortedFunc(maps.Values(sums), func(a, b *archive.Book) int { return strings.Compare(a.Router, b.Router) })
}

// losses says what never reached the accounts.
func (t *text) losses(book *archive.Book) string {
	var parts []string
	if n := book.LostRecords; n > 0 {
		key := "text.lost"
		if book.LostEstimated {
			key = "text.lost.about"
		}
		parts = append(parts, t.Plural(key, n))
	} else if n := book.LostDatagrams; n > 0 {
		parts = append(parts, t.Plural("text.lost.datagrams", n))
	}
	if n := book.KernelDropped; n > 0 {
		parts = append(parts, t.Plural("text.dropped", n))
	}
	if n := book.SpoolLost; n > 0 {
		parts = append(parts, t.Plural("text.unspooled", n))
	}
	if n := book.LeftOut(); n > 0 {
		parts = append(parts, t.Plural("text.rejected", n))
	}
	if n := book.NoTemplate; n > 0 {
		parts = append(parts, t.Plural("text.no_template", n))
	}
	if parts == nil {
		return t.Text("text.lost.none")
	}
	return strings.Join(parts, ", ")
}

// weak says how many bytes were charged by the rules that version 5 makes do with.
func (t *text) weak(book *archive.Book) string {
	var nextHop, upload uint64
	for _, f := range book.Findings {
		switch {
		case f.Kind != archive.FoundWeak:
		case strings.HasPrefix(f.Example, "next hop"):
			nextHop += f.Bytes
		default:
			upload += f.Bytes
		}
	}
	if nextHop+upload == 0 {
		return ""
	}
	return t.Text("text.books.weak", t.Bytes(nextHop), t.Bytes(upload))
}

// leftOut lists what each rule left out, the biggest first, each with a plus
// behind it.
func (t *text) leftOut(book *archive.Book) string {
	rules := slices.SortedFunc(maps.Keys(book.Excluded), func(a, b string) int {
		return cmp.Or(cmp.Compare(book.Excluded[b].Records, book.Excluded[a].Records), strings.Compare(a, b))
	})
	var b strings.Builder
	for _, rule := range rules {
		if n := book.Excluded[rule].Records; n > 0 {
			b.WriteString(Clean(rule) + " " + t.Number(n) + " + ")
		}
	}
	return b.String()
}
