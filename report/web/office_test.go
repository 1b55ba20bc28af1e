package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/report/health"
	"nfacct/report/phrase"
	"nfacct/report/query"
)

// office is an archive of three days of two hosts. Its names are hostile.
type office struct {
	empty   bool
	rows    uint64
	books   map[archive.Day][]archive.Book
	asked   []string
	waiting chan struct{} // closed when a statement has begun; it then waits for its end
}

var (
	hosts = []netip.Addr{netip.MustParseAddr("192.168.88.10"), netip.MustParseAddr("192.168.88.11")}
	begin = archive.Day{Year: 2026, Month: 11, Day: 20}
	until = archive.Day{Year: 2026, Month: 11, Day: 22}
)

const hostile = `<script>alert(1)</script>"' onload=x`

func (o *office) DaySpan(context.Context) (first, last archive.Day, err error) {
	if o.empty {
		return first, last, nil
	}
	return begin, until, nil
}

func (o *office) days(from, to archive.Day, each func(archive.Day)) {
	for d := begin; !o.empty && !until.Before(d); d = d.Add(1) {
		if !d.Before(from) && !to.Before(d) {
			each(d)
		}
	}
}

func (o *office) DayTotals(_ context.Context, from, to archive.Day) (totals []archive.DayTotal, err error) {
	o.days(from, to, func(d archive.Day) {
		totals = append(totals, archive.DayTotal{Day: d, UpBytes: 30, DownBytes: 3000, Flows: 2, Hosts: 2})
	})
	return totals, nil
}

func (o *office) HostDays(_ context.Context, from, to archive.Day, each func(*archive.HostDay)) error {
	for i, host := range hosts {
		o.days(from, to, func(d archive.Day) {
			each(&archive.HostDay{Day: d, Host: host, UpBytes: uint64(10 * (i + 1)), DownBytes: uint64(1000 * (i + 1)), Flows: 1})
		})
	}
	return nil
}

// The first host is of two branches; the second's download rests on weak rules.
func (o *office) RouterHosts(_ context.Context, from, to archive.Day, each func(*archive.RouterHost)) error {
	days := uint64(0)
	o.days(from, to, func(archive.Day) { days++ })
	if days > 0 {
		each(&archive.RouterHost{Host: hosts[0], Router: "branch-a", UpBytes: 4 * days, DownBytes: 400 * days})
		each(&archive.RouterHost{Host: hosts[0], Router: "branch-b", UpBytes: 6 * days, DownBytes: 600 * days})
		each(&archive.RouterHost{Host: hosts[1], Router: "branch-a", UpBytes: 20 * days, DownBytes: 2000 * days, WeakBytes: 1500 * days})
	}
	return nil
}

func (o *office) DaysOfHost(ctx context.Context, host netip.Addr, from, to archive.Day) (days []archive.HostDay, err error) {
	return days, o.HostDays(ctx, from, to, func(h *archive.HostDay) {
		if h.Host == host {
			days = append(days, *h)
		}
	})
}

func (o *office) HostHours(_ context.Context, day archive.Day, each func(*archive.HostHour)) error {
	o.days(day, day, func(archive.Day) { each(&archive.HostHour{Host: hosts[0], Hour: 9, UpBytes: 30, DownBytes: 3000}) })
	return nil
}

func (o *office) Books(_ context.Context, from, to archive.Day) (books []archive.Book, err error) {
	for d, list := range o.books {
		if !d.Before(from) && !to.Before(d) {
			books = append(books, list...)
		}
	}
	return books, nil
}

func (o *office) FlowTables(_ context.Context, from, to archive.Day) (read, named []query.Table, err error) {
	o.days(from, to, func(archive.Day) { read = []query.Table{{Name: "flows_2026_11", Where: "`day` > 0", Rows: o.rows}} })
	return read, read, nil
}

func (o *office) Settings() string { return "SET SESSION x = 1;\n" }

func (o *office) Ask(ctx context.Context, statement string, row func([][]byte) error) (uint64, error) {
	o.asked = append(o.asked, statement)
	if o.waiting != nil {
		close(o.waiting)
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return 9, nil
}

func deps(o *office) Deps {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, loc)
	return Deps{
		Location: loc, Now: func() time.Time { return now }, Words: phrase.English(), Log: slog.New(slog.DiscardHandler), Routers: 1,
		Open: func(context.Context) (Store, query.Asker, error) { return o, o, nil },
		Setting: func(context.Context) (*query.Setting, error) {
			return &query.Setting{Location: loc, Now: now, Services: func(string) []query.Service { return nil }}, nil
		},
		Names: func(context.Context, time.Time) (map[netip.Addr]string, error) {
			return map[netip.Addr]string{hosts[0]: hostile}, nil
		},
		Live: func(_ context.Context, since time.Time, reset func(), take func(string, *archive.Row) error) error {
			reset()
			return take("gw", &archive.Row{Host: hosts[0], Peer: netip.MustParseAddr("203.0.113.9"), PeerPort: 443, Proto: 6, UpBytes: 60_000, DownBytes: 600_000, Flows: 7})
		},
		Findings: func() ([]health.Finding, error) {
			return []health.Finding{{ID: "router.gw", Level: health.Fail, Subject: "router gw", Text: "never heard " + hostile, Remedy: "nfacct provision gw"}}, nil
		},
	}
}

func serve(t *testing.T, d Deps) http.Handler {
	t.Helper()
	s, err := New(DefaultConfig(), d)
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "http://127.0.0.1:8788"+target, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
