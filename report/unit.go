package report

import (
	"fmt"
	"strconv"
)

// Bytes writes a number of bytes for people, in IEC units and at most 8 columns:
// 512 B, 1.5 KiB, 37.2 MiB, 1000 GiB.
func Bytes(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10) + " B"
	}
	value := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} {
		value /= 1024
		switch {
		case value < 99.95:
			return fmt.Sprintf("%.1f %s", value, unit)
		case value < 1023.5 || unit == "EiB":
			return fmt.Sprintf("%.0f %s", value, unit)
		}
	}
	panic("a uint64 is at most 16 EiB")
}

// Number writes a count with its thousands apart: 1,234,567.
func Number(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	out := make([]byte, 0, 26)
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, digits[i])
	}
	return string(out)
}

// decimal writes a count as it is.
func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
