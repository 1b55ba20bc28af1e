package webtest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// pages are all that are looked at in each size and each light.
var pages = []struct{ name, path string }{
	{"month", "/"}, {"month-before", "/month/2026-10"}, {"day", "/day/2026-11-20"}, {"day-all", "/day/2026-11-20?top=0&sort=name"}, {"day-none", "/day/2026-11-11"},
	{"now", "/now"}, {"proxy", "/proxy?sort=share"}, {"host", "/host/192.168.88.13"}, {"host-none", "/host/192.0.2.1"}, {"query", "/query"},
	{"query-answer", "/query?month=2026-11&group=host,service&host=192.168.88.0/24"}, {"query-rows", "/query?from=2026-11-20&to=2026-11-20&show=rows&limit=20"},
	{"query-wrong", "/query?month=2026-11&host=nonsense"}, {"status", "/status"},
}

// violation is what axe finds.
type violation struct {
	ID, Help string
	Nodes    []struct{ HTML, FailureSummary string }
}

func axe(t *testing.T, b *tab, script, where string) {
	t.Helper()
	evaluate[any](b, script+";0")
	for _, v := range evaluate[[]violation](b, `axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.map((v) => ({ID: v.id, Help: v.help, Nodes: v.nodes.map((n) => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`, chromedp.EvalAwaitPromise) {
		n := v.Nodes[0]
		t.Errorf("%s: %s (%s), %d times: %s: %s", where, v.ID, v.Help, len(v.Nodes), n.HTML, n.FailureSummary)
	}
	if wide := evaluate[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
		t.Errorf("%s: the page is %d pixels wider than the window", where, wide)
	}
}

// No page has anything that axe-core knows to hinder people, by day and by night, on a
// desk and on a phone.
func TestAxe(t *testing.T) {
	script, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v: make need-test fetches axe-core", err)
	}
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%s-%d", scheme, width), func(t *testing.T) {
				t.Parallel()
				b := open(t)
				b.allowed = []string{"the server responded with a status of 400"}
				b.size(width, 900)
				b.scheme(scheme)
				for _, page := range pages {
					b.goTo(office.url + page.path)
					where := fmt.Sprintf("%s %s %d", page.path, scheme, width)
					axe(t, b, string(script), where)
					b.shoot(fmt.Sprintf("%s-%s-%d", page.name, scheme, width), true)
				}
				for _, path := range []string{"/", "/day/2026-11-20", "/query"} {
					b.goTo(office.russian + path)
					axe(t, b, string(script), "russian "+path)
					b.shoot(fmt.Sprintf("ru%s-%s-%d", strings.ReplaceAll(path, "/", "-"), scheme, width), true)
				}
				b.goTo(office.login + "/")
				axe(t, b, string(script), "login")
				b.shoot(fmt.Sprintf("login-%s-%d", scheme, width), true)
			})
		}
	}
}
