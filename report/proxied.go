package report

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
)

// readProxy joins what Squid says with the hosts.
func (q *question) readProxy(ctx context.Context) error {
	proxied := map[netip.Addr]uint64{}
	people := map[netip.Addr]map[string]uint64{}
	users := map[string]*ProxyUser{}
	p := &Proxy{}
	written := map[archive.Day]bool{} // days that there is any entry of
	until, err := q.archive.Proxy().Usage(ctx, q.Period.From, q.Period.To, func(u *archive.ProxyUsage) {
		written[u.Day] = true
		if u.Host.IsValid() && !q.shown(u.Host) || !u.Host.IsValid() && q.Group != "" {
			return
		}
		p.Bytes += u.Bytes
		p.Requests += u.Requests
		p.Denied += u.Denied
		if u.Host.IsValid() {
			proxied[u.Host] += u.Bytes
		} else {
			p.NamelessBytes += u.Bytes
		}
		if u.User != "" {
			name := u.User
			if users[name] == nil {
				users[name] = &ProxyUser{User: userText(name)}
			}
			users[name].Bytes += u.Bytes
			users[name].Requests += u.Requests
			if u.Host.IsValid() {
				if people[u.Host] == nil {
					people[u.Host] = map[string]uint64{}
				}
				people[u.Host][name] += u.Bytes
			}
		}
		n := u.Hour
		if q.Period.Kind != KindDay {
			n = q.bucket(u.Day)
		}
		if n < len(q.u.Buckets) {
			q.u.Buckets[n].ProxiedBytes += u.Bytes
		}
	})
	if err != nil {
		return err
	}
	if q.squid = q.cfg.Squid.AccessLog != ""; until.IsZero() {
		return nil
	}
	first, hour, known, err := q.archive.Proxy().Begin(ctx)
	if err != nil {
		return err
	}
	// Of a time before the log begins nothing is known, which is not that all of its
	// traffic went past the proxy.
	q.proxyBegin = archive.NewCalendar(q.loc).SlotStart(first, archive.Slot(4*hour))
	over := q.cfg.Squid.AccessLog == "" && until.Before(q.Period.Start) // nobody reads it any more
	if !known || over || !q.proxyBegin.Before(q.Period.End) {
		return nil
	}
	for day := q.Period.From; !q.Period.To.Before(day) && day.Before(q.day(until)); day = day.Add(1) {
		if first.Before(day) && !written[day] {
			p.Unwritten = append(p.Unwritten, day)
		}
	}
	q.u.Proxy = p
	if q.proxyCuts, err = q.archive.Proxy().Cuts(ctx, q.Period.Start, q.Period.End); err != nil {
		return err
	}
	p.Hosts = len(proxied)
	if p.NoFlows = len(q.u.Books) == 0; !p.NoFlows {
		q.onlyProxied(p, proxied)
	}
	if len(written) > 0 {
		q.shareProxied(proxied, people)
	}
	for _, u := range users {
		p.Users = append(p.Users, *u)
	}
	slices.SortFunc(p.Users, func(a, b ProxyUser) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.User, b.User))
	})
	end := q.Period.End
	if q.Now.Before(end) {
		end = q.Now
	}
	// A proxy that nobody uses at night writes nothing then.
	p.Unread = until.Before(end.Add(-unreadAfter))
	if q.Group == "" {
		q.compareProxies(p)
	}
	return nil
}

// userText is a user's name fit to be shown. One of which nothing can be shown is
// escaped: it is somebody all the same.
func userText(name string) string {
	if text := Clean(name); text != "" {
		return text
	}
	return url.PathEscape(name)
}

// shareProxied says of each host, and of all, how much went through the proxy.
func (q *question) shareProxied(proxied map[netip.Addr]uint64, people map[netip.Addr]map[string]uint64) {
	p := q.u.Proxy
	q.shares = true
	for addr, n := range proxied {
		if t := q.hosts.of(addr); t != nil {
			t.proxied = n
		}
	}
	for addr, used := range people {
		t := q.hosts.of(addr)
		if t == nil {
			continue
		}
		t.users = slices.SortedFunc(maps.Keys(used), func(a, b string) int {
			return cmp.Or(cmp.Compare(used[b], used[a]), cmp.Compare(a, b))
		})
		for i, name := range t.users {
			t.users[i] = userText(name)
		}
	}
	all := p.Bytes
	q.u.Totals.ProxiedBytes = &all
	if !p.NoFlows {
		q.u.Totals.DirectShare = direct(q.u.Totals.Bytes(), all)
	}
}

// onlyProxied finds the hosts that had no traffic past the proxy.
func (q *question) onlyProxied(p *Proxy, proxied map[netip.Addr]uint64) {
	for addr, n := range proxied {
		if q.hosts.of(addr) == nil {
			h := ProxyHost{Host: addr.String(), Bytes: n}
			if name := q.departments.of(addr); name != "" {
				h.Group = &name
			}
			p.Only = append(p.Only, h)
		}
	}
	slices.SortFunc(p.Only, func(a, b ProxyHost) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), netip.MustParseAddr(a.Host).Compare(netip.MustParseAddr(b.Host)))
	})
	p.OnlyHosts = len(p.Only)
}

// unreadAfter is how long before the period's end the last entry read may be.
const unreadAfter = 12 * time.Hour

// direct is the part that did not go through the proxy.
func direct(past, proxied uint64) *float64 {
	if past+proxied == 0 {
		return nil
	}
	share := part(past, past+proxied)
	return &share
}

// compareProxies finds what flows say of the proxies: left out by the rule of
// that name, or accounted to the proxies as hosts.
func (q *question) compareProxies(p *Proxy) {
	var flows uint64
	known := false
	for _, e := range q.u.Excluded {
		if e.Rule == "proxy" {
			flows, known = flows+e.Bytes, true
		}
	}
	for _, addr := range q.Proxies {
		if t := q.hosts.of(addr.Unmap()); t != nil {
			flows, known = flows+t.bytes(), true
		}
	}
	if known {
		p.FlowBytes = &flows
		// Of several, Squid's log does not say which: they are one sum.
		var names []string
		for _, addr := range q.Proxies {
			names = append(names, addr.Unmap().String())
		}
		if len(names) > 0 {
			p.Checks = []HostCheck{{Host: strings.Join(names, " + "), SquidBytes: p.Bytes, FlowBytes: flows}}
		}
	}
}
