package archive

import (
	"context"
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

func (h *HostDay) fields() []any {
	return []any{&h.Day, (*address)(&h.Host), &h.UpBytes, &h.DownBytes, &h.Flows, &h.BusiestHour, &h.BusiestBytes}
}

// HostDays calls take with every host's traffic on the days from..to: of one host after
// the other, by day.
func (r Reader) HostDays(ctx context.Context, from, to Day, take func(*HostDay)) error {
	return each(ctx, r.a.db, "read days", "SELECT day, host, up_bytes, down_bytes, flows, busiest_hour, busiest_bytes FROM host_days WHERE day BETWEEN ? AND ? ORDER BY host, day", (*HostDay).fields, func(h *HostDay) error { take(h); return nil }, from, to)
}

// FirstSeen calls take with every host and its first day.
func (r Reader) FirstSeen(ctx context.Context, take func(host netip.Addr, day Day)) error {
	return each(ctx, r.a.db, "read days", "SELECT host, MIN(day) FROM host_days GROUP BY host", (*pair[address, Day]).fields, func(p *pair[address, Day]) error {
		take(netip.Addr(p.key), p.value)
		return nil
	})
}

// HostHour is a host's traffic in an hour of a day, of all routers.
type HostHour struct {
	Host               netip.Addr
	Hour               int
	UpBytes, DownBytes uint64
	Flows              uint64
}

// HostHours calls take with every host's hours of a day, of one host after the other.
func (r Reader) HostHours(ctx context.Context, day Day, take func(*HostHour)) error {
	return each(ctx, r.a.db, "read hours", "SELECT host, hour, "+sumOf("up_bytes")+", "+sumOf("down_bytes")+", "+sumOf("flows")+" FROM usage_hourly WHERE day = ? GROUP BY host, hour ORDER BY host, hour", func(h *HostHour) []any {
		return []any{(*address)(&h.Host), &h.Hour, &h.UpBytes, &h.DownBytes, &h.Flows}
	}, func(h *HostHour) error { take(h); return nil }, day)
}
