package archive

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
)

// No sum of counters wraps: one that would go beyond 64 bits stays at the largest
// number, here and in the server, which would refuse the statement otherwise
// (error 1690): then one router's overflow would keep the rows of all from being
// loaded. A book with such a sum does not balance (see Archive.Books).

// plus adds two counters.
func plus(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return math.MaxUint64
	}
	return sum
}

// held is a sum of the server's, a DECIMAL, held at the largest number.
type held uint64

// Scan reads it.
func (h *held) Scan(value any) error {
	text, ok := value.([]byte)
	if !ok {
		return fmt.Errorf("a sum is %T", value)
	}
	n, err := strconv.ParseUint(string(text), 10, 64) // beyond its range it gives the largest
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return err
	}
	*h = held(n)
	return nil
}

// sumOf is SQL for the sum of columns over rows. Each column is summed by itself:
// SUM gives a DECIMAL, which has room for all, and + of two BIGINTs has not.
func sumOf(columns ...string) string {
	sql := "LEAST("
	for i, column := range columns {
		if i > 0 {
			sql += " + "
		}
		sql += "COALESCE(SUM(" + column + "), 0)"
	}
	return sql + ", 18446744073709551615)"
}

// moreOf is SQL that adds the value of an INSERT to the column that is there.
func moreOf(column string) string {
	return column + " = " + column + " + LEAST(VALUES(" + column + "), 18446744073709551615 - " + column + ")"
}
