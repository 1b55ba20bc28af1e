package report

import (
	"math"
	"math/bits"
)

// plus adds two counters. No sum wraps: one beyond 64 bits stays at the largest number,
// and the books of its day say so.
func plus(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return math.MaxUint64
	}
	return sum
}
