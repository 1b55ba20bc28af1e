package phrase

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var argument = regexp.MustCompile(`%(\[\d+\]s|%)?`)

// Fits says what is wrong with the arguments in a catalogue's texts: one that
// English does not have at that place would be shown as an error of fmt. What
// English does not know at all is left over from another version, and never used.
func (c *Catalogue) Fits(english *Catalogue) error {
	keys := slices.SortedFunc(maps.Keys(c.texts), func(a, b string) int { return cmp.Compare(c.lines[a], c.lines[b]) })
	for _, key := range keys {
		known := english.texts[key]
		if known == nil {
			continue
		}
		// The form of one may be without the number.
		has := argument.FindAllString(strings.Join(known, " "), -1)
		for _, found := range argument.FindAllString(strings.Join(c.texts[key], " "), -1) {
			switch {
			case found == "%":
				return fmt.Errorf("catalogue %s: line %d: %s: a percent sign is written %%%%, an argument %%[1]s", c.Language, c.lines[key], key)
			case found != "%%" && !slices.Contains(has, found):
				return fmt.Errorf("catalogue %s: line %d: %s: there is no %s; in English it is: %s", c.Language, c.lines[key], key, found, strings.Join(known, " | "))
			}
		}
	}
	return nil
}
