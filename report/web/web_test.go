package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
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

// every is a request for every route.
var every = []string{"/", "/month/2026-11", "/day/2026-11-21", "/day/2026-11-21?top=0&sort=name", "/host/192.168.88.10", "/query",
	"/query?month=2026-11&group=host", "/query/answer.csv?month=2026-11&group=host", "/query/answer.json?month=2026-11&group=host",
	"/query/answer.xlsx?month=2026-11&group=host", "/status", "/assets/page.css"}

func TestPages(t *testing.T) {
	h := serve(t, deps(&office{}))
	for _, target := range every {
		w := get(h, target)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
		if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", target, policy)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		body := w.Body.String()
		for _, inline := range []string{"<script", " style=", "<style", hostile} {
			if strings.Contains(body, inline) {
				t.Errorf("%s has %s", target, inline)
			}
		}
		if !strings.Contains(body, "Europe/Berlin") {
			t.Errorf("%s does not name the time zone", target)
		}
	}
}

// The table of routes has nothing that the test of all pages does not ask for.
func TestRoutes(t *testing.T) {
	s, err := New(DefaultConfig(), deps(&office{}))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.method+" "+r.pattern, r.handle)
	}
	var seen []string
	for _, target := range every {
		_, pattern := mux.Handler(httptest.NewRequest("GET", target, nil))
		seen = append(seen, pattern)
	}
	for _, r := range s.routes() {
		if !slices.Contains(seen, r.method+" "+r.pattern) {
			t.Errorf("no test asks for %s %s", r.method, r.pattern)
		}
	}
}

// The predecessor's page put every field and the table's name into its SQL, and wrote
// them back as markup.
func TestInjection(t *testing.T) {
	o := &office{}
	h := serve(t, deps(o))
	for _, field := range append(query.Names(), "month", "from", "group", "group2", "limit", "min_bytes", "show", "table") {
		for _, text := range []string{"1' OR '1'='1", "flows_2026_11; DROP TABLE x", hostile} {
			w := get(h, "/query?month=2026-11&"+field+"="+strings.NewReplacer(" ", "%20", "<", "%3C", `"`, "%22", ";", "%3B").Replace(text))
			if strings.Contains(w.Body.String(), "<script") {
				t.Errorf("%s: %q came back as markup", field, text)
			}
			if w.Code != http.StatusBadRequest {
				t.Errorf("%s: %q was taken: %d", field, text, w.Code)
			}
		}
	}
	for _, statement := range o.asked {
		if strings.Contains(statement, "DROP") || strings.Contains(statement, "OR '1'") {
			t.Errorf("asked: %s", statement)
		}
	}
}

// No empty answer is without its cause.
func TestCauses(t *testing.T) {
	day := archive.Day{Year: 2026, Month: 11, Day: 23}
	book := func(b archive.Book) *office {
		b.Day = day
		return &office{books: map[archive.Day][]archive.Book{day: {b}}}
	}
	tests := []struct {
		name, target, text, command string
		office                      *office
		routers                     int
	}{
		{"no router", "/", "No router is configured", "nfacct provision", &office{empty: true}, 0},
		{"router silent", "/", "router gw: never heard", "nfacct provision gw", &office{empty: true}, 1},
		{"templates missing", "/day/2026-11-23", "templates of 7 data sets are missing", "nfacct books --day 2026-11-23", book(archive.Book{NoTemplate: 7}), 1},
		{"no match", "/query?month=2026-11&host=192.0.2.1&group=host", "none of them fits", "", &office{}, 1},
		{"before the data", "/day/2026-10-01", "before the first data, which are of 2026-11-20", "nfacct migrate", &office{}, 1},
		{"question before the data", "/query?month=2026-09&group=host", "before the first data", "nfacct migrate", &office{}, 1},
		{"not imported", "/day/2026-11-23", "not imported", "nfacct import", &office{}, 1},
		{"month to come", "/month/2027-01", "The last day with data is 2026-11-22", "nfacct import", &office{}, 1},
		{"left out", "/day/2026-11-23", "was left out by rules", "nfacct books --day 2026-11-23", book(archive.Book{Records: 4, Excluded: map[string]archive.Counts{"dns": {Records: 4, Bytes: 400}}}), 1},
		{"silent day", "/day/2026-11-23", "the router was silent", "nfacct books --day 2026-11-23", book(archive.Book{}), 1},
	}
	for _, test := range tests {
		d := deps(test.office)
		d.Routers = test.routers
		body := get(serve(t, d), test.target).Body.String()
		if !strings.Contains(body, test.text) || !strings.Contains(body, test.command) {
			t.Errorf("%s: %s\nwants %q and %q", test.name, body, test.text, test.command)
		}
	}
}

// While the database is down, the page says what the collector sees.
func TestDatabaseDown(t *testing.T) {
	d := deps(&office{})
	d.Open = func(context.Context) (Store, query.Asker, error) { return nil, nil, errors.New("connection refused") }
	h := serve(t, d)
	if w := get(h, "/"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "connection refused") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(h, "/status"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "router gw") || !strings.Contains(w.Body.String(), "connection refused") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestGuard(t *testing.T) {
	h := serve(t, deps(&office{}))
	r := httptest.NewRequest("GET", "http://evil.example/", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusMisdirectedRequest {
		t.Errorf("a foreign name was answered: %d", w.Code)
	}
	for _, listen := range []string{"0.0.0.0:8788", "192.168.88.2:8788", "[::]:8788", "nonsense"} {
		if _, err := New(Config{Listen: listen}, deps(&office{})); err == nil {
			t.Errorf("%s: the page has no users and would be open to all", listen)
		}
	}
}

// A question ends when nobody waits for it.
func TestCancel(t *testing.T) {
	o := &office{waiting: make(chan struct{})}
	h := serve(t, deps(o))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r := httptest.NewRequest("GET", "http://127.0.0.1:8788/query?month=2026-11&group=host", nil).WithContext(ctx)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}()
	<-o.waiting
	cancel()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the question goes on")
	}
}

// The grid, the day and the hosts are the same to the byte.
func TestTotals(t *testing.T) {
	h := serve(t, deps(&office{}))
	if body := get(h, "/").Body.String(); strings.Count(body, `title="3030"`) != 7 || !strings.Contains(body, `title="9090"`) {
		t.Errorf("calendar: %s", body)
	}
	if body := get(h, "/day/2026-11-21?sort=total").Body.String(); !strings.Contains(body, `title="3030"`) || strings.Index(body, "192.168.88.11") > strings.Index(body, ">192.168.88.10") {
		t.Errorf("day: %s", body)
	}
}

// A host of two branches has a line for each router, and a download that may be
// another's has its mark.
func TestParts(t *testing.T) {
	h := serve(t, deps(&office{}))
	for target, wanted := range map[string][]string{
		"/day/2026-11-21":                   {`<td>branch-a</td><td class="n" title="400">`, `<td>branch-b</td><td class="n" title="600">`, "has a line for each router", "KiB*</td>", "* download charged by"},
		"/host/192.168.88.10?month=2026-11": {`branch-a</th><td class="n" title="1200">`, `branch-b</th><td class="n" title="1800">`},
		"/host/192.168.88.11?month=2026-11": {"* download charged by"},
		"/day/2026-11-21?sort=host&top=10":  {"branch-b"},
	} {
		body := get(h, target).Body.String()
		for _, want := range wanted {
			if !strings.Contains(body, want) {
				t.Errorf("%s has no %q: %s", target, want, body)
			}
		}
	}
	if body := get(h, "/host/192.168.88.11?month=2026-11").Body.String(); strings.Contains(body, "has a line for each") {
		t.Error(body)
	}
}

// A host that another computer's name moved to has both, and figures of a router that
// samples are called estimates.
func TestNamesAndEstimates(t *testing.T) {
	day := begin.Add(1)
	o := &office{books: map[archive.Day][]archive.Book{day: {{Day: day, Router: "gw <1>", Estimated: true}}}}
	d := deps(o)
	d.Names = func(_ context.Context, at time.Time) (map[netip.Addr]string, error) {
		names := map[netip.Addr]string{hosts[0]: "before", hosts[1]: "gone"}
		if archive.SlotStart(day, 0, d.Location).Before(at) {
			names = map[netip.Addr]string{hosts[0]: "after"}
		}
		return names, nil
	}
	h := serve(t, d)
	body := get(h, "/day/"+day.String()).Body.String()
	for _, want := range []string{"before → after", "<td>gone</td>", "Estimates: gw &lt;1&gt; samples packets"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q: %s", want, body)
		}
	}
	if body := get(h, "/host/192.168.88.10?month=2026-11").Body.String(); !strings.Contains(body, "Estimates: gw") {
		t.Error(body)
	}
	if body := get(h, "/day/"+begin.String()).Body.String(); strings.Contains(body, "Estimates") {
		t.Error(body)
	}
}

// A question that takes long is asked when a person says so.
func TestEstimate(t *testing.T) {
	o := &office{rows: 20_000_000}
	h := serve(t, deps(o))
	body := get(h, "/query?from=2026-11-20&to=2026-11-20&group=host").Body.String()
	if len(o.asked) > 0 || !strings.Contains(body, "About 20,000,000 rows are to be read, which takes about 50 s.") || !strings.Contains(body, "ask=yes") {
		t.Errorf("asked %q: %s", o.asked, body)
	}
	if get(h, "/query?from=2026-11-20&to=2026-11-20&group=host&ask=yes"); len(o.asked) == 0 {
		t.Error("not asked")
	}
}

// A month of which nothing is known is not one of no bytes.
func TestUnknownIsNotZero(t *testing.T) {
	if body := get(serve(t, deps(&office{})), "/host/192.168.88.10").Body.String(); strings.Contains(body, "Month before") {
		t.Errorf("compares with a month before the first data: %s", body)
	}
}
