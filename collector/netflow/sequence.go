package netflow

import "nfacct/collector/flow"

// units is what a datagram adds to its stream's sequence: records (v5, IPFIX) or
// one datagram (v9).
type units struct {
	data    uint32
	options uint32 // IPFIX records of options templates
	unknown bool   // and records that could not be counted
}

// instant is where a stream was at a datagram.
type instant struct {
	sequence uint32
	units    units
	uptime   uint32 // milliseconds, not in IPFIX
	export   int64  // Unix nanoseconds, the exporter's clock
	received int64  // Unix nanoseconds, the collector's clock
}

// sequence tells loss, reordering, duplicates and restarts apart. All arithmetic
// is modulo 2^32.
//
// A number greater than expected is a gap: its units are lost. Gaps stay open:
// what comes late and falls into one is taken back. A smaller number outside any
// gap is a duplicate, unless the exporter's clock has gone on, for then it has
// begun anew. So has an exporter whose start-up time moved (see moved).
type sequence struct {
	known  bool
	newest instant // the datagram furthest in the sequence
	span   uint32  // units from the first one that was seen to newest, up to 2^31
	style  style
	// How many datagrams style explained and another did not, up to proofs; and
	// how many in a row another one did and style did not.
	against [len(styles)]uint8
	doubt   uint8

	gaps [maxGaps]gap // the open ones, oldest first
	open int

	// The epoch before the last restart: a straggler of it is no restart.
	before   instant
	restored bool // before is set
	began    int64

	rebooted bool // at this datagram the exporter's start-up time moved
	shared   bool // two senders share the stream
}

// gap is a missing part of the sequence, from its first unit to that after its last.
type gap struct{ from, to uint32 }

const (
	maxGaps = 32
	proofs  = 3

	// stepBack is how far back a datagram can be and still be a late one. About a
	// thousand datagrams.
	stepBackRecords   = 30_000
	stepBackDatagrams = 1_000

	// A gap of more than gapBase + gapRate for each second is none: the exporter
	// began anew somewhere else.
	gapBase = 1 << 20
	gapRate = 1 << 18

	// tolerance is how much start-up time may move without a restart, in
	// milliseconds: RouterOS sends whole seconds, and datagrams wait in queues.
	tolerance = 5_000
	// straggle is how long after a restart datagrams of the time before are awaited.
	straggle = 60 * second
)

// style is how an IPFIX exporter numbers its messages. RFC 7011 section 3.1
// wants the count of all data records sent before the message, and RouterOS
// keeps to it. softflowd counts those of the message too, and never options
// records, and it is not alone; so the style is learnt from what adds up.
type style struct {
	including bool // the number includes the message's own records
	noOptions bool // records of options templates are not counted
}

var styles = [...]style{{}, {noOptions: true}, {including: true}, {including: true, noOptions: true}}

func (s style) size(u units) uint32 {
	if s.noOptions {
		return u.data
	}
	return u.data + u.options
}

// next is the number of the first unit after the newest datagram.
func (q *sequence) next() uint32 {
	if q.style.including {
		return q.newest.sequence
	}
	return q.newest.sequence + q.style.size(q.newest.units)
}

// account takes a datagram and says what its number tells.
func (q *sequence) account(h *header, u units) Loss {
	now := instant{h.sequence, u, h.uptime, h.export, h.received}
	q.rebooted = false
	if !q.known {
		q.known, q.newest, q.span = true, now, q.style.size(u)
		return Loss{}
	}
	if h.version == flow.IPFIX {
		q.learn(&now)
	}
	first, size := now.sequence, q.style.size(u)
	if q.style.including {
		first -= size
	}
	ahead := int32(first - q.next())
	if ahead == 0 || ahead > 0 && q.newest.units.unknown {
		// In order; or after a datagram whose records could not be counted, which
		// may well reach this far: no loss is made up.
		q.advance(now)
		return Loss{}
	}
	if h.version != flow.IPFIX && q.newest.moved(&now) {
		if q.restored && !q.before.moved(&now) && h.received-q.began < straggle {
			return Loss{Reordered: true}
		}
		loss := q.restart(now)
		q.rebooted = true
		return loss
	}
	if ahead > 0 {
		if !q.plausible(&now, uint32(ahead)) {
			return q.restart(now)
		}
		q.miss(gap{q.next(), first})
		q.advance(now)
		return Loss{Lost: uint32(ahead)}
	}

	if q.newest.precedes(&now, h.version) {
		return q.restart(now)
	}
	if size == 0 {
		return Loss{Reordered: true}
	}
	if late := q.fill(gap{first, first + size}); late > 0 {
		return Loss{Late: late, Reordered: true}
	}
	if int32(first+size-q.next()) > 0 {
		// Overlaps the newest one: an exporter that does not count as it should.
		q.advance(now)
		return Loss{}
	}
	behind := uint32(-int64(ahead))
	if behind > stepBackRecords || h.version == flow.V9 && behind > stepBackDatagrams {
		return q.restart(now)
	}
	if behind > q.span {
		q.span = behind // sent before the first one that came
		return Loss{Reordered: true}
	}
	if u.unknown || q.newest.units.unknown {
		return Loss{Reordered: true}
	}
	return Loss{Duplicate: true}
}

// advance makes now the newest datagram.
func (q *sequence) advance(now instant) {
	was := q.next()
	q.newest = now
	q.span = min(q.span+q.next()-was, 1<<31)
}

// seed sets where a carried datagram says that the stream is. What is known
// already, gaps included, stays when it says the same.
func (q *sequence) seed(h *header, u units) {
	at := instant{h.sequence, u, h.uptime, h.export, h.received}
	if q.known && !q.newest.units.unknown && !u.unknown {
		was := q.next()
		if q.style.including && was == at.sequence || !q.style.including && was == at.sequence+q.style.size(u) {
			return
		}
	}
	*q = sequence{known: true, newest: at, style: q.style, against: q.against}
}

func (q *sequence) restart(now instant) Loss {
	*q = sequence{
		known: true, newest: now, span: q.style.size(now.units), style: q.style, against: q.against,
		before: q.newest, restored: true, began: now.received,
	}
	return Loss{Restart: true}
}

// learn adopts another style when that one explains the number and the present
// one does not: at once while nothing spoke against it, else the third time in
// a row.
func (q *sequence) learn(now *instant) {
	var fits [len(styles)]bool
	for i, s := range styles {
		if s.including {
			fits[i] = !now.units.unknown && now.sequence == q.newest.sequence+s.size(now.units)
		} else {
			fits[i] = !q.newest.units.unknown && now.sequence == q.newest.sequence+s.size(q.newest.units)
		}
	}
	best := -1
	for i, s := range styles {
		if fits[i] && s == q.style {
			q.doubt = 0
			for i := range styles {
				if !fits[i] && q.against[i] < proofs {
					q.against[i]++
				}
			}
			return
		}
		if fits[i] && (best < 0 || q.against[i] < q.against[best]) {
			best = i
		}
	}
	if best < 0 {
		q.doubt = 0
		return
	}
	if q.doubt++; q.against[best] < proofs || q.doubt >= proofs {
		q.style, q.against, q.doubt, q.open = styles[best], [len(styles)]uint8{}, 0, 0
	}
}

// moved says whether the exporter's start-up time is another at now than it was
// at i. Uptime must disagree with both clocks: the collector's alone jumps when
// datagrams wait in a queue, the exporter's when NTP sets it.
func (i *instant) moved(now *instant) bool { return i.movedBy(now, tolerance) }

func (i *instant) movedBy(now *instant, slack int32) bool {
	ran := now.uptime - i.uptime
	disagrees := func(from, to int64) bool {
		d := int32(ran - uint32((to-from)/millisecond))
		return d > slack || d < -slack
	}
	return disagrees(i.export, now.export) && disagrees(i.received, now.received)
}

// precedes says whether now was certainly sent after i.
func (i *instant) precedes(now *instant, version flow.Version) bool {
	if version == flow.IPFIX {
		return now.export > i.export
	}
	return int32(now.uptime-i.uptime) > 0
}

// plausible says whether so many units can have been lost since the newest datagram.
func (q *sequence) plausible(now *instant, lost uint32) bool {
	passed := max(now.export-q.newest.export, now.received-q.newest.received, 0) / second
	return int64(lost) <= gapBase+passed*gapRate
}

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
