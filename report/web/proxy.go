package web

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"
	"slices"

	"nfacct/archive"
)

// proxyPage sets what hosts moved past the proxy against what they moved through it.
type proxyPage struct {
	Month, Before, After string
	Sort                 string
	From, To             string // days that both are known of
	Lines                []proxyLine
	Direct, Proxied      uint64
	Nameless             uint64 // through the proxy, of clients that its log does not name
	Share                float64
	Never                int // hosts that never used it
}

type proxyLine struct {
	named
	Direct, Proxied uint64
	Share           float64 // of direct
}

// proxySorts are the orders of the table.
var proxySorts = []string{"direct", "proxied", "share", "host"}

func (s *Server) proxy(r *http.Request) (string, *view, error) {
	ctx, words := r.Context(), s.deps.Words
	v := &view{Title: words.Text("web.proxy"), Nav: "proxy"}
	if s.deps.Proxied == nil {
		v.Trouble = &trouble{words.Text("web.no_proxy"), "report.squid.access_log"}
		return "empty", v, nil
	}
	store, _, err := s.archiveFor(ctx)
	if err != nil {
		return "", nil, err
	}
	first, last, err := store.DaySpan(ctx)
	if err != nil {
		return "", nil, err
	}
	if first.IsZero() {
		return s.nothing()
	}
	m := archive.MonthOf(last)
	if text := r.PathValue("month"); text != "" {
		if m, err = archive.ParseMonth(text); err != nil {
			return s.wrong(err.Error())
		}
	}
	out := &proxyPage{Month: m.String(), Sort: cmp.Or(r.URL.Query().Get("sort"), "direct")}
	if !slices.Contains(proxySorts, out.Sort) {
		return s.wrong(words.Text("web.bad_proxy_sort"))
	}
	if first.Before(m.First()) {
		out.Before = archive.MonthOf(m.First().Add(-1)).String()
	}
	if m.Last().Before(last) {
		out.After = archive.MonthOf(m.Last().Add(1)).String()
	}
	v.Title, v.Data = words.Text("web.proxy_in", words.Month(m.Month, m.Year)), out
	known, err := s.fillProxy(ctx, store, m, out)
	if err == nil && !known {
		v.Trouble = &trouble{words.Text("web.proxy_unread"), "nfacct import"}
		return "empty", v, nil
	}
	return "proxy", v, err
}

// fillProxy sums the days that the proxy's log is whole of: none before the day after
// it began, since of these nothing through the proxy is not known to be nothing.
func (s *Server) fillProxy(ctx context.Context, store Store, m archive.Month, out *proxyPage) (known bool, err error) {
	proxied := map[archive.Day]map[netip.Addr]uint64{}
	begin, until, err := s.proxied(ctx, m.First(), m.Last(), func(u *archive.ProxyUsage) {
		if proxied[u.Day] == nil {
			proxied[u.Day] = map[netip.Addr]uint64{}
		}
		proxied[u.Day][u.Host] += u.Bytes
	})
	if err != nil || until.IsZero() {
		return false, err
	}
	from, to := m.First(), m.Last()
	if whole := archive.DayOf(begin.In(s.deps.Location)).Add(1); from.Before(whole) {
		from = whole
	}
	if read := archive.DayOf(until.In(s.deps.Location)); read.Before(to) {
		to = read
	}
	if to.Before(from) {
		return false, nil
	}
	out.From, out.To = from.String(), to.String()
	lines := map[netip.Addr]*proxyLine{}
	line := func(host netip.Addr) *proxyLine {
		if lines[host] == nil {
			lines[host] = &proxyLine{named: named{Host: host}}
		}
		return lines[host]
	}
	if err := store.HostDays(ctx, from, to, func(h *archive.HostDay) {
		line(h.Host).Direct += h.UpBytes + h.DownBytes
		out.Direct += h.UpBytes + h.DownBytes
	}); err != nil {
		return false, err
	}
	for day, hosts := range proxied {
		if day.Before(from) || to.Before(day) {
			continue
		}
		for host, bytes := range hosts {
			out.Proxied += bytes
			if !host.IsValid() {
				out.Nameless += bytes
				continue
			}
			line(host).Proxied += bytes
		}
	}
	names, err := s.names(ctx, archive.SlotStart(to.Add(1), 0, s.deps.Location))
	if err != nil {
		return false, err
	}
	for host, l := range lines {
		l.Name, l.Share = clean(names[host]), share(l.Direct, l.Direct+l.Proxied)
		if l.Proxied == 0 {
			out.Never++
		}
		out.Lines = append(out.Lines, *l)
	}
	out.Share = share(out.Direct, out.Direct+out.Proxied)
	slices.SortFunc(out.Lines, func(a, b proxyLine) int {
		by := 0
		switch out.Sort {
		case "direct":
			by = cmp.Compare(b.Direct, a.Direct)
		case "proxied":
			by = cmp.Compare(b.Proxied, a.Proxied)
		case "share":
			by = cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(b.Direct, a.Direct))
		}
		return cmp.Or(by, a.Host.Compare(b.Host))
	})
	return true, nil
}
