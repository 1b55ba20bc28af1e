package phrase

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Number writes a count with its thousands apart: 1,234,567.
func (c *Catalogue) Number(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var out strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteString(c.thousands)
		}
		out.WriteByte(digits[i])
	}
	return out.String()
}

// Bytes writes a number of bytes for people, in at most 8 columns: 512 B, 1.5 KiB,
// 37.2 MiB, 1000 GiB.
func (c *Catalogue) Bytes(n uint64) string {
	if float64(n) < c.step {
		return strconv.FormatUint(n, 10) + " " + c.units[0]
	}
	value := float64(n)
	for _, unit := range c.units[1:] {
		value /= c.step
		switch {
		case value < 99.95:
			return c.Decimal(value, 1) + " " + unit
		case value < c.step-0.5:
			return c.Decimal(value, 0) + " " + unit
		}
	}
	return c.Decimal(value, 0) + " " + c.units[len(c.units)-1]
}

// Decimal writes a number with so many digits behind the point.
func (c *Catalogue) Decimal(value float64, digits int) string {
	return strings.Replace(strconv.FormatFloat(value, 'f', digits, 64), ".", c.decimal, 1)
}

// Percent writes a part of the whole, 0 to 1, with one digit; what is not nothing
// is never written as 0.0%.
func (c *Catalogue) Percent(share float64) string {
	p := 100 * share
	if p > 0 && p < 0.1 {
		return "<" + c.Decimal(0.1, 1) + "%"
	}
	return c.Decimal(p, 1) + "%"
}

// Change writes how much more something is, as a part of what it was: +25 %, -3.1 %,
// and from twenty times on as a factor: ×31.
func (c *Catalogue) Change(change float64) string {
	switch p := 100 * change; {
	case change >= 19:
		return "×" + c.Decimal(change+1, 0)
	case math.Abs(p) < 0.05:
		return "±0%"
	case math.Abs(p) < 9.95:
		return fmt.Sprintf("%s%s%%", sign(p), c.Decimal(math.Abs(p), 1))
	default:
		return fmt.Sprintf("%s%s%%", sign(p), c.Decimal(math.Abs(p), 0))
	}
}

func sign(value float64) string {
	if value < 0 {
		return "-"
	}
	return "+"
}

// Weekday is a day's name, beginning as in the middle of a sentence.
func (c *Catalogue) Weekday(day time.Weekday) string {
	return c.Text("weekday." + strconv.Itoa(int(day)))
}

// Month is a month's name with its year: November 2026, ноябрь 2026.
func (c *Catalogue) Month(month time.Month, year int) string {
	return c.Text("month."+strconv.Itoa(int(month))) + " " + strconv.Itoa(year)
}
