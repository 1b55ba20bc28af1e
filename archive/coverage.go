package archive

import (
	"context"
	"math"
	"path"
	"slices"
	"strings"
	"time"
)

// Counter is what an interface had counted at an instant.
type Counter struct {
	Index            uint32
	RxBytes, TxBytes uint64
}

// counterDays is how long counters are kept.
const counterDays = 40

// NoteCounters notes what a router's interfaces had counted at an instant, when it
// had been up for so long; 0 is not known.
func (r Routers) NoteCounters(ctx context.Context, router string, at time.Time, uptime time.Duration, counters []Counter) error {
	doing := "counters of " + router
	id, err := r.ID(ctx, router)
	if err != nil {
		return err
	}
	at = at.UTC().Truncate(time.Second)
	if uptime > 0 {
		err := r.a.exec(ctx, doing, "REPLACE INTO router_uptimes (router, at, uptime) VALUES (?, ?, ?)", id, at, min(int64(uptime/time.Second), math.MaxUint32))
		if err != nil {
			return err
		}
	}
	for _, c := range counters {
		err := r.a.exec(ctx, doing, "REPLACE INTO interface_counters (router, ifindex, at, rx_bytes, tx_bytes) VALUES (?, ?, ?, ?, ?)",
			id, c.Index, at, c.RxBytes, c.TxBytes)
		if err != nil {
			return err
		}
	}
	for _, table := range []string{"interface_counters", "router_uptimes"} {
		if err := r.a.exec(ctx, doing, "DELETE FROM "+table+" WHERE router = ? AND at < ?", id, at.AddDate(0, 0, -counterDays)); err != nil {
			return err
		}
	}
	return nil
}

// Coverage is what flows say of a router's outside interfaces, beside what these
// say themselves over the same time.
type Coverage struct {
	From, To     time.Time     // of the first and the last reading that count
	Measured     time.Duration // between readings that count
	CounterBytes uint64        // in and out, layer 2
	FlowBytes    uint64        // layer 3: up, down, unattributed, transit twice, and the router's own tunnels
	LostRecords  uint64
	// Silent is how many quarter-hours, of those that count, have no flows of the
	// router though others were heard.
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

// Coverage compares what a router's outside interfaces counted from one instant to
// another with the flows of the files that were received meanwhile; nil when no
// counters were read. What counts are times between two readings at the borders of
// whole files, so that both sides are of the same time.
func (r Routers) Coverage(ctx context.Context, router string, from, to time.Time) (*Coverage, error) {
	readings, err := r.readings(ctx, router, from, to)
	if err != nil || len(readings) == 0 {
		return nil, err
	}
	flows, err := r.flowSlots(ctx, router, from, to)
	if err != nil {
		return nil, err
	}
	c := &Coverage{Unread: unread(readings, to)}
	c.measure(readings, flows)
	return c, nil
}

func (r Routers) readings(ctx context.Context, router string, from, to time.Time) (readings []reading, err error) {
	id, err := r.ID(ctx, router)
	if err != nil {
		return nil, err
	}
	type row struct {
		Counter
		at     time.Time
		uptime time.Duration
	}
	err = each(ctx, r.a.db, "counters of "+router, "SELECT at, ifindex, rx_bytes, tx_bytes, COALESCE(uptime, 0) * 1000000000 FROM interface_counters LEFT JOIN router_uptimes USING (router, at) WHERE router = ? AND at BETWEEN ? AND ? ORDER BY at", func(r *row) []any {
		return []any{&r.at, &r.Index, &r.RxBytes, &r.TxBytes, &r.uptime}
	}, func(r *row) error {
		if n := len(readings); n == 0 || !readings[n-1].at.Equal(r.at) {
			readings = append(readings, reading{at: r.at, uptime: r.uptime, counted: map[uint32][2]uint64{}})
		}
		readings[len(readings)-1].counted[r.Index] = [2]uint64{r.RxBytes, r.TxBytes}
		return nil
	}, id, from.UTC(), to.UTC())
	return readings, err
}

// flowSlots are the quarter-hours of which there are spool files, by the time in
// their names, with what these have of a router.
func (r Routers) flowSlots(ctx context.Context, router string, from, to time.Time) (map[int64]*slotFlows, error) {
	id, err := r.ID(ctx, router)
	if err != nil {
		return nil, err
	}
	slots := map[int64]*slotFlows{}
	slotOf := func(file string) *slotFlows {
		stamp, _, _ := strings.Cut(path.Base(file), ".")
		start, err := time.Parse("20060102T150405Z", stamp)
		if err != nil || start.Before(from.Add(-time.Hour)) || !start.Before(to) {
			return nil
		}
		slot := start.Unix() / SlotSeconds
		if slots[slot] == nil {
			slots[slot] = &slotFlows{}
		}
		return slots[slot]
	}
	names, err := r.a.Reader().LoadedNames(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		slotOf(name)
	}
	type row struct {
		file        string
		bytes, lost uint64
	}
	err = each(ctx, r.a.db, "flows of "+router, `SELECT file, `+sumOf("up_bytes", "down_bytes", "unattributed_bytes", "transit_bytes", "transit_bytes", "uplink_local_bytes")+", "+sumOf("lost_records")+`
FROM books JOIN imports ON imports.id = books.import
WHERE router = ? AND day BETWEEN ? AND ? AND state = 'loaded' GROUP BY file`, func(r *row) []any { return []any{&r.file, &r.bytes, &r.lost} }, func(r *row) error {
		if s := slotOf(r.file); s != nil {
			s.heard = true
			s.bytes = plus(s.bytes, r.bytes)
			s.lost = plus(s.lost, r.lost)
		}
		return nil
	}, id, from.AddDate(0, 0, -1).UTC(), to.AddDate(0, 0, 1).UTC())
	return slots, err
}
