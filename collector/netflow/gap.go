package netflow

// gap is a missing part of the sequence, from its first unit to that after its last.
type gap struct{ from, to uint32 }

// miss opens a gap. When there are too many the oldest is given up: what is
// missing there will hardly come any more.
func (q *sequence) miss(g gap) {
	if q.open == maxGaps {
		copy(q.gaps[:], q.gaps[1:])
		q.open--
	}
	q.gaps[q.open] = g
	q.open++
}

// fill closes what a late datagram brings and says how much of it was missing.
func (q *sequence) fill(part gap) (found uint32) {
	for i := 0; i < q.open; i++ {
		g := q.gaps[i]
		from, to := g.from, g.to
		if int32(part.from-from) > 0 {
			from = part.from
		}
		if int32(to-part.to) > 0 {
			to = part.to
		}
		if int32(to-from) <= 0 {
			continue
		}
		found += to - from
		left, right := gap{g.from, from}, gap{to, g.to}
		switch {
		case left.from == left.to && right.from == right.to:
			copy(q.gaps[i:], q.gaps[i+1:q.open])
			q.open--
			i--
		case left.from == left.to:
			q.gaps[i] = right
		case right.from == right.to:
			q.gaps[i] = left
		default:
			q.gaps[i] = left
			if q.open == maxGaps {
				copy(q.gaps[:], q.gaps[1:])
				q.open--
				i--
			}
			i++
			copy(q.gaps[i+1:], q.gaps[i:q.open])
			q.gaps[i] = right
			q.open++
		}
	}
	return found
}
