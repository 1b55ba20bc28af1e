package routeros

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// codePages are the single-byte code pages by the names that a configuration has:
// windows-1251, koi8-r, iso-8859-2, ibm-code-page-866.
var codePages = func() map[string]*charmap.Charmap {
	pages := map[string]*charmap.Charmap{}
	for _, encoding := range charmap.All {
		if page, ok := encoding.(*charmap.Charmap); ok {
			pages[strings.ReplaceAll(strings.ToLower(page.String()), " ", "-")] = page
		}
	}
	return pages
}()

// decoded is what a router said in UTF-8. RouterOS passes bytes on as they were
// typed or sent: Winbox on Windows, and hosts in DHCP, write the code page of their
// country (Csontikka/ha-mikrotik-extended issue 14). No byte tells which, so the
// configuration does. Text that is UTF-8 stays as it is, all of it without a page.
func (c Config) decoded(v Values) Values {
	page := codePages[c.CodePage]
	if page == nil {
		return v
	}
	out := make(Values, len(v))
	for key, text := range v {
		if utf8.ValidString(text) {
			out[key] = text
			continue
		}
		var b strings.Builder
		for i := range len(text) {
			b.WriteRune(page.DecodeByte(text[i]))
		}
		out[key] = b.String()
	}
	return out
}
