package phrase

import (
	"strings"
	"testing"
)

// A catalogue that somebody wrote: one that is accepted has a text for every key of
// English and no argument that would be shown as an error.
func FuzzCatalogue(f *testing.F) {
	const head = "plural = one-other\ndecimal = .\nthousands = space\nunits.iec = B KiB MiB GiB TiB PiB EiB\nunits.si = B kB MB GB TB PB EB\n"
	for _, text := range []string{head, head + "total = %[1]s\n", head + "total = 100 %\n", head + "total = %[9]s", "a = b | c | d", "# x\n\n = ", head + "total = %d"} {
		f.Add(text)
	}
	english := English()
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Read(strings.NewReader(text), "xx", "iec")
		if err != nil || c.Fits(english) != nil {
			return
		}
		own := c.With(english)
		for _, key := range english.Keys() {
			args := make([]any, 9)
			for i := range args {
				args[i] = "x"
			}
			for _, shown := range []string{own.Text(key, args...), own.Plural(key, 2, args[1:]...)} {
				if strings.Contains(shown, "%!") && !strings.Contains(shown, "%!(EXTRA") {
					t.Errorf("%s is shown as %q", key, shown)
				}
			}
		}
	})
}
