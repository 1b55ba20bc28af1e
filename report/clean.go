package report

import (
	"strings"

	"github.com/mattn/go-runewidth"

	"nfacct/archive"
)

// Clean makes a name safe to show: see archive.Clean.
func Clean(name string) string { return archive.Clean(name) }

// columnsOf counts the columns of a terminal. Ambiguous letters take one, whatever the
// locale of the machine that makes the report.
var columnsOf = runewidth.Condition{StrictEmojiNeutral: true}

// width is how many columns a terminal gives a cleaned text.
func width(text string) int {
	n := 0
	for _, r := range text {
		n += columnsOf.RuneWidth(r)
	}
	return n
}

// cut shortens a cleaned text to so many columns, with an ellipsis.
func cut(text string, columns int) string {
	if width(text) <= columns {
		return text
	}
	n := 0
	for i, r := range text {
		if n += columnsOf.RuneWidth(r); n > columns-1 {
			return text[:i] + "…"
		}
	}
	return text
}

// pad fills a cleaned text up to so many columns.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-width(text)))
}
