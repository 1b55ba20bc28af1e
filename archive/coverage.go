package archive

import (
	"context"
	"math"
	"path"
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

// Reading is what the outside interfaces of a router had counted at an instant.
type Reading struct {
	At      time.Time
	Uptime  time.Duration        // of the router; 0: not known
	Counted map[uint32][2]uint64 // bytes in and out, by ifIndex
}

// SlotFlows is what the files of a quarter-hour have of a router.
type SlotFlows struct {
	Heard bool
	Bytes uint64 // layer 3: up, down, unattributed, transit twice, and the router's own tunnels
	Lost  uint64 // records
}

// Readings are the readings of a router's counters between two instants, oldest first.
func (r Routers) Readings(ctx context.Context, router string, from, to time.Time) (readings []Reading, err error) {
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
		if n := len(readings); n == 0 || !readings[n-1].At.Equal(r.at) {
			readings = append(readings, Reading{At: r.at, Uptime: r.uptime, Counted: map[uint32][2]uint64{}})
		}
		readings[len(readings)-1].Counted[r.Index] = [2]uint64{r.RxBytes, r.TxBytes}
		return nil
	}, id, from.UTC(), to.UTC())
	return readings, err
}

// FlowSlots are the quarter-hours (Unix time by SlotSeconds) of which there are spool files, by the time in
// their names, with what these have of a router.
func (r Routers) FlowSlots(ctx context.Context, router string, from, to time.Time) (map[int64]*SlotFlows, error) {
	id, err := r.ID(ctx, router)
	if err != nil {
		return nil, err
	}
	slots := map[int64]*SlotFlows{}
	slotOf := func(file string) *SlotFlows {
		stamp, _, _ := strings.Cut(path.Base(file), ".")
		start, err := time.Parse("20060102T150405Z", stamp)
		if err != nil || start.Before(from.Add(-time.Hour)) || !start.Before(to) {
			return nil
		}
		slot := start.Unix() / SlotSeconds
		if slots[slot] == nil {
			slots[slot] = &SlotFlows{}
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
			s.Heard = true
			s.Bytes = plus(s.Bytes, r.bytes)
			s.Lost = plus(s.Lost, r.lost)
		}
		return nil
	}, id, from.AddDate(0, 0, -1).UTC(), to.AddDate(0, 0, 1).UTC())
	return slots, err
}
