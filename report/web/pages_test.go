package web

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// every is a request for every route that a GET may ask for.
var every = []string{"/", "/month/2026-11", "/day/2026-11-21", "/day/2026-11-21?top=0&sort=name", "/host/192.168.88.10", "/proxy", "/proxy/2026-11", "/query",
	"/query?month=2026-11&group=host", "/query/answer.csv?month=2026-11&group=host", "/query/answer.json?month=2026-11&group=host",
	"/query/answer.xlsx?month=2026-11&group=host", "/now", "/now?minutes=1&by=service&hold=yes", "/status", "/login", "/assets/page.css", "/assets/page.js", "/assets/icon.svg"}

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
		body = strings.Replace(body, `<script src="/assets/page.js" defer></script>`, "", 1)
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
		if r.method != "GET" {
			continue // those of a login have their own tests
		}
		if !slices.Contains(seen, r.method+" "+r.pattern) {
			t.Errorf("no test asks for %s %s", r.method, r.pattern)
		}
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
		"/day/2026-11-21":                   {`<td>branch-a</td><td class="n" title="404">`, `<td>branch-b</td><td class="n" title="606">`, "has a line for each router", "KiB*</td>", "* download charged by"},
		"/host/192.168.88.10?month=2026-11": {`branch-a</th><td class="n" title="1212">`, `branch-b</th><td class="n" title="1818">`},
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

// A month of which nothing is known is not one of no bytes.
func TestUnknownIsNotZero(t *testing.T) {
	if body := get(serve(t, deps(&office{})), "/host/192.168.88.10").Body.String(); strings.Contains(body, "Month before") {
		t.Errorf("compares with a month before the first data: %s", body)
	}
}
