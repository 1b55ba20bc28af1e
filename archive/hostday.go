package archive

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
)

// HostDay is a host's traffic on a day, of all routers.
type HostDay struct {
	Day                Day
	Host               netip.Addr
	UpBytes, DownBytes uint64
	Flows              uint64
	BusiestHour        int // as usage_hourly counts: 0 to 24
	BusiestBytes       uint64
}

// HostDays calls each with every host's traffic on the days from..to: of one host after
// the other, by day.
// RefreshDays is to be called before.
func (a *Archive) HostDays(ctx context.Context, from, to Day, each func(*HostDay)) error {
	rows, err := a.db.QueryContext(ctx, "SELECT day, host, up_bytes, down_bytes, flows, busiest_hour, busiest_bytes FROM host_days WHERE day BETWEEN ? AND ? ORDER BY host, day", from, to)
	if err != nil {
		return wrap("read days", err)
	}
	defer rows.Close()
	var h HostDay
	var address sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&h.Day, &address, &h.UpBytes, &h.DownBytes, &h.Flows, &h.BusiestHour, &h.BusiestBytes); err != nil {
			return wrap("read days", err)
		}
		var ok bool
		if h.Host, ok = netip.AddrFromSlice(address); !ok {
			return fmt.Errorf("read days: an address of %d bytes", len(address))
		}
		each(&h)
	}
	return wrap("read days", rows.Err())
}

// FirstSeen calls each with every host and its first day. RefreshDays is to be
// called before.
func (a *Archive) FirstSeen(ctx context.Context, each func(host netip.Addr, day Day)) error {
	rows, err := a.db.QueryContext(ctx, "SELECT host, MIN(day) FROM host_days GROUP BY host")
	if err != nil {
		return wrap("read days", err)
	}
	defer rows.Close()
	var address sql.RawBytes
	for rows.Next() {
		var day Day
		if err := rows.Scan(&address, &day); err != nil {
			return wrap("read days", err)
		}
		if host, ok := netip.AddrFromSlice(address); ok {
			each(host, day)
		}
	}
	return wrap("read days", rows.Err())
}

// HostHour is a host's traffic in an hour of a day, of all routers.
type HostHour struct {
	Host               netip.Addr
	Hour               int
	UpBytes, DownBytes uint64
	Flows              uint64
}

// HostHours calls each with every host's hours of a day, of one host after the other.
func (a *Archive) HostHours(ctx context.Context, day Day, each func(*HostHour)) error {
	rows, err := a.db.QueryContext(ctx, "SELECT host, hour, "+sumOf("up_bytes")+", "+sumOf("down_bytes")+", "+sumOf("flows")+" FROM usage_hourly WHERE day = ? GROUP BY host, hour ORDER BY host, hour", day)
	if err != nil {
		return wrap("read hours", err)
	}
	defer rows.Close()
	var h HostHour
	var address sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&address, &h.Hour, &h.UpBytes, &h.DownBytes, &h.Flows); err != nil {
			return wrap("read hours", err)
		}
		var ok bool
		if h.Host, ok = netip.AddrFromSlice(address); !ok {
			return fmt.Errorf("read hours: an address of %d bytes", len(address))
		}
		each(&h)
	}
	return wrap("read hours", rows.Err())
}
