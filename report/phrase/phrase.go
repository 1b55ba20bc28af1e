// Package phrase has the words of reports, by language. A catalogue is a text
// file of lines
//
//	key = text
//
// with # comments. Text has fmt's verbs with numbers, %[1]s, in any order, and %%
// for a percent sign. A text that depends on a count has its plural forms apart
// by " | ": as many as the rule of the key `plural` asks for, `one-other` (1; all
// else: English, German, Spanish) or `slavic` (1, 21; 2-4, 22-24; all else). The
// keys `decimal` and `thousands` say what stands in numbers; the word `space`
// stands for a no-break space.
package phrase

import (
	"bufio"
	"bytes"
	"embed"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

//go:embed *.phrases
var files embed.FS

// Catalogue is one language.
type Catalogue struct {
	// Language is its tag: en, ru.
	Language           string
	texts              map[string][]string
	lines              map[string]int // where the texts stand
	plural             func(n uint64) int
	decimal, thousands string
	units              [7]string // from B on
	step               float64   // from one unit to the next
	fallback           *Catalogue
}

// Languages are the tags of the languages that are built in, sorted.
func Languages() []string { return []string{"en", "ru"} }

// New is a language that is built in; units are iec (1 KiB is 1024 bytes) or si
// (1 kB is 1000).
func New(language, units string) (*Catalogue, error) {
	if !slices.Contains(Languages(), language) {
		return nil, fmt.Errorf("language %q: choose one of %s, or name a catalogue file", language, strings.Join(Languages(), ", "))
	}
	text, err := files.ReadFile(language + ".phrases")
	if err != nil {
		return nil, err
	}
	c, err := Read(bytes.NewReader(text), language, units)
	if err != nil || language == "en" {
		return c, err
	}
	c.fallback, err = New("en", units)
	return c, err
}

// English is what JSON and the log are written in.
func English() *Catalogue {
	c, err := New("en", "iec")
	if err != nil {
		panic(err) // the catalogue that is built in is wrong; a test reads it
	}
	return c
}

// With is c with English behind it, for what c does not say.
func (c *Catalogue) With(fallback *Catalogue) *Catalogue {
	copied := *c
	copied.fallback = fallback
	return &copied
}

var plurals = map[string]struct {
	forms int
	of    func(n uint64) int
}{
	"one-other": {2, func(n uint64) int {
		if n == 1 {
			return 0
		}
		return 1
	}},
	"slavic": {3, func(n uint64) int {
		switch {
		case n%10 == 1 && n%100 != 11:
			return 0
		case n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
			return 1
		}
		return 2
	}},
}

// Read reads a catalogue. Errors name the line.
func Read(r io.Reader, language, units string) (*Catalogue, error) {
	c := &Catalogue{Language: language, texts: map[string][]string{}, lines: map[string]int{}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		key, text, ok := strings.Cut(line, " = ")
		switch {
		case !ok:
			return nil, fmt.Errorf("catalogue %s: line %d: write key = text", language, n)
		case c.texts[key] != nil:
			return nil, fmt.Errorf("catalogue %s: line %d: %s stands here twice", language, n, key)
		}
		c.texts[key], c.lines[key] = strings.Split(strings.TrimSpace(text), " | "), n
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("catalogue %s: %w", language, err)
	}
	return c, c.prepare(units)
}

// prepare looks at what every catalogue must have, and at the plural forms.
func (c *Catalogue) prepare(units string) error {
	one := func(key string) string {
		if texts := c.texts[key]; len(texts) == 1 {
			return texts[0]
		}
		return ""
	}
	rule, ok := plurals[one("plural")]
	if !ok {
		return fmt.Errorf("catalogue %s: plural = %q: choose one of %s", c.Language, one("plural"), strings.Join(slices.Sorted(maps.Keys(plurals)), ", "))
	}
	c.plural = rule.of
	sign := func(key string) string { return strings.ReplaceAll(one(key), "space", "\u00a0") }
	if c.decimal, c.thousands = sign("decimal"), sign("thousands"); c.decimal == "" || c.thousands == "" {
		return fmt.Errorf("catalogue %s: decimal and thousands: both are needed", c.Language)
	}
	switch units {
	case "iec":
		c.step = 1024
	case "si":
		c.step = 1000
	default:
		return fmt.Errorf("units %q: choose iec or si", units)
	}
	if n := copy(c.units[:], strings.Fields(one("units."+units))); n != len(c.units) {
		return fmt.Errorf("catalogue %s: units.%s has %d words, not %d", c.Language, units, n, len(c.units))
	}
	for key, texts := range c.texts {
		if len(texts) != 1 && len(texts) != rule.forms {
			return fmt.Errorf("catalogue %s: %s has %d forms, and the language %d", c.Language, key, len(texts), rule.forms)
		}
	}
	return nil
}

// Keys are the keys of all texts, sorted.
func (c *Catalogue) Keys() []string { return slices.Sorted(maps.Keys(c.texts)) }

// Text is the text of a key with its arguments in it. A key that no language has
// is its own text.
func (c *Catalogue) Text(key string, args ...any) string {
	texts, _ := c.find(key)
	return fmt.Sprintf(texts[len(texts)-1], args...)
}

// Plural is the text of a key in the form that goes with n, which is the first
// argument, %[1]s, written as Number does.
func (c *Catalogue) Plural(key string, n uint64, args ...any) string {
	texts, of := c.find(key)
	form := texts[0]
	if len(texts) > 1 {
		form = texts[of.plural(n)]
	}
	return fmt.Sprintf(form, append([]any{c.Number(n)}, args...)...)
}

func (c *Catalogue) find(key string) ([]string, *Catalogue) {
	for of := c; of != nil; of = of.fallback {
		if texts := of.texts[key]; texts != nil {
			return texts, of
		}
	}
	return []string{strings.ReplaceAll(key, "%", "%%")}, c
}
