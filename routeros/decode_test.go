package routeros

import "testing"

func TestCleanWindows1251(t *testing.T) {
	for text, want := range map[string]string{
		"\xc1\xf3\xf5\xe3\xe0\xeb\xf2\xe5\xf0\xe8\xff-1": "Бухгалтерия-1",
		"\xa8\xb8 \xb9 5":              "Ёё № 5",
		"\xaf\xbf \xb2\xb3":            "Її Іі",
		"\xc8\xe2\xe0\xed\xee\xe2\x98": "Иванов?", // 98 is no letter there
		"\xc8\xe2\xe0\xed\x1b[31m":     "Иван?[31m",
		"Бухгалтерия":                  "Бухгалтерия",
		"\xe2\x82\xac":                 "€",
		"\x96 dash \x97":               "? dash ?", // not one Cyrillic letter
		"plain":                        "plain",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
