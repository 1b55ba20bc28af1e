package report

import (
	"strings"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// DifferenceText says what of a book does not balance; empty when it does.
func DifferenceText(b *archive.Book, c *phrase.Catalogue) string {
	if len(b.Imbalances) == 0 {
		return Clean(b.Difference)
	}
	parts := make([]string, len(b.Imbalances))
	for n, i := range b.Imbalances {
		parts[n] = c.Text("difference."+i.Kind, c.Plural("records", i.Is.Records), c.Number(i.Is.Bytes), c.Plural("records", i.Should.Records), c.Number(i.Should.Bytes))
	}
	return strings.Join(parts, "; ")
}
