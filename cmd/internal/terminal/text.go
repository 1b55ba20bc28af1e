package terminal

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"nfacct/report/phrase"
)

// english has the one way to write numbers.
var english = sync.OnceValue(phrase.English)

// Number writes a count with its thousands apart: 1,234,567.
func Number[N int | int64 | uint64](n N) string {
	if n < 0 {
		return "-" + english().Number(uint64(-n))
	}
	return english().Number(uint64(n))
}

// Bytes writes a number of bytes, in IEC units and at most 8 columns: 512 B,
// 1.5 KiB, 37.2 MiB, 1000 GiB.
func Bytes(n uint64) string { return english().Bytes(n) }

// Plural writes a number of things that have a regular plural: 1 file, 2 files.
func Plural[N int | int64 | uint64](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return Number(n) + " " + thing
}

// Printable writes each character that a terminal would act upon as \x1b and the
// like: an error may name files, and repeat texts of others. Lines stay lines.
func Printable(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}
