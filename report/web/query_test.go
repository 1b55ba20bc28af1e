package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nfacct/report/query"
)

// The predecessor's page put every field and the table's name into its SQL, and wrote
// them back as markup.
func TestInjection(t *testing.T) {
	o := &office{}
	h := serve(t, deps(o))
	for _, field := range append(query.Names(), "month", "from", "group", "group2", "limit", "min_bytes", "show", "table") {
		for _, text := range []string{"1' OR '1'='1", "flows_2026_11; DROP TABLE x", hostile} {
			w := get(h, "/query?month=2026-11&"+field+"="+strings.NewReplacer(" ", "%20", "<", "%3C", `"`, "%22", ";", "%3B").Replace(text))
			if strings.Count(w.Body.String(), "<script") > 1 {
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
