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

	owed     uint32 // counted as lost while the style was in doubt: see learn
	credit   credit
	rebooted bool // at this datagram the exporter's start-up time moved

	senders senders
}

const (
	maxGaps = 32
	proofs  = 3

	// stepBack is how far back a datagram of the same moment can be and still be a
	// late one. About a thousand datagrams. One that its header's time says to be
	// older is late however far back it is.
	stepBackRecords   = 30_000
	stepBackDatagrams = 1_000
	// latest is how much older the exporter's clock may be in an IPFIX message that
	// is late. Where it is older still, the clock was set back.
	latest = 600 * second

	// What a line can have carried and lost in a second, in the version's unit: an
	// export of 100 Mbit/s in records, of 190 in datagrams. A gap of more than that
	// for the time since the datagram before, and a quarter of a second's, is none:
	// the number is made up, or the exporter began anew somewhere else.
	recordRate   = 1 << 18
	datagramRate = 1 << 14

	// tolerance is how much start-up time may move without a restart, in
	// milliseconds: RouterOS sends whole seconds, and datagrams wait in queues.
	tolerance = 5_000
	// straggle is how long after a restart datagrams of the time before are awaited.
	straggle = 60 * second
)

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
	if q.senders.shared {
		q.either(&now, h.version)
		return Loss{Shared: true}
	}
	var late uint32
	if h.version == flow.IPFIX {
		late = q.learn(&now)
	}
	loss := q.place(now, h)
	loss.Late += late
	if loss != (Loss{}) {
		loss.Late += q.suspect(&now, &loss, h.version)
		q.rebooted = q.rebooted && !loss.Shared
	}
	return loss
}

// place finds where a datagram stands in the sequence.
func (q *sequence) place(now instant, h *header) Loss {
	first, size := now.sequence, q.style.size(now.units)
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
		if !q.credit.take(&q.newest, &now, h.version, uint32(ahead)) {
			return q.restart(now)
		}
		if h.version == flow.IPFIX && q.doubt > 0 {
			q.owed += uint32(ahead)
		}
		q.senders.other, q.senders.known = q.newest, true
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
	if now.isElsewhere(&q.newest, h.version, behind) {
		return q.restart(now)
	}
	if behind > q.span {
		q.span = behind // sent before the first one that came
		return Loss{Reordered: true}
	}
	if now.units.unknown || q.newest.units.unknown {
		return Loss{Reordered: true}
	}
	return Loss{Duplicate: true}
}

// isElsewhere says whether a datagram that is behind the newest one belongs to a
// new count, and is not late.
func (i *instant) isElsewhere(newest *instant, version flow.Version, behind uint32) bool {
	switch {
	case version == flow.IPFIX && newest.export-i.export > latest:
		return true
	case version == flow.IPFIX:
		return newest.export == i.export && behind > stepBackRecords
	case i.uptime != newest.uptime:
		return false
	}
	return behind > stepBackRecords || version == flow.V9 && behind > stepBackDatagrams
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
	*q = sequence{known: true, newest: at, style: q.style, against: q.against, credit: q.credit, senders: q.senders}
}

func (q *sequence) restart(now instant) Loss {
	*q = sequence{
		known: true, newest: now, span: q.style.size(now.units), style: q.style, against: q.against,
		before: q.newest, restored: true, began: now.received, credit: q.credit, senders: q.senders,
	}
	return Loss{Restart: true}
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

// credit bounds how many units are counted as lost by what the line can have
// carried. It is kept by the collector's clock, which nobody forges.
type credit struct {
	spent int64 // of the burst
	at    int64 // when
}

// take takes so many units since the newest datagram, unless they are too many.
func (c *credit) take(newest, now *instant, version flow.Version, lost uint32) bool {
	rate := int64(recordRate)
	if version == flow.V9 {
		rate = datagramRate
	}
	burst := rate / 4
	// An hour is longer than any pause that counts, and keeps the products in range.
	passed := func(since int64) int64 {
		return min(max(now.received-since, 0), 24*3600*second) / millisecond * rate / 1000
	}
	spent := max(0, c.spent-passed(c.at))
	over := int64(lost) - passed(newest.received)
	if spent+over > burst {
		return false
	}
	c.spent, c.at = max(0, spent+over), now.received
	return true
}
