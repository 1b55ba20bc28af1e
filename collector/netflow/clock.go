package netflow

import (
	"math"

	"nfacct/collector/flow"
)

const millisecond = 1_000_000 // nanoseconds

// uptimes turns the start and end of a flow, in milliseconds since the
// exporter's start, into Unix nanoseconds, given the exporter's uptime at the
// time of export. The counters wrap every 49.7 days, so only their signed
// 32-bit differences mean anything. A flow that ends before it starts (seen
// from RouterOS 6.3x) is given no duration: the difference would be 49 days.
func uptimes(export int64, uptime, first, last uint32) (start, end int64) {
	end = export - int64(int32(uptime-last))*millisecond
	length := int32(last - first)
	if length < 0 {
		length = 0
	}
	return end - int64(length)*millisecond, end
}

// milliseconds gives Unix nanoseconds; what int64 cannot hold (the year 2262
// and after) becomes the greatest value that it can.
func milliseconds(v uint64) int64 {
	if v > math.MaxInt64/millisecond {
		return math.MaxInt64
	}
	return int64(v) * millisecond
}

func microseconds(v uint64) int64 {
	if v > math.MaxInt64/1000 {
		return math.MaxInt64
	}
	return int64(v) * 1000
}

// ntp turns the form of elements 154 to 157 into Unix nanoseconds: seconds since
// 1900 and a 32-bit fraction (RFC 7011, sections 6.1.9 and 6.1.10). Seconds
// before 1970 are of NTP's next era, which begins in 2036.
func ntp(v uint64) int64 {
	const epoch = 2_208_988_800 // seconds from 1900 to 1970
	seconds := int64(v>>32) - epoch
	if seconds < 0 {
		seconds += 1 << 32
	}
	return seconds*second + int64((v&0xffffffff)*second>>32)
}

// boot estimates when an IPFIX exporter started that never says so (RouterOS 6
// sends neither uptime nor element 160). Every flow was exported after its end,
// so start-up was at most at export time - flow end, and the least of these
// differences comes closest. It is later than the truth by the shortest delay
// between a flow's last packet and its export: next to nothing once a flow was
// exported by the active timeout, else the inactive timeout (15 s).
//
// Only the last ten to twenty minutes count, so that a step of the exporter's
// clock is forgotten. Values are milliseconds modulo 2^32, as uptime is.
type boot struct {
	known         bool
	current, past uint32 // least of this and of the previous period
	since         int64  // start of this period, Unix nanoseconds
}

const bootPeriod = 600 * second

// observe takes the least difference of one datagram.
func (b *boot) observe(least uint32, export int64) {
	age := export - b.since
	switch {
	case !b.known || age < -bootPeriod || age > 2*bootPeriod:
		*b = boot{known: true, current: least, past: least, since: export}
	case age > bootPeriod:
		b.past, b.current, b.since = b.current, least, export
	case int32(least-b.current) < 0:
		b.current = least
	}
}

// uptime is what the exporter's uptime would have been at the time of export.
func (b *boot) uptime(export int64) uint32 {
	start := b.current
	if int32(b.past-start) < 0 {
		start = b.past
	}
	return uint32(export/millisecond) - start
}

// settle gives a record its times from the elements that its template has.
// Absolute elements were stored in r by the record's plan.
func (p *plan) settle(r *flow.Record, w *work) {
	switch p.clock {
	case uptimeClock:
		if p.onlyStart {
			w.last = w.first
		} else if p.onlyEnd {
			w.first = w.last
		}
		if w.h.version == flow.V9 {
			r.Start, r.End = uptimes(w.h.export, w.h.uptime, w.first, w.last)
			break
		}
		if p.hasInit {
			r.Start, r.End = uptimes(w.h.export, uint32(uint64(w.h.export/millisecond)-w.init), w.first, w.last)
			break
		}
		// Not known before the whole datagram was read: see Decoder.estimate.
		r.Start, r.End = int64(w.first), int64(w.last)
		r.Has |= flow.EstimatedTime
		w.pending = true
		if least := uint32(w.h.export/millisecond) - w.last; !w.ended || int32(least-w.least) < 0 {
			w.least, w.ended = least, true
		}
	case absoluteClock:
		p.complete(r, w)
	case observedClock:
		r.Start, r.End = w.observed, w.observed
		r.Has |= flow.EstimatedTime
	default:
		r.Start, r.End = w.h.export, w.h.export
		r.Has |= flow.EstimatedTime
	}
}

// complete finds the time that an exporter left out, from a duration or, for
// want of better, the time of observation or export.
func (p *plan) complete(r *flow.Record, w *work) {
	switch {
	case !p.hasEnd && p.hasDuration:
		r.End = later(r.Start, w.duration)
	case !p.hasEnd && p.hasObserved:
		r.End = max(r.Start, w.observed)
	case !p.hasEnd:
		r.End = max(r.Start, w.h.export)
	case !p.hasStart && p.hasDuration:
		r.Start = r.End - w.duration
	case !p.hasStart:
		r.Start = r.End
	}
	if r.Start > r.End {
		r.Start = r.End
	}
}

func later(t, by int64) int64 {
	if t > math.MaxInt64-by {
		return math.MaxInt64
	}
	return t + by
}

// estimate gives the records of an IPFIX datagram that hold bare uptimes their
// times, by the start-up time that an options record gave, or by estimate.
func (d *Decoder) estimate(s *stream, h *header, records []flow.Record) {
	w := &d.work
	if !w.pending {
		return
	}
	s.boot.observe(w.least, h.export)
	uptime := s.boot.uptime(h.export)
	if s.hasInit {
		uptime = uint32(uint64(h.export/millisecond) - s.init)
	}
	for i := range records {
		r := &records[i]
		if r.Has&flow.EstimatedTime == 0 || r.Has&(flow.HasStart|flow.HasEnd) == 0 {
			continue
		}
		r.Start, r.End = uptimes(h.export, uptime, uint32(r.Start), uint32(r.End))
		if s.hasInit {
			r.Has &^= flow.EstimatedTime
		}
	}
}
