package phrase

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var verb = regexp.MustCompile(`%(\[\d\][sd]|%)?`)

// Every language has every key, with the same arguments.
func TestLanguages(t *testing.T) {
	english := English()
	for _, language := range Languages() {
		c, err := New(language, "si")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(english.Keys(), c.Keys()); diff != "" {
			t.Errorf("%s, keys: %s", language, diff)
		}
		for key, texts := range c.texts {
			if len(texts) > 1 != (len(english.texts[key]) > 1) {
				t.Errorf("%s %s: plural forms here or in English only", language, key)
			}
			for form, text := range texts {
				want, got := verbs(t, english.texts[key][len(english.texts[key])-1]), verbs(t, text)
				if len(texts) > 1 && form == 0 && !slices.Contains(got, "%[1]s") {
					got = append([]string{"%[1]s"}, got...) // "the file": one needs no number
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s %s: arguments %v, in English %v", language, key, got, want)
				}
			}
		}
	}
}

func verbs(t *testing.T, text string) (found []string) {
	for _, v := range verb.FindAllString(text, -1) {
		if v == "%" {
			t.Errorf("%q: write %%[1]s or %%%%", text)
		}
		if v != "%%" && !slices.Contains(found, v) {
			found = append(found, v)
		}
	}
	slices.Sort(found)
	return found
}

func TestPlural(t *testing.T) {
	english, russian := English(), must(t, "ru")
	for n, want := range map[uint64]string{
		0: "0 узлов", 1: "1 узел", 2: "2 узла", 4: "4 узла", 5: "5 узлов", 11: "11 узлов", 12: "12 узлов", 14: "14 узлов",
		21: "21 узел", 22: "22 узла", 25: "25 узлов", 100: "100 узлов", 101: "101 узел", 111: "111 узлов", 112: "112 узлов", 1021: "1\u00a0021 узел", 1000000: "1\u00a0000\u00a0000 узлов",
	} {
		if got := russian.Plural("hosts", n); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for n, want := range map[uint64]string{0: "0 hosts", 1: "1 host", 2: "2 hosts", 21: "21 hosts", 1234567: "1,234,567 hosts"} {
		if got := english.Plural("hosts", n); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	si, err := New("en", "si")
	if err != nil {
		t.Fatal(err)
	}
	russian := must(t, "ru")
	for _, test := range [][2]string{
		{si.Bytes(999), "999 B"}, {si.Bytes(1000), "1.0 kB"}, {si.Bytes(14_200_000_000), "14.2 GB"}, {si.Bytes(1<<64 - 1), "18.4 EB"},
		{English().Bytes(1536), "1.5 KiB"}, {English().Bytes(1<<64 - 1), "16.0 EiB"}, {English().Bytes(102400), "100 KiB"},
		{russian.Bytes(1536), "1,5 КиБ"}, {russian.Percent(0.333), "33,3%"}, {russian.Percent(0.0001), "<0,1%"}, {russian.Percent(0), "0,0%"},
		{si.Change(0.25), "+25%"}, {si.Change(-0.031), "-3.1%"}, {si.Change(-1), "-100%"}, {si.Change(30), "×31"}, {si.Change(0.0001), "±0%"},
	} {
		if test[0] != test[1] {
			t.Errorf("%q, want %q", test[0], test[1])
		}
	}
}

func must(t *testing.T, language string) *Catalogue {
	t.Helper()
	c, err := New(language, "iec")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRead(t *testing.T) {
	head := "plural = one-other\ndecimal = .\nthousands = ,\nunits.iec = B K M G T P E\n"
	for name, test := range map[string]struct{ text, want string }{
		"good":           {head + "# a remark\nhosts = one | many\n", ""},
		"no key":         {head + "hosts\n", "line 5"},
		"twice":          {head + "a = b\na = c\n", "line 6: a stands here twice"},
		"plural rule":    {strings.Replace(head, "one-other", "x", 1), "choose one of one-other, slavic"},
		"forms":          {head + "a = b | c | d\n", "a has 3 forms"},
		"units":          {strings.Replace(head, " E", "", 1), "units.iec has 6 words"},
		"nothing at all": {"", "plural"},
	} {
		_, err := Read(strings.NewReader(test.text), "xx", "iec")
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for text, want := range map[string]string{
		"hosts = %[1]s host | %[1]s hosts":  "",
		"hosts = one host | %[1]s hosts":    "",
		"text.gone = %[7]s":                 "",
		"mail.quiet = 100%% of %[1]s":       "",
		"mail.quiet = %[2]s":                "line 6: mail.quiet: there is no %[2]s; in English it is: Hours without flows: %[1]s.",
		"mail.quiet = %s":                   "line 6: mail.quiet: a percent sign is written %%",
		"hosts = %[1]s host | 100% hosts":   "line 6: hosts: a percent sign",
		"mail.quiet = %[1]s of %[1]d hours": "line 6: mail.quiet: a percent sign",
	} {
		c, err := Read(strings.NewReader(head+"a = b\n"+text+"\n"), "xx", "iec")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Fits(English()); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	own, err := Read(strings.NewReader(head+"hosts = one | many\n"), "xx", "iec")
	if err != nil {
		t.Fatal(err)
	}
	if got := own.With(must(t, "ru")).Plural("records", 3); got != "3 записи" {
		t.Errorf("what a catalogue lacks is said as %q", got)
	}
	if got := own.Text("no such key, 100%"); got != "no such key, 100%" {
		t.Errorf("%q", got)
	}
}
