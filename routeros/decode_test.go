package routeros

import "testing"

// Comments of leases as Winbox writes them on machines of several countries; the
// names are of Csontikka/ha-mikrotik-extended issue 14 and luqasz/librouteros pulls
// 10 and 123.
func TestDecoded(t *testing.T) {
	for _, test := range []struct{ page, text, want string }{
		{"windows-1251", "\xc1\xf3\xf5\xe3\xe0\xeb\xf2\xe5\xf0\xe8\xff-1", "Бухгалтерия-1"},
		{"windows-1251", "\xe0\xef\xe0\xf0\xf2\xe0\xec\xe5\xed\xf2", "апартамент"},
		{"windows-1251", "\xa8\xb8 \xb9 5", "Ёё № 5"},
		{"windows-1251", "\xc8\xe2\xe0\xed\xee\xe2\x98", "Иванов?"}, // 98 is no letter there
		{"windows-1251", "\xc8\xe2\xe0\xed\x1b[31m", "Иван?[31m"},
		{"windows-1252", "S\xe3o Jos\xe9", "São José"},
		{"windows-1250", "\xa3\xf3d\x9f", "Łódź"},
		{"ibm-code-page-866", "\x88\xa2\xa0\xad", "Иван"},
		{"windows-1251", "Бухгалтерия", "Бухгалтерия"},
		{"windows-1252", "\xe2\x82\xac", "€"},
		{"windows-1252", "plain", "plain"},
		{"", "S\xe3o", "S?o"},
	} {
		v := Config{CodePage: test.page}.decoded(Values{"comment": test.text})
		if got := clean(v["comment"]); got != test.want {
			t.Errorf("%q in %q is %q, want %q", test.text, test.page, got, test.want)
		}
	}
}
