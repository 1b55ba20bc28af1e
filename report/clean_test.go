package report

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"plain", "accounts-4", "accounts-4"},
		{"Cyrillic", "Бухгалтерия 2", "Бухгалтерия 2"},
		{"terminal escape", "pc\x1b[31mred\x1b[0m", "pc[31mred[0m"},
		{"title escape", "a\x1b]0;own\x07b", "a]0;ownb"},
		{"C1 control", "a\u009b1mb", "a1mb"},
		{"bidi override", "invoice\u202efdp.exe", "invoicefdp.exe"},
		{"bidi isolates", "\u2066x\u2069\u200f", "x"},
		{"zero width", "ad\u200bmin\ufeff", "admin"},
		{"soft hyphen", "a\u00adb", "ab"},
		{"tag characters", "a\U000e0041b", "ab"},
		{"newlines", " one\r\ntwo\u2028three\t", "one two three"},
		{"not UTF-8", "caf\xe9\xff", "caf"},
		{"replacement character", "a\ufffdb", "ab"},
		{"stacked marks", "e\u0301\u0302\u0303\u0304x", "e\u0301x"},
		{"mark alone", "\u0301x", "x"},
		{"nothing left", "\u200b\x00 ", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Clean(test.in); got != test.want {
				t.Errorf("Clean(%q) = %q, want %q", test.in, got, test.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"pc\x1b[31m", "a\u202eb", "e\u0301\u0302", "漢字かな交じり文の長い名前です", "\xff\xfe"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := Clean(in)
		if !utf8.ValidString(out) || strings.TrimSpace(out) != out || Clean(out) != out {
			t.Errorf("Clean(%q) = %q, and again %q", in, out, Clean(out))
		}
		for _, r := range out {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Errorf("Clean(%q) leaves %U", in, r)
			}
		}
		if short := cut(out, 17); width(short) > 17 || width(pad(short, 17)) != 17 {
			t.Errorf("cut to %q", short)
		}
	})
}

func TestHourRanges(t *testing.T) {
	if got := (&Usage{QuietHours: []int{0, 1, 2, 5, 22, 23}}).QuietText(); got != "0-2, 5, 22-23" {
		t.Error(got)
	}
}
