package web

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"nfacct/archive"
	"nfacct/report/query"
)

// archiveFor is the archive as the visitor sees it: for one of some departments, it has
// their hosts alone. Handlers know no other way to it.
func (s *Server) archiveFor(ctx context.Context) (Store, query.Asker, error) {
	store, asker, err := s.deps.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	if !visitorOf(ctx).limited() {
		return store, asker, nil
	}
	has, err := s.reaches(ctx)
	if err != nil {
		return nil, nil, err
	}
	return &part{store, has}, asker, nil
}

// setting is what names mean in a question, and to which hosts the visitor's questions
// are bound.
func (s *Server) setting(ctx context.Context) (*query.Setting, error) {
	known, err := s.deps.Setting(ctx)
	if err != nil {
		return nil, err
	}
	v := visitorOf(ctx)
	if !v.limited() {
		return known, nil
	}
	bound := *known
	bound.Bound = true
	if v != nil {
		bound.Within = v.Departments
	}
	return &bound, nil
}

// reaches says which hosts the visitor may see.
func (s *Server) reaches(ctx context.Context) (func(netip.Addr) bool, error) {
	v := visitorOf(ctx)
	if !v.limited() {
		return func(netip.Addr) bool { return true }, nil
	}
	setting, err := s.setting(ctx)
	if err != nil {
		return nil, err
	}
	return setting.Has, nil
}

// names are those of hosts that the visitor may see.
func (s *Server) names(ctx context.Context, at time.Time) (map[netip.Addr]string, error) {
	all, err := s.deps.Names(ctx, at)
	if err != nil || !visitorOf(ctx).limited() {
		return all, err
	}
	has, err := s.reaches(ctx)
	if err != nil {
		return nil, err
	}
	some := map[netip.Addr]string{}
	for host, name := range all {
		if has(host) {
			some[host] = name
		}
	}
	return some, nil
}

// history are the names that a host had in a time, if the visitor may see it.
func (s *Server) history(ctx context.Context, host netip.Addr, start, end time.Time) ([]archive.HostName, error) {
	has, err := s.reaches(ctx)
	if err != nil || !has(host) {
		return nil, err
	}
	all, err := s.deps.History(ctx, start, end)
	return slices.DeleteFunc(all, func(n archive.HostName) bool { return n.Host != host }), err
}

// proxied is what went through the proxy of hosts that the visitor may see.
func (s *Server) proxied(ctx context.Context, from, to archive.Day, take func(*archive.ProxyUsage)) (begin, until time.Time, err error) {
	has, err := s.reaches(ctx)
	if err != nil {
		return begin, until, err
	}
	return s.deps.Proxied(ctx, from, to, func(u *archive.ProxyUsage) {
		if u.Host.IsValid() && has(u.Host) || !u.Host.IsValid() && !visitorOf(ctx).limited() {
			take(u)
		}
	})
}

// live gives take the rows of what was received since a time of hosts that the visitor
// may see.
func (s *Server) live(ctx context.Context, since time.Time, reset func(), take func(string, *archive.Row) error) error {
	has, err := s.reaches(ctx)
	if err != nil {
		return err
	}
	return s.deps.Live(ctx, since, reset, func(router string, row *archive.Row) error {
		if !has(row.Host) {
			return nil
		}
		return take(router, row)
	})
}

// part is what a store has of some hosts. It does not embed the store: a method that is
// new there has to say here what it leaves out.
type part struct {
	store Store
	has   func(netip.Addr) bool
}

func (p *part) DaySpan(ctx context.Context) (first, last archive.Day, err error) {
	return p.store.DaySpan(ctx)
}

func (p *part) DayTotals(ctx context.Context, from, to archive.Day) ([]archive.DayTotal, error) {
	days := map[archive.Day]*archive.DayTotal{}
	if err := p.HostDays(ctx, from, to, func(h *archive.HostDay) {
		t := days[h.Day]
		if t == nil {
			t = &archive.DayTotal{Day: h.Day}
			days[h.Day] = t
		}
		t.UpBytes, t.DownBytes, t.Flows, t.Hosts = t.UpBytes+h.UpBytes, t.DownBytes+h.DownBytes, t.Flows+h.Flows, t.Hosts+1
	}); err != nil {
		return nil, err
	}
	var totals []archive.DayTotal
	for d := from; !to.Before(d); d = d.Add(1) {
		if t := days[d]; t != nil {
			totals = append(totals, *t)
		}
	}
	return totals, nil
}

func (p *part) DaysOfHost(ctx context.Context, host netip.Addr, from, to archive.Day) ([]archive.HostDay, error) {
	if !p.has(host) {
		return nil, nil
	}
	return p.store.DaysOfHost(ctx, host, from, to)
}

func (p *part) HostDays(ctx context.Context, from, to archive.Day, each func(*archive.HostDay)) error {
	return p.store.HostDays(ctx, from, to, func(h *archive.HostDay) {
		if p.has(h.Host) {
			each(h)
		}
	})
}

func (p *part) HostHours(ctx context.Context, day archive.Day, each func(*archive.HostHour)) error {
	return p.store.HostHours(ctx, day, func(h *archive.HostHour) {
		if p.has(h.Host) {
			each(h)
		}
	})
}

func (p *part) RouterHosts(ctx context.Context, from, to archive.Day, each func(*archive.RouterHost)) error {
	return p.store.RouterHosts(ctx, from, to, func(h *archive.RouterHost) {
		if p.has(h.Host) {
			each(h)
		}
	})
}

// Books of all hosts say how much the others moved; what is left says only whether a
// day is known, and whether something of it was lost.
func (p *part) Books(ctx context.Context, from, to archive.Day) ([]archive.Book, error) {
	all, err := p.store.Books(ctx, from, to)
	books := make([]archive.Book, 0, len(all))
	for _, b := range all {
		one := func(n uint64) uint64 { return min(n, 1) }
		books = append(books, archive.Book{Day: b.Day, Router: b.Router, Records: one(b.Records), Estimated: b.Estimated,
			LostRecords: one(b.LostRecords), KernelDropped: one(b.KernelDropped), SpoolLost: one(b.SpoolLost), NoTemplate: one(b.NoTemplate)})
	}
	return slices.Clip(books), err
}
