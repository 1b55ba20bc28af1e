package webtest

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// shots is where pictures of all pages go: go test -shots FOLDER.
var shots = flag.String("shots", "", "write a picture of each page to `FOLDER`")

// tab is a tab of a browser of its own, that nobody used before. At its end it fails
// the test if its console has an error, or a report that something broke the policy.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu      sync.Mutex
	wrong   []string
	allowed []string // parts of errors that are wanted
}

func open(t *testing.T) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("lang", "en-US"), chromedp.Flag("disable-features", "BackForwardCache,Translate"), // chromedp loses a page that comes back as it was
		chromedp.Flag("hide-scrollbars", true), chromedp.WSURLReadTimeout(30*time.Second))
	bounded, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	browser, end := chromedp.NewExecAllocator(bounded, options...)
	ctx, shut := chromedp.NewContext(browser)
	b := &tab{t: t, ctx: ctx}
	t.Cleanup(func() { shut(); end(); cancel() })
	err := chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			b.fault("exception: " + ev.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if text, _ := json.Marshal(ev.Args); ev.Type == "error" || ev.Type == "warning" {
				b.fault("console: " + string(text))
			}
		case *log.EventEntryAdded:
			if ev.Entry.Level == "error" || ev.Entry.Level == "warning" {
				b.fault(string(ev.Entry.Source) + ": " + ev.Entry.Text + " " + ev.Entry.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, text := range b.wrong {
			t.Errorf("the browser says: %s", text)
		}
	})
	b.size(1280, 900)
	return b
}

func (b *tab) fault(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range b.allowed {
		if strings.Contains(text, part) {
			return
		}
	}
	b.wrong = append(b.wrong, text)
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		at, _ := chromedp.Run(b.ctx, chromedp.Location())
		b.t.Fatalf("at %s: %v", at, err)
	}
}

func (b *tab) goTo(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// follow clicks on what leads to another page, and waits for it.
func (b *tab) follow(selector string) {
	b.t.Helper()
	if _, err := chromedp.RunResponse(b.ctx, chromedp.Click(selector)); err != nil {
		b.t.Fatalf("click %s: %v", selector, err)
	}
}

// back goes back.
func (b *tab) back() {
	b.t.Helper()
	from := b.url()
	evaluate[any](b, "history.back(); 0")
	for range 200 {
		at, err := chromedp.Run(b.ctx, chromedp.Location())
		if err == nil && at != from {
			if ready, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.readyState")); err == nil && ready == "complete" {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatalf("back from %s leads nowhere", from)
}

func (b *tab) url() string {
	b.t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		b.t.Fatal(err)
	}
	return at
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Text(selector))
	if err != nil {
		b.t.Fatalf("%s: %v", selector, err)
	}
	return text
}

// values are those of all fields.
func (b *tab) values() map[string]string {
	b.t.Helper()
	return evaluate[map[string]string](b, `Object.fromEntries([...document.querySelectorAll("form [name]")].map((field) => [field.name, field.value]))`)
}

// value is that of a field of a form.
func (b *tab) value(name string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Value(`[name="`+name+`"]`))
	if err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	return text
}

// write types a text into a field of a form, in place of what is there.
func (b *tab) write(name, text string) {
	b.t.Helper()
	selector := `[name="` + name + `"]`
	b.do(chromedp.Clear(selector), chromedp.SendKeys(selector, text))
}

func evaluate[T any](b *tab, script string, options ...chromedp.EvaluateOption) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, options...))
	if err != nil {
		b.t.Fatalf("%.60s: %v", script, err)
	}
	return value
}

func (b *tab) size(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

func (b *tab) scheme(name string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) withoutScript() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatal(err)
	}
}

// paste does what Ctrl+V does.
func (b *tab) paste() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyDown", Key: "v", Code: "KeyV", Modifiers: 2, Commands: []string{"paste"}}); err != nil {
		b.t.Fatal(err)
	}
}

// shoot keeps a picture of the page, if wanted.
func (b *tab) shoot(name string, full bool) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	action := chromedp.CaptureScreenshot()
	if full {
		action = chromedp.FullScreenshot(100)
	}
	picture, err := chromedp.Run(b.ctx, action)
	if err == nil {
		err = os.WriteFile(filepath.Join(*shots, name+".png"), picture, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
