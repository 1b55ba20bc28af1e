package archive

import (
	"slices"
	"time"
)

// reading is what the outside interfaces had counted at an instant.
type reading struct {
	at      time.Time
	uptime  time.Duration        // of the router; 0: not known
	counted map[uint32][2]uint64 // bytes in and out, by ifIndex
}

// slotFlows is what the files of a quarter-hour have of a router.
type slotFlows struct {
	heard       bool
	bytes, lost uint64
}

// nearBorder is how far from a quarter-hour's border a reading may be: the daemon
// looks for what is due once a minute, and a router takes some seconds.
const nearBorder = 90 * time.Second

// border is the quarter-hour's border that a reading is at.
func (r *reading) border() (slot int64, ok bool) {
	slot = (r.at.Unix() + SlotSeconds/2) / SlotSeconds
	return slot, r.at.Sub(time.Unix(slot*SlotSeconds, 0)).Abs() <= nearBorder
}

// since is what was counted between two readings, or why nobody knows.
func (r *reading) since(before *reading) (grown uint64, why LeftWhy) {
	if r.uptime > 0 && before.uptime > 0 {
		const rounded = 2 * time.Second // both are whole seconds
		if booted := r.at.Add(-r.uptime); booted.After(before.at.Add(rounded)) || r.uptime < before.uptime {
			return 0, LeftRestart
		}
	}
	if len(r.counted) != len(before.counted) {
		return 0, LeftInterfaces
	}
	for index, now := range r.counted {
		was, known := before.counted[index]
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
func (c *Coverage) measure(readings []reading, flows map[int64]*slotFlows) {
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
	var begin *reading
	var grown uint64
	for i := range readings {
		r := &readings[i]
		if i > 0 {
			n, why := r.since(&readings[i-1])
			if grown += n; why != "" {
				from := readings[i-1].at
				if begin != nil {
					from = begin.at
				}
				c.leave(from, r.at, why)
				begin = nil
			}
		}
		to, ok := r.border()
		if !ok {
			continue
		}
		if begin != nil {
			from, _ := begin.border()
			hole := false
			for slot := from; slot < to; slot++ {
				hole = hole || !whole(slot)
			}
			switch {
			case from == to:
			case !hole:
				c.take(begin, r, grown, flows, from, to)
			case to > first && from <= last: // before and after there are none yet
				c.leave(begin.at, r.at, LeftFiles)
			}
		}
		begin, grown = r, 0
	}
}

// take counts the time between two readings.
func (c *Coverage) take(begin, end *reading, grown uint64, flows map[int64]*slotFlows, from, to int64) {
	if c.From.IsZero() {
		c.From = begin.at
	}
	c.To = end.at
	c.Measured += end.at.Sub(begin.at)
	c.CounterBytes += grown
	for slot := from; slot < to; slot++ {
		c.FlowBytes = plus(c.FlowBytes, flows[slot].bytes)
		c.LostRecords = plus(c.LostRecords, flows[slot].lost)
		if !flows[slot].heard {
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
func unread(readings []reading, to time.Time) (spans []Span) {
	var apart []time.Duration
	for i := 1; i < len(readings); i++ {
		apart = append(apart, readings[i].at.Sub(readings[i-1].at))
	}
	if len(apart) == 0 {
		return nil
	}
	usual := slices.Sorted(slices.Values(apart))[len(apart)/2]
	bound := max(2*usual, leastUnread)
	for i, d := range apart {
		if d > bound {
			spans = append(spans, Span{readings[i].at, readings[i+1].at})
		}
	}
	if last := readings[len(readings)-1].at; to.Sub(last) > bound {
		spans = append(spans, Span{last, to})
	}
	return spans
}
