package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/report/query"
)

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

// A database that hangs holds no page up for long, and the one of the state hardly at all.
func TestDatabaseHangs(t *testing.T) {
	d := deps(&office{})
	d.Open = func(ctx context.Context) (Store, query.Asker, error) {
		<-ctx.Done()
		return nil, nil, ctx.Err()
	}
	s, err := New(DefaultConfig(), d)
	if err != nil {
		t.Fatal(err)
	}
	s.lightWait = 100 * time.Millisecond
	began := time.Now()
	if w := get(s.Handler(), "/status"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "router gw") || !strings.Contains(w.Body.String(), "nothing came in 2s") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, target := range []string{"/", "/day/2026-11-21", "/host/192.168.88.10"} {
		if w := get(s.Handler(), target); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "nothing came in 100ms") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A resolver that hangs delays no page: none asks it.
func TestResolverHangs(t *testing.T) {
	usual := net.DefaultResolver
	defer func() { net.DefaultResolver = usual }()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		t.Error("somebody asks the resolver")
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	h := serve(t, deps(&office{}))
	began := time.Now()
	for _, target := range every {
		get(h, target)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("all pages took %v", took)
	}
}
