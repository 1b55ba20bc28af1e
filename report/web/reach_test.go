package web

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/report/query"
	"nfacct/report/web/access"
)

// secret is the host of another department: its address, its name and its figures.
var secret = netip.MustParseAddr("192.168.88.77")

// twoDepartments is an office of which hosts[0] is in sales and secret, when it is
// there, in bureau, with so many bytes a day.
type twoDepartments struct {
	office
	bytes uint64
	t     *testing.T
}

func (o *twoDepartments) all() map[netip.Addr]uint64 {
	all := map[netip.Addr]uint64{hosts[0]: 1000}
	if o.bytes > 0 {
		all[secret] = o.bytes
	}
	return all
}

func (o *twoDepartments) DayTotals(_ context.Context, from, to archive.Day) (totals []archive.DayTotal, err error) {
	o.days(from, to, func(d archive.Day) {
		totals = append(totals, archive.DayTotal{Day: d, DownBytes: 1000 + o.bytes, Flows: 1 + o.bytes, Hosts: uint64(len(o.all()))})
	})
	return totals, nil
}

func (o *twoDepartments) HostDays(_ context.Context, from, to archive.Day, each func(*archive.HostDay)) error {
	for host, bytes := range o.all() {
		o.days(from, to, func(d archive.Day) { each(&archive.HostDay{Day: d, Host: host, DownBytes: bytes, Flows: 1}) })
	}
	return nil
}

func (o *twoDepartments) DaysOfHost(ctx context.Context, host netip.Addr, from, to archive.Day) (days []archive.HostDay, err error) {
	return days, o.HostDays(ctx, from, to, func(h *archive.HostDay) {
		if h.Host == host {
			days = append(days, *h)
		}
	})
}

func (o *twoDepartments) HostHours(_ context.Context, day archive.Day, each func(*archive.HostHour)) error {
	for host, bytes := range o.all() {
		o.days(day, day, func(archive.Day) { each(&archive.HostHour{Host: host, Hour: 9, DownBytes: bytes}) })
	}
	return nil
}

func (o *twoDepartments) RouterHosts(_ context.Context, _, _ archive.Day, each func(*archive.RouterHost)) error {
	for host, bytes := range o.all() {
		for _, router := range []string{"a", "b"} {
			each(&archive.RouterHost{Host: host, Router: router, DownBytes: bytes, WeakBytes: bytes})
		}
	}
	return nil
}

func (o *twoDepartments) Books(_ context.Context, from, to archive.Day) (books []archive.Book, err error) {
	o.days(from, to, func(d archive.Day) {
		books = append(books, archive.Book{Day: d, Router: "a", Records: 5 + o.bytes, Bytes: o.bytes, LostRecords: 3 + o.bytes,
			Excluded: map[string]archive.Counts{"dns": {Records: o.bytes, Bytes: o.bytes}}})
	})
	return books, nil
}

// Ask answers as the database would, if the statement keeps within sales.
func (o *twoDepartments) Ask(_ context.Context, statement string, row func([][]byte) error) (uint64, error) {
	within := strings.Contains(statement, "AND CASE WHEN `host` = INET6_ATON('192.168.88.10') THEN 1 WHEN `host` = INET6_ATON('192.168.88.77') THEN 2 ELSE 0 END IN (1)")
	none := strings.Contains(statement, "AND FALSE")
	for host := range o.all() {
		if none || within && host != hosts[0] {
			continue
		}
		line := make([][]byte, len(strings.Split(strings.SplitN(statement, "\nFROM", 2)[0], " AS `"))-1)
		for i := range line {
			line[i] = []byte(host.String())
		}
		if err := row(line); err != nil {
			return 0, err
		}
	}
	return o.bytes, nil
}

func (o *twoDepartments) FlowTables(ctx context.Context, from, to archive.Day) (read, named []query.Table, err error) {
	o.rows = 100 + o.bytes%1000
	return o.office.FlowTables(ctx, from, to)
}

// servedBy is a page of which anna sees sales and boss everything, behind a proxy.
func servedBy(t *testing.T, o *twoDepartments) http.Handler {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users.json")
	if err := access.Update(file, func([]access.User) ([]access.User, error) {
		return []access.User{{Name: "anna", Role: access.Viewer, Departments: []string{"sales"}}, {Name: "gone", Role: access.Viewer, Departments: []string{"dissolved"}},
			{Name: "boss", Role: access.Viewer}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	d := deps(&o.office)
	d.Open = func(context.Context) (Store, query.Asker, error) { return o, o, nil }
	setting := d.Setting
	d.Setting = func(ctx context.Context) (*query.Setting, error) {
		s, err := setting(ctx)
		one := func(name string, a netip.Addr) query.Department {
			return query.Department{Name: name, Ranges: []query.Range{{From: a, To: a}}}
		}
		s.Departments = []query.Department{one("sales", hosts[0]), one("bureau", secret)}
		return s, err
	}
	d.Names = func(context.Context, time.Time) (map[netip.Addr]string, error) {
		names := map[netip.Addr]string{hosts[0]: "desk"}
		if o.bytes > 0 {
			names[secret] = "director"
		}
		return names, nil
	}
	d.History = func(context.Context, time.Time, time.Time) (names []archive.HostName, err error) {
		for host := range o.all() {
			for _, name := range []string{"new", "director"} {
				names = append(names, archive.HostName{Host: host, Name: strings.Replace(name, "director", "desk", btoi(host == hosts[0])), From: archive.SlotStart(begin, 0, time.UTC)})
			}
		}
		return names, nil
	}
	d.Live = func(_ context.Context, _ time.Time, reset func(), take func(string, *archive.Row) error) error {
		reset()
		for host, bytes := range o.all() {
			if err := take("a", &archive.Row{Host: host, Peer: netip.MustParseAddr("203.0.113.9"), PeerPort: 443, Proto: 6, DownBytes: bytes, Flows: 1}); err != nil {
				return err
			}
		}
		return nil
	}
	d.Proxied = func(_ context.Context, from, to archive.Day, take func(*archive.ProxyUsage)) (time.Time, time.Time, error) {
		for host, bytes := range o.all() {
			take(&archive.ProxyUsage{Day: begin.Add(1), Host: host, Bytes: bytes})
		}
		take(&archive.ProxyUsage{Day: begin.Add(1), Bytes: o.bytes}) // of nobody knows whom
		return d.Now().AddDate(0, -1, 0), d.Now(), nil
	}
	cfg := DefaultConfig()
	cfg.Users, cfg.TrustedProxies = file, []string{"192.0.2.1"}
	s, err := New(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

func getAs(h http.Handler, user, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "http://127.0.0.1:8788"+target, nil)
	r.RemoteAddr = "192.0.2.1:40000"
	r.Header.Set("X-Remote-User", user)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// tries are the addresses by which a viewer of sales tries each route for figures of
// another department. A route that is not here fails the test.
var tries = map[string][]string{
	"GET /{$}":           {"/"},
	"GET /month/{month}": {"/month/2026-11"},
	"GET /day/{day}":     {"/day/2026-11-21", "/day/2026-11-21?top=0&sort=host", "/day/2026-11-21?top=10&sort=flows"},
	"GET /host/{host}":   {"/host/192.168.88.77", "/host/192.168.88.77?month=2026-11", "/host/192.168.88.10"},
	"GET /query": {"/query", "/query?month=2026-11&group=host", "/query?month=2026-11&host=192.168.88.77&group=peer", "/query?month=2026-11&department=bureau&group=host",
		"/query?month=2026-11&department=!sales&group=host", "/query?month=2026-11&src=192.168.88.77&show=count", "/query?month=2026-11&show=rows&limit=0",
		"/query?month=2026-11&group=dst,src", "/query?from=2026-11-20&to=2026-11-22", "/query?month=2026-11&group=host&ask=yes&department=-"},
	"GET /query/{file}":  {"/query/answer.csv?month=2026-11&group=host", "/query/answer.json?month=2026-11&host=192.168.88.77&show=rows", "/query/answer.csv?month=2026-11&department=bureau&group=host,peer"},
	"GET /now":           {"/now", "/now?minutes=1&by=peer", "/now?by=service", "/now?by=router&minutes=15"},
	"GET /proxy":         {"/proxy", "/proxy?sort=share"},
	"GET /proxy/{month}": {"/proxy/2026-11?sort=host"},
	"GET /status":        {"/status"},
}

// A viewer of one department reaches no other host's figures: whatever the other
// department does, every page is the same to the byte.
func TestReach(t *testing.T) {
	quiet, busy := servedBy(t, &twoDepartments{t: t}), servedBy(t, &twoDepartments{t: t, bytes: 17_654_321})
	s, err := New(DefaultConfig(), deps(&office{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, rt := range s.routes() {
		pattern := rt.method + " " + rt.pattern
		switch rt.reach {
		case forAnyone:
			continue // TestAnyone
		case forHosts, forWhole:
		default:
			t.Errorf("%s does not say whom it is for", pattern)
		}
		targets := tries[pattern]
		if len(targets) == 0 {
			t.Errorf("%s: no test tries to reach another department by it", pattern)
		}
		differs := false
		for _, target := range targets {
			for _, user := range []string{"anna", "gone"} {
				without, with := getAs(quiet, user, target), getAs(busy, user, target)
				if rt.reach == forWhole {
					if with.Code != http.StatusForbidden {
						t.Errorf("%s: %s has %d", user, target, with.Code)
					}
					continue
				}
				if without.Body.String() != with.Body.String() || without.Code != with.Code {
					t.Errorf("%s sees by %s what bureau does:\n%s\n%s", user, target, without.Body, with.Body)
				}
				body := strings.ReplaceAll(html.UnescapeString(with.Body.String()), "INET6_ATON('192.168.88.77')", "") // the departments themselves are no secret
				if !strings.Contains(target, secret.String()) && strings.Contains(body, secret.String()) || strings.Contains(body, "director") {
					t.Errorf("%s sees the secret host by %s: %s", user, target, body)
				}
				if user == "gone" && strings.Contains(with.Body.String(), "desk") {
					t.Errorf("a viewer of a department that is no more sees hosts by %s", target)
				}
			}
			differs = differs || getAs(quiet, "boss", target).Body.String() != getAs(busy, "boss", target).Body.String()
		}
		if !differs {
			t.Errorf("%s: the test cannot tell, since nobody sees what bureau does", pattern)
		}
	}
	if body := getAs(busy, "anna", "/day/2026-11-21").Body.String(); !strings.Contains(body, "192.168.88.10") || !strings.Contains(body, "desk") {
		t.Errorf("anna does not see her own department: %s", body)
	}
}

// Routes for anyone are those of logging in, and the files of the page.
func TestAnyone(t *testing.T) {
	s, err := New(DefaultConfig(), deps(&office{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, rt := range s.routes() {
		if rt.reach == forAnyone && !slices.Contains([]string{"/login", "/logout", "/assets/{file}"}, rt.pattern) {
			t.Errorf("%s is for anyone", rt.pattern)
		}
	}
}

// A handler whose request nobody was found for reaches nothing.
func TestNobodyReaches(t *testing.T) {
	s, err := New(DefaultConfig(), deps(&office{}))
	if err != nil {
		t.Fatal(err)
	}
	store, _, err := s.archiveFor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = store.HostDays(t.Context(), begin, until, func(h *archive.HostDay) { t.Errorf("%v", h.Host) })
	if bound, err := s.setting(t.Context()); err != nil || !bound.Bound {
		t.Error(bound, err)
	}
}

// Only what says whom it is for takes the archive, names and settings as they are.
func TestReachIsAsked(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	past := regexp.MustCompile(`deps\.(Open|Names|Setting|Findings|History|Proxied|Live)\(`)
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") || name == "reach.go" || name == "guard.go" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := past.Find(text); found != nil {
			t.Errorf("%s: %s goes past the visitor's reach: take archiveFor, names, setting or findings", name, found)
		}
	}
}
