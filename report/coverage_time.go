package report

import (
	"context"
	"slices"
	"time"

	"nfacct/archive"
)

// Coverage holds the flows of a router against the counters of its outside interfaces
// over the same time.
type Coverage struct {
	From, To     time.Time     // of the first and the last reading that count
	Measured     time.Duration // between readings that count
	CounterBytes uint64        // in and out, layer 2
	FlowBytes    uint64        // layer 3: up, down, unattributed, transit twice, and the router's own tunnels
	LostRecords  uint64
	// Silent counts the quarter-hours without flows of the router in which others were
	// heard.
	Silent int
	// Left are times that do not count, oldest first.
	Left []LeftOut
	// Unread are times in which the router gave no reading though it was due; what
	// passed in them counts, unless the router was restarted.
	Unread []Span
}

// LeftOut is a time between two readings that does not count.
type LeftOut struct {
	Span
	Why LeftWhy
}

// Span is a time between two instants.
type Span struct{ From, To time.Time }

// LeftWhy is why a time does not count.
type LeftWhy string

// Why times are left out.
const (
	LeftRestart    LeftWhy = "restart"    // the router was restarted
	LeftReset      LeftWhy = "reset"      // counters were set back without a restart
	LeftWrap       LeftWhy = "wrap"       // a counter of 32 bits began anew
	LeftInterfaces LeftWhy = "interfaces" // other interfaces were outside before
	LeftFiles      LeftWhy = "files"      // no whole files of it: nothing was collected or imported
)

// Ratio is flow bytes by counter bytes. Layer 2 and what the router itself sends
// and receives make some percent that flows do not have.
func (c *Coverage) Ratio() float64 { return float64(c.FlowBytes) / float64(c.CounterBytes) }

// leastCoverage is the shortest time that says something: flows come late.
const leastCoverage = time.Hour

// Known says whether there is a figure. A counter of 32 bits that began anew once
// may have done so unseen too, which makes all it says too small.
func (c *Coverage) Known() bool {
	wrapped := slices.ContainsFunc(c.Left, func(l LeftOut) bool { return l.Why == LeftWrap })
	return c.CounterBytes > 0 && c.Measured >= leastCoverage && !wrapped
}

// ReadCoverage compares what a router's outside interfaces counted from one instant to
// another with the flows of the files that were received meanwhile; nil when no
// counters were read. What counts are times between two readings at the borders of
// whole files, so that both sides are of the same time.
func ReadCoverage(ctx context.Context, r archive.Routers, router string, from, to time.Time) (*Coverage, error) {
	readings, err := r.Readings(ctx, router, from, to)
	if err != nil || len(readings) == 0 {
		return nil, err
	}
	flows, err := r.FlowSlots(ctx, router, from, to)
	if err != nil {
		return nil, err
	}
	c := &Coverage{Unread: unread(readings, to)}
	c.measure(readings, flows)
	return c, nil
}

// nearBorder is how far from a quarter-hour's border a reading may be: the daemon
// looks for what is due once a minute, and a router takes some seconds.
const nearBorder = 90 * time.Second

// borderOf is the quarter-hour's border that a reading is at.
func borderOf(r *archive.Reading) (slot int64, ok bool) {
	slot = (r.At.Unix() + archive.SlotSeconds/2) / archive.SlotSeconds
	return slot, r.At.Sub(time.Unix(slot*archive.SlotSeconds, 0)).Abs() <= nearBorder
}

// since is what was counted between two readings, or why that is not known.
func since(r, before *archive.Reading) (grown uint64, why LeftWhy) {
	if r.Uptime > 0 && before.Uptime > 0 {
		const rounded = 2 * time.Second // both are whole seconds
		if booted := r.At.Add(-r.Uptime); booted.After(before.At.Add(rounded)) || r.Uptime < before.Uptime {
			return 0, LeftRestart
		}
	}
	if len(r.Counted) != len(before.Counted) {
		return 0, LeftInterfaces
	}
	for index, now := range r.Counted {
		was, known := before.Counted[index]
		if !known {
			return 0, LeftInterfaces
		}
		for i := range now {
			if now[i] < was[i] {
				if why = fallen(was[i], now[i]); why != "" {
					return 0, why
				}
			}
			grown += now[i] - was[i] // modulo 2^64, as the counter
		}
	}
	return grown, ""
}

// fallen is what may have made a counter smaller; nothing is to be said of one of
// 64 bits that was about to begin anew.
func fallen(was, now uint64) LeftWhy {
	switch {
	case was > 1<<63:
		return ""
	case was < 1<<32 && 1<<32-was+now < 1<<31:
		return LeftWrap
	}
	return LeftReset
}

// measure sums up what counts: from one reading at a border to the next, without
// a break in the counters, and with all files of that time.
func (c *Coverage) measure(readings []archive.Reading, flows map[int64]*archive.SlotFlows) {
	var first, last int64 // of the files
	for slot := range flows {
		if first == 0 || slot < first {
			first = slot
		}
		last = max(last, slot)
	}
	// A file beside a hole may be of a part of its time.
	whole := func(slot int64) bool {
		return flows[slot] != nil && flows[slot-1] != nil && (flows[slot+1] != nil || slot == last)
	}
	var begin *archive.Reading
	var grown uint64
	for i := range readings {
		r := &readings[i]
		if i > 0 {
			n, why := since(r, &readings[i-1])
			if grown += n; why != "" {
				from := readings[i-1].At
				if begin != nil {
					from = begin.At
				}
				c.leave(from, r.At, why)
				begin = nil
			}
		}
		to, ok := borderOf(r)
		if !ok {
			continue
		}
		if begin != nil {
			from, _ := borderOf(begin)
			hole := false
			for slot := from; slot < to; slot++ {
				hole = hole || !whole(slot)
			}
			switch {
			case from == to:
			case !hole:
				c.take(begin, r, grown, flows, from, to)
			case to > first && from <= last: // before and after there are none yet
				c.leave(begin.At, r.At, LeftFiles)
			}
		}
		begin, grown = r, 0
	}
}

// take counts the time between two readings.
func (c *Coverage) take(begin, end *archive.Reading, grown uint64, flows map[int64]*archive.SlotFlows, from, to int64) {
	if c.From.IsZero() {
		c.From = begin.At
	}
	c.To = end.At
	c.Measured += end.At.Sub(begin.At)
	c.CounterBytes += grown
	for slot := from; slot < to; slot++ {
		c.FlowBytes = plus(c.FlowBytes, flows[slot].Bytes)
		c.LostRecords = plus(c.LostRecords, flows[slot].Lost)
		if !flows[slot].Heard {
			c.Silent++
		}
	}
}

// leave notes a time that does not count, as part of one before if it goes on.
func (c *Coverage) leave(from, to time.Time, why LeftWhy) {
	if n := len(c.Left) - 1; n >= 0 && c.Left[n].Why == why && !c.Left[n].To.Before(from) {
		c.Left[n].To = to
		return
	}
	c.Left = append(c.Left, LeftOut{Span{from, to}, why})
}

// leastUnread is how long a router gives no reading before it is said.
const leastUnread = 30 * time.Minute

// unread are the times of more than twice the usual distance between readings, and
// of more than leastUnread.
func unread(readings []archive.Reading, to time.Time) (spans []Span) {
	var apart []time.Duration
	for i := 1; i < len(readings); i++ {
		apart = append(apart, readings[i].At.Sub(readings[i-1].At))
	}
	if len(apart) == 0 {
		return nil
	}
	usual := slices.Sorted(slices.Values(apart))[len(apart)/2]
	bound := max(2*usual, leastUnread)
	for i, d := range apart {
		if d > bound {
			spans = append(spans, Span{readings[i].At, readings[i+1].At})
		}
	}
	if last := readings[len(readings)-1].At; to.Sub(last) > bound {
		spans = append(spans, Span{last, to})
	}
	return spans
}
