package archive

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes a name safe to keep and to show: host names, lease names and comments
// are written by the computers' owners. Control characters, bidirectional and other
// invisible format characters, and bytes that are not UTF-8 go; white space becomes
// single spaces; one combining mark is left on each letter.
func Clean(name string) string {
	var b strings.Builder
	marked, space := true, false
	for _, r := range name {
		switch {
		case r == utf8.RuneError:
			continue
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marked {
				continue
			}
			marked = true
		case !unicode.IsPrint(r):
			continue
		default:
			marked = false
		}
		if space && !marked {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
