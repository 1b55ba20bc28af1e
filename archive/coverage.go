package archive

import (
	"context"
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

// NoteCounters notes what a router's interfaces had counted at an instant.
func (a *Archive) NoteCounters(ctx context.Context, router string, at time.Time, counters []Counter) error {
	doing := "counters of " + router
	id, err := a.RouterID(ctx, router)
	if err != nil {
		return err
	}
	for _, c := range counters {
		err := a.exec(ctx, doing, "REPLACE INTO interface_counters (router, ifindex, at, rx_bytes, tx_bytes) VALUES (?, ?, ?, ?, ?)",
			id, c.Index, at.UTC().Truncate(time.Second), c.RxBytes, c.TxBytes)
		if err != nil {
			return err
		}
	}
	return a.exec(ctx, doing, "DELETE FROM interface_counters WHERE router = ? AND at < ?", id, at.UTC().AddDate(0, 0, -counterDays))
}

// Coverage is what flows say of a router's outside interfaces, beside what these
// say themselves.
type Coverage struct {
	From, To     time.Time // of the counters
	CounterBytes uint64    // in and out, layer 2
	FlowBytes    uint64    // layer 3: up, down, unattributed, and transit twice
	LostRecords  uint64
}

// Ratio is flow bytes by counter bytes. Layer 2 and what the router itself sends
// and receives make some percent that flows do not have.
func (c Coverage) Ratio() float64 { return float64(c.FlowBytes) / float64(c.CounterBytes) }

// sample is the sum over the outside interfaces at an instant.
type sample struct {
	at     time.Time
	rx, tx map[uint32]uint64
}

// leastCoverage is the shortest time that says something: files are counted
// whole, and flows come late.
const leastCoverage = time.Hour

// Coverage compares what a router's outside interfaces counted from one instant to
// another with the flows of the files that were received meanwhile; nil when
// there is no hour between readings, or no flows. A restart, or another set of
// interfaces, leaves out the time between the two readings around it.
func (a *Archive) Coverage(ctx context.Context, router string, from, to time.Time) (*Coverage, error) {
	samples, err := a.counters(ctx, router, from, to)
	if err != nil || len(samples) < 2 {
		return nil, err
	}
	files, err := a.flowFiles(ctx, router, from, to)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	// Files hold a quarter-hour from the time in their names on.
	end := files[len(files)-1].start.Add(SlotSeconds * time.Second)
	for len(samples) > 0 && samples[len(samples)-1].at.After(end.Add(time.Minute)) {
		samples = samples[:len(samples)-1]
	}
	for len(samples) > 0 && samples[0].at.Before(files[0].start.Add(-time.Minute)) {
		samples = samples[1:]
	}
	c := &Coverage{}
	var measured time.Duration
	for i := 1; i < len(samples); i++ {
		before, later := samples[i-1], samples[i]
		grown, ok := later.since(before)
		if !ok {
			continue
		}
		if c.From.IsZero() {
			c.From = before.at
		}
		c.To = later.at
		c.CounterBytes += grown
		measured += later.at.Sub(before.at)
		for _, f := range files {
			if middle := f.start.Add(SlotSeconds * time.Second / 2); middle.After(before.at) && !middle.After(later.at) {
				c.FlowBytes += f.bytes
				c.LostRecords += f.lost
			}
		}
	}
	if c.CounterBytes == 0 || measured < leastCoverage {
		return nil, nil
	}
	return c, nil
}

// since is what was counted between two readings.
func (s sample) since(before sample) (grown uint64, ok bool) {
	if len(s.rx) != len(before.rx) {
		return 0, false
	}
	for index, rx := range s.rx {
		was, known := before.rx[index]
		if !known || rx < was || s.tx[index] < before.tx[index] {
			return 0, false
		}
		grown += rx - was + s.tx[index] - before.tx[index]
	}
	return grown, true
}

func (a *Archive) counters(ctx context.Context, router string, from, to time.Time) ([]sample, error) {
	doing := "counters of " + router
	id, err := a.RouterID(ctx, router)
	if err != nil {
		return nil, err
	}
	rows, err := a.db.QueryContext(ctx, "SELECT at, ifindex, rx_bytes, tx_bytes FROM interface_counters WHERE router = ? AND at BETWEEN ? AND ? ORDER BY at", id, from.UTC(), to.UTC())
	if err != nil {
		return nil, wrap(doing, err)
	}
	defer rows.Close()
	var samples []sample
	for rows.Next() {
		var at time.Time
		var c Counter
		if err := rows.Scan(&at, &c.Index, &c.RxBytes, &c.TxBytes); err != nil {
			return nil, wrap(doing, err)
		}
		if n := len(samples); n == 0 || !samples[n-1].at.Equal(at) {
			samples = append(samples, sample{at: at, rx: map[uint32]uint64{}, tx: map[uint32]uint64{}})
		}
		last := &samples[len(samples)-1]
		last.rx[c.Index], last.tx[c.Index] = c.RxBytes, c.TxBytes
	}
	return samples, wrap(doing, rows.Err())
}

type flowFile struct {
	start       time.Time
	bytes, lost uint64
}

// flowFiles are the spool files that have something of a router, by the time in
// their names.
func (a *Archive) flowFiles(ctx context.Context, router string, from, to time.Time) ([]flowFile, error) {
	doing := "flows of " + router
	id, err := a.RouterID(ctx, router)
	if err != nil {
		return nil, err
	}
	rows, err := a.db.QueryContext(ctx, `SELECT file, SUM(up_bytes + down_bytes + unattributed_bytes + 2 * transit_bytes), SUM(lost_records)
FROM books JOIN imports ON imports.id = books.import
WHERE router = ? AND day BETWEEN ? AND ? AND state = 'loaded' GROUP BY file ORDER BY file`, id, from.AddDate(0, 0, -1).UTC(), to.AddDate(0, 0, 1).UTC())
	if err != nil {
		return nil, wrap(doing, err)
	}
	defer rows.Close()
	var files []flowFile
	for rows.Next() {
		var name string
		var f flowFile
		if err := rows.Scan(&name, &f.bytes, &f.lost); err != nil {
			return nil, wrap(doing, err)
		}
		stamp, _, _ := strings.Cut(path.Base(name), ".")
		if f.start, err = time.Parse("20060102T150405Z", stamp); err == nil && !f.start.Before(from.Add(-time.Hour)) && f.start.Before(to) {
			files = append(files, f)
		}
	}
	return files, wrap(doing, rows.Err())
}
