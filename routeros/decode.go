package routeros

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// decoded is a router's text in UTF-8. RouterOS passes bytes on as they were typed
// or sent, and Russian Windows (Winbox, host names in DHCP) writes Windows-1251. A
// text that is not UTF-8 and has a Cyrillic letter as Windows-1251 is taken for
// that; this is inferred, not seen on a device. Other text stays as it is.
func decoded(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	runes := make([]rune, 0, len(text))
	cyrillic := false
	for i := range len(text) {
		r := charmap.Windows1251.DecodeByte(text[i])
		cyrillic = cyrillic || unicode.Is(unicode.Cyrillic, r)
		runes = append(runes, r)
	}
	if !cyrillic {
		return text
	}
	return string(runes)
}
