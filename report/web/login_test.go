package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nfacct/report/web/access"
)

func TestMain(m *testing.M) {
	access.Cost = 4 // under the race detector a real one takes seconds
	os.Exit(m.Run())
}

// withUsers is a page of which anna is an administrator by her password.
func withUsers(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Users = filepath.Join(t.TempDir(), "users.json")
	u := access.User{Name: "anna", Role: access.Administrator}
	if err := u.SetPassword("correct horse"); err != nil {
		t.Fatal(err)
	}
	if err := access.Update(cfg.Users, func([]access.User) ([]access.User, error) {
		return []access.User{u, {Name: "carol", Role: access.Viewer}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg, deps(&office{}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func post(h http.Handler, target string, form url.Values, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://127.0.0.1:8788"+target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://127.0.0.1:8788")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func login(name, password, to string) url.Values {
	return url.Values{"name": {name}, "password": {password}, "to": {to}}
}

func withCookie(h http.Handler, target string, cookie *http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "http://127.0.0.1:8788"+target, nil)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestLogin(t *testing.T) {
	h := withUsers(t, nil).Handler()
	w := withCookie(h, "/day/2026-11-21?top=10", nil)
	if at := w.Header().Get("Location"); w.Code != http.StatusSeeOther || at != "/login?to=%2Fday%2F2026-11-21%3Ftop%3D10" {
		t.Fatalf("%d %s", w.Code, at)
	}
	if w := withCookie(h, w.Header().Get("Location"), nil); !strings.Contains(w.Body.String(), `value="/day/2026-11-21?top=10"`) {
		t.Errorf("the form forgets where to: %s", w.Body)
	}
	for _, target := range every {
		w := withCookie(h, target, nil)
		if open := strings.HasPrefix(target, "/login") || strings.HasPrefix(target, "/assets/"); !open && (w.Code != http.StatusSeeOther || w.Body.Len() > 200) {
			t.Errorf("%s is open: %d", target, w.Code)
		}
	}
	if w := post(h, "/login", login("anna", "wrong horse", "/"), nil); w.Code != http.StatusForbidden || len(w.Result().Cookies()) > 0 || strings.Contains(w.Body.String(), "wrong horse") {
		t.Errorf("%d %v", w.Code, w.Result().Cookies())
	}
	w = post(h, "/login", login("anna", "correct horse", "/day/2026-11-21?top=10"), nil)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/day/2026-11-21?top=10" || len(w.Result().Cookies()) != 1 {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure || cookie.Path != "/" {
		t.Errorf("%v", cookie)
	}
	if w := withCookie(h, "/status", cookie); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "anna") || !strings.Contains(w.Body.String(), "/logout") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	post(h, "/logout", nil, func(r *http.Request) { r.AddCookie(cookie) })
	if w := withCookie(h, "/status", cookie); w.Code != http.StatusSeeOther {
		t.Errorf("the session goes on after the end: %d", w.Code)
	}
	if w := post(h, "/login", login("carol", "", "/"), nil); w.Code != http.StatusForbidden {
		t.Errorf("who has no password came in: %d", w.Code)
	}
}

// A form of another site neither logs anybody in nor out.
func TestForeignForm(t *testing.T) {
	h := withUsers(t, nil).Handler()
	for _, header := range []map[string]string{{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}} {
		w := post(h, "/login", login("anna", "correct horse", "/"), func(r *http.Request) {
			r.Header.Del("Origin")
			for name, value := range header {
				r.Header.Set(name, value)
			}
		})
		if w.Code != http.StatusForbidden || len(w.Result().Cookies()) > 0 {
			t.Errorf("%v: %d", header, w.Code)
		}
	}
}

func TestLoginLeadsHere(t *testing.T) {
	for _, to := range []string{"https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "evil", "", "/login", "/\x09/evil.example"} {
		if got := localAddress(to); got != "/" {
			t.Errorf("%q leads to %q", to, got)
		}
	}
	if got := localAddress("/query?month=2026-11&host=a"); got != "/query?month=2026-11&host=a" {
		t.Error(got)
	}
}

func TestSlowLogin(t *testing.T) {
	h := withUsers(t, nil).Handler()
	code := 0
	for range 30 {
		w := post(h, "/login", login("anna", "guess", "/"), nil)
		if code = w.Code; code == http.StatusTooManyRequests {
			if w.Header().Get("Retry-After") == "" {
				t.Error("does not say when")
			}
			break
		}
	}
	if code != http.StatusTooManyRequests {
		t.Errorf("30 guesses: %d", code)
	}
	elsewhere := post(h, "/login", login("anna", "correct horse", "/"), func(r *http.Request) { r.RemoteAddr = "192.168.88.9:4000" })
	if elsewhere.Code != http.StatusSeeOther {
		t.Errorf("anna is locked out elsewhere: %d", elsewhere.Code)
	}
}
