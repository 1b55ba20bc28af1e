package webtest

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// From the month to the rows themselves by clicks, and back.
func TestPerson(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.goTo(office.url + "/")
	b.follow(`a[href="/month/2026-10"]`)
	b.follow(`a[rel="next"]`)
	b.follow(`a[href="/day/2026-11-20"]`)
	b.follow(`a[href="?top=10&sort=total"]`)
	b.follow(`a[href="?top=10&sort=down"]`)
	if rows := evaluate[int](b, `document.querySelectorAll("table.list tbody")[1].rows.length`); rows != 11 {
		t.Errorf("ten hosts and the others are %d rows", rows)
	}
	if sorted := evaluate[string](b, `document.querySelector("[aria-sort]").textContent`); sorted != "Received" {
		t.Errorf("sorted by %s", sorted)
	}
	b.do(chromedp.Click("summary"), chromedp.WaitVisible("details table"))
	b.follow(`a[href="/host/192.168.88.10"]`)
	if head := b.text("h1"); !strings.Contains(head, "reception") {
		t.Errorf("host: %s", head)
	}
	b.follow(`.steps a[href*="group=service"]`)
	if caption := b.text("caption"); !strings.Contains(caption, "Answer") || b.value("host") != "192.168.88.10" || b.value("group") != "service" {
		t.Errorf("%s, host %q by %q", caption, b.value("host"), b.value("group"))
	}
	b.back()
	b.follow(`.steps a[href*="show=rows"]`)
	if at := b.url(); !strings.Contains(at, "show=rows") || !strings.Contains(b.text("table.list thead"), "peer_port") {
		t.Errorf("rows at %s", at)
	}
	b.follow(`td a[href*="peer=203.0.113."]`) // the other way: which hosts had to do with it
	if b.value("group") != "host" || !strings.HasPrefix(b.value("peer"), "203.0.113.") || !strings.Contains(b.text("table.list tbody"), "192.168.88.10") {
		t.Errorf("a peer leads to %s", b.url())
	}
	b.back()
	b.back()
	b.back()
	if at := b.url(); !strings.HasSuffix(at, "/day/2026-11-20?top=10&sort=down") {
		t.Errorf("back leads to %s", at)
	}
}

// Every field of the form is typed into; the question stands in the address, so that a
// browser that was never here shows the same, and back has what was typed.
func TestQuestion(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.goTo(office.url + "/query")
	typed := map[string]string{
		"month": "", "from": "2026-11-16", "to": "2026-11-20", "host": "192.168.88.0/24", "peer": "!203.0.113.7", "host_port": "1-65535", "peer_port": "443,80",
		"src": "192.168.88.0/24", "dst": "203.0.113.0/24", "src_port": "40000-49999", "dst_port": "443,80", "proto": "tcp,udp", "service": "!dns", "router": "gw-1", "wan": "1",
		"department": "sales", "day": "2026-11-16..2026-11-20", "hour": "8-18", "weekday": "mon-fri", "slot": "0-95", "direction": "up", "bytes": ">1000",
		"min_bytes": "1KiB", "group": "host", "group2": "dst_port", "limit": "7",
	}
	for _, name := range evaluate[[]string](b, `[...document.querySelectorAll("form input")].map((field) => field.name)`) {
		text, known := typed[name]
		if !known {
			t.Errorf("no test types into the field %s", name)
		}
		b.write(name, text)
	}
	b.follow("form button")
	answer := func(b *tab) string { return b.text("table.list tbody") }
	first := answer(b)
	if rows := strings.Count(first, "\n") + 1; rows != 7 || !strings.Contains(first, "reception") {
		t.Errorf("%d lines: %s", rows, first)
	}
	check := func(b *tab, when string) {
		t.Helper()
		values := b.values()
		for name, text := range typed {
			if got := values[name]; got != text {
				t.Errorf("%s: field %s has %q, not %q", when, name, got, text)
			}
		}
	}
	check(b, "after asking")
	b.follow(`.steps a[href^="/query?"]`)
	link := b.url()
	again := open(t)
	again.goTo(link)
	if got := answer(again); got != first {
		t.Errorf("another browser has another answer:\n%s\n%s", got, first)
	}
	b.back()
	check(b, "after going back")
}

// A table is copied as text with tabs, with exact numbers, on plain HTTP. 127.0.0.1 is
// as good as HTTPS for a browser, so what it has there and not elsewhere is taken away.
func TestCopy(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.goTo(office.url + "/query?month=2026-11&group=host&limit=3")
	evaluate[any](b, `Object.defineProperty(Navigator.prototype, "clipboard", {value: undefined}); 0`)
	exact := evaluate[string](b, `document.querySelector("td.n[title]").title`)
	b.do(chromedp.Click("caption .copy"))
	if said := b.text("caption .copy"); said != "Copied" {
		t.Errorf("the button says %q", said)
	}
	evaluate[any](b, `document.body.insertAdjacentHTML("beforeend", "<textarea id=into></textarea>"); document.getElementById("into").focus(); 0`)
	b.paste()
	pasted := evaluate[string](b, `document.getElementById("into").value`)
	lines := strings.Split(strings.TrimSpace(pasted), "\n")
	if len(lines) != 4 || lines[0] != "host\tup_bytes\tdown_bytes\tbytes\tflows" || !strings.HasPrefix(lines[1], "192.168.88.10 (reception)\t"+exact+"\t") {
		t.Errorf("pasted %q", pasted)
	}
}

// A name that a spreadsheet would take for a formula is made text.
func TestCopyFormula(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.goTo(office.url + "/status")
	for text, want := range map[string]string{`=1+1`: `'=1+1`, `@x`: `'@x`, `-12`: `-12`, `-1+1`: `'-1+1`, `name`: `name`} {
		if got := evaluate[string](b, `exact({classList: {contains: () => false}, textContent: "`+text+`"})`); got != want {
			t.Errorf("%s is copied as %s", text, got)
		}
	}
}

// All but the copying works without scripts.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.withoutScript()
	b.goTo(office.url + "/")
	b.follow(`a[href="/day/2026-11-20"]`)
	b.follow(`a[href="/host/192.168.88.10"]`)
	b.goTo(office.url + "/query")
	b.do(chromedp.SendKeys(`[name="host"]`, "192.168.88.10"))
	b.follow("form button")
	if text := b.text("table.list tbody"); !strings.Contains(text, "192.168.88.10") {
		t.Errorf("no answer: %s", text)
	}
	if nodes, err := chromedp.Run(b.ctx, chromedp.Nodes(".copy", chromedp.AtLeast(0))); err != nil || len(nodes) > 0 {
		t.Errorf("a button that does nothing: %v %v", nodes, err)
	}
}

// A viewer of a department logs in, sees it and nothing else, and logs out.
func TestLogin(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.allowed = []string{"the server responded with a status of 403"}
	b.goTo(office.login + "/day/2026-11-20?top=0&sort=host")
	b.write("name", "anna")
	b.write("password", "wrong horse")
	b.follow("form button")
	if text := b.text(".trouble"); !strings.Contains(text, "do not go together") || b.value("name") != "anna" || b.value("password") != "" {
		t.Errorf("%s: %q %q", text, b.value("name"), b.value("password"))
	}
	b.do(chromedp.SendKeys(`[name="password"]`, password))
	b.follow("form button")
	if at := b.url(); !strings.HasSuffix(at, "/day/2026-11-20?top=0&sort=host") {
		t.Errorf("the login leads to %s", at)
	}
	if text := b.text("main"); !strings.Contains(text, "192.168.88.19") || strings.Contains(text, "192.168.88.20") {
		t.Errorf("sales is 10 to 19: %s", text)
	}
	b.follow("nav form button")
	b.goTo(office.login + "/status")
	if at := b.url(); !strings.HasSuffix(at, "/login?to=%2Fstatus") {
		t.Errorf("after the end: %s", at)
	}
}

// Paper has the figures, and nothing to click on.
func TestPrint(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.goTo(office.url + "/query?month=2026-11&group=host&limit=3")
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
		t.Fatal(err)
	}
	for selector, shown := range map[string]bool{"nav": false, "form": false, ".copy": false, ".steps": false, "table.list": true, "h1": true, "footer": true} {
		if got := evaluate[bool](b, `document.querySelector("`+selector+`").getClientRects().length > 0`); got != shown {
			t.Errorf("%s on paper: %t", selector, got)
		}
	}
}
