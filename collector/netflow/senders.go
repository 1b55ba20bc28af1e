package netflow

import "nfacct/collector/flow"

// senders finds out that two exporters send under one address, port and source id:
// behind one NAT, or one that was copied. Their numbers belong to two counts, so
// that nothing can be said about loss. It shows in that the count begins anew
// within seconds again and again, or that datagrams go on, to the number, from
// where the count was before it jumped.
type senders struct {
	other    instant // the newest datagram of the count that is not sequence.newest's
	known    bool    // other is set
	evidence uint8
	mark     uint32 // the count's place at the last evidence
	at       int64  // of the last evidence, by the collector's clock
	owed     uint32 // counted as lost over far gaps since
	shared   bool
}

const (
	// enough evidence that two share a stream: four times that a count is resumed
	// that had ended, or sixteen that one goes on which may only be late.
	enough  = 16
	strong  = 4
	restful = 10 * second  // no exporter begins anew more often, time and again
	forget  = 600 * second // how long evidence counts
)

// isFar says whether a datagram is so far behind that it is hardly a late one.
func (i *instant) isFar(newest *instant, version flow.Version) bool {
	behind := newest.sequence - i.sequence
	return behind > stepBackRecords || version == flow.V9 && behind > stepBackDatagrams
}

// follows says whether now is the next in a count after i.
func (q *sequence) follows(i, now *instant) bool {
	if q.style.including {
		return now.sequence-q.style.size(now.units) == i.sequence
	}
	return now.sequence == i.sequence+q.style.size(i.units)
}

// suspect weighs a datagram that was not in order. When it becomes clear that
// there are two senders, what was missing is not lost: it is returned.
func (q *sequence) suspect(now *instant, loss *Loss, version flow.Version) (late uint32) {
	s := &q.senders
	if now.received-s.at > forget {
		s.evidence, s.owed = 0, 0
	}
	if loss.Lost > stepBackRecords || version == flow.V9 && loss.Lost > stepBackDatagrams {
		s.owed, s.at = s.owed+loss.Lost, now.received
	}
	s.owed -= min(s.owed, loss.Late)
	weight := uint8(0)
	resumed := s.known && q.follows(&s.other, now)
	switch {
	case loss.Restart:
		if s.known && (resumed || now.received-s.at < restful) {
			weight = strong
		}
		s.other, s.known, s.at = q.before, true, now.received
	case loss.Late > 0:
		// Not where it is near, for then it is late, in whatever order it comes.
		if resumed && now.isFar(&q.newest, version) {
			weight = 1
			s.other = *now
		}
	case loss.Reordered && version != flow.IPFIX && q.newest.moved(now): // a straggler, or another exporter
		if resumed {
			weight = strong
		}
		s.other, s.known = *now, true
	}
	if weight == 0 || s.mark == q.newest.sequence && !loss.Restart {
		return 0 // the two take turns
	}
	s.at, s.mark = now.received, q.newest.sequence
	if s.evidence = min(s.evidence+weight, enough); s.evidence == enough {
		s.shared = true
		late, s.owed, q.open = s.owed, 0, 0
		*loss = Loss{Shared: true, Late: loss.Late}
	}
	return late
}

// either places a datagram in one of the two counts: that which it continues, else
// that which it is nearer to. When only one has gone on for long there are no two
// any more.
func (q *sequence) either(now *instant, version flow.Version) {
	s := &q.senders
	isOther := q.follows(&s.other, now)
	if !isOther && !q.follows(&q.newest, now) {
		moved := q.newest.moved(now)
		if version != flow.IPFIX && s.other.moved(now) != moved {
			isOther = moved
		} else {
			isOther = q.other(now)
		}
	}
	silent := s.other.received
	if isOther {
		silent = q.newest.received
		s.other = *now
	} else {
		q.newest = *now
	}
	if now.received-silent > forget {
		q.newest, q.senders = *now, senders{}
	}
}

// other says whether a number is nearer to the other count.
func (q *sequence) other(now *instant) bool {
	from := func(i *instant) uint32 { return min(now.sequence-i.sequence, i.sequence-now.sequence) }
	return from(&q.senders.other) < from(&q.newest)
}
