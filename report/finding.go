package report

import (
	"fmt"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// FindingText is what was found in a router's books as a sentence with its remedy;
// empty for what is said as a doubt of its own, or in the books (see text.weak).
func FindingText(router string, f archive.Finding, c *phrase.Catalogue) string {
	switch f.Kind {
	case archive.FoundUnlisted, archive.FoundSilentHop, archive.FoundWeak:
		return ""
	}
	example := Clean(f.Example)
	if f.Kind == archive.FoundClock {
		key := "finding.ahead"
		if f.Seconds < 0 {
			key = "finding.behind"
		}
		n := max(f.Seconds, -f.Seconds)
		off := fmt.Sprintf("%d:%02d:%02d", n%86400/3600, n%3600/60, n%60)
		if n >= 86400 {
			off = c.Plural("days", uint64(n/86400)) + " " + off
		}
		example = c.Text(key, off)
	}
	exporter := Clean(f.Exporter)
	if f.Exporter == archive.Others {
		exporter = c.Text("finding.others")
	}
	return c.Text("finding."+string(f.Kind), Clean(router), exporter, c.Plural("records", f.Records), example, c.Bytes(f.Bytes))
}

// doubtful says that figures are too small or too big for what was found; else it is
// told with the books alone.
func doubtful(f archive.Finding) bool {
	switch f.Kind {
	case archive.FoundImplausible, archive.FoundWrapped, archive.FoundTwice:
		return true
	}
	return false
}

// BookFindings are what was found in a router's books that gives no cause to doubt
// the figures.
func BookFindings(b *archive.Book, c *phrase.Catalogue) (texts []string) {
	for _, f := range b.Findings {
		if text := FindingText(b.Router, f, c); text != "" && !doubtful(f) {
			texts = append(texts, text)
		}
	}
	return texts
}
