package archive

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
)

// DayTotal is the traffic of a day, of all hosts.
type DayTotal struct {
	Day                Day
	UpBytes, DownBytes uint64
	Flows              uint64
	Hosts              uint64
}

// DayTotals are the days from..to that have any traffic, in order.
func (r Reader) DayTotals(ctx context.Context, from, to Day) ([]DayTotal, error) {
	return collect(ctx, r.a.db, "read days", "SELECT day, "+sumOf("up_bytes")+", "+sumOf("down_bytes")+", "+sumOf("flows")+", COUNT(*) FROM host_days WHERE day BETWEEN ? AND ? GROUP BY day ORDER BY day",
		func(t *DayTotal) []any { return []any{&t.Day, &t.UpBytes, &t.DownBytes, &t.Flows, &t.Hosts} }, from, to)
}

// DaysOfHost are the days from..to of one host, in order.
func (r Reader) DaysOfHost(ctx context.Context, host netip.Addr, from, to Day) ([]HostDay, error) {
	return collect(ctx, r.a.db, "read days", "SELECT day, host, up_bytes, down_bytes, flows, busiest_hour, busiest_bytes FROM host_days WHERE host = ? AND day BETWEEN ? AND ? ORDER BY day",
		(*HostDay).fields, host.AsSlice(), from, to)
}

// DaySpan is the first and the last day of which anything is known; zero without any.
func (r Reader) DaySpan(ctx context.Context) (first, last Day, err error) {
	var from, to sql.Null[[]byte]
	if err := r.a.db.QueryRowContext(ctx, "SELECT MIN(day), MAX(day) FROM host_days").Scan(&from, &to); err != nil {
		return first, last, wrap("read days", err)
	}
	if !from.Valid {
		return first, last, nil
	}
	if first, err = parseDay(string(from.V)[:10]); err == nil {
		last, err = parseDay(string(to.V)[:10])
	}
	if err != nil {
		return first, last, fmt.Errorf("read days: %w", err)
	}
	return first, last, nil
}
