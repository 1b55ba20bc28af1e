package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"nfacct/report/health"
	"nfacct/report/web/access"
)

// let prepares whom the page lets in.
func (s *Server) let() error {
	for _, text := range s.cfg.TrustedProxies {
		p, err := parseNetwork(text)
		if err != nil {
			return err
		}
		s.proxies = append(s.proxies, p)
	}
	s.users = access.NewUsers(s.cfg.Users)
	s.sessions, s.throttle = access.NewSessions(s.deps.Now), access.NewThrottle(s.deps.Now)
	s.hashing = semaphore.NewWeighted(atOnce)
	users, err := s.users.List()
	if err != nil {
		return err
	}
	if !s.cfg.local() && len(users) == 0 && len(s.proxies) == 0 {
		return fmt.Errorf("web.listen: %s is not this machine alone, and nobody may log in: make a user with nfacct user add NAME, name a proxy in web.trusted_proxies, or write \"127.0.0.1:8788\" and come by ssh -L 8788:127.0.0.1:8788", s.cfg.Listen)
	}
	if s.cfg.TLSCert != "" {
		if s.cert, err = access.NewCertificate(s.cfg.TLSCert, s.cfg.TLSKey, s.deps.Now); err != nil {
			return fmt.Errorf("web.tls_cert: %w", err)
		}
	}
	return nil
}

// policy lets a page have its own style sheet and script, and nothing else: text that
// slipped through as markup could neither run nor call home.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard stands before all pages.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-store")
		if !s.answersTo(r.Host) {
			http.Error(w, "this page is asked by an address, by localhost, or by a name in web.names of the configuration", http.StatusMisdirectedRequest)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		next.ServeHTTP(w, r)
	})
}

// answersTo is whether a browser may ask the page by a name. Where something else than
// a session lets a visitor in, being on this machine or behind the proxy, a web site
// whose name comes to resolve to the page's address could read the page through the
// visitor's browser (DNS rebinding). Addresses cannot be rebound.
func (s *Server) answersTo(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if _, err := netip.ParseAddr(name); err == nil || strings.EqualFold(name, "localhost") {
		return true
	}
	if slices.ContainsFunc(s.cfg.Names, func(known string) bool { return strings.EqualFold(known, name) }) {
		return true
	}
	users, err := s.users.List()
	return err == nil && !s.open(users) && len(s.proxies) == 0
}

// soon is how long before its end a certificate is said to end.
const soon = 14 * 24 * time.Hour

// findings are those of nfacct and of the page itself.
func (s *Server) findings() ([]health.Finding, error) {
	found, err := s.deps.Findings()
	words := s.deps.Words
	add := func(id string, level health.Level, text, remedy string, since time.Time) {
		found = append(found, health.Finding{ID: "page." + id, Level: level, Subject: words.Text("web.page"), Text: text, Remedy: remedy, Since: since})
	}
	users, usersErr := s.users.List()
	switch {
	case usersErr != nil:
		add("users", health.Fail, usersErr.Error(), "nfacct user list", time.Time{})
	case s.open(users):
		add("open", health.OK, words.Text("web.is_open", s.cfg.Listen), "nfacct user add NAME", time.Time{})
	case s.cert == nil && !s.cfg.local():
		add("plain", health.Warn, words.Text("web.is_plain"), "web.tls_cert, web.tls_key", time.Time{})
	}
	if s.cert != nil {
		until, since, problem := s.cert.State()
		day := until.In(s.deps.Location).Format("2006-01-02 15:04")
		switch left := until.Sub(s.deps.Now()); {
		case problem != nil:
			add("certificate", health.Fail, words.Text("web.bad_certificate", problem.Error()), "web.tls_cert, web.tls_key", since)
		case left <= 0:
			add("certificate", health.Fail, words.Text("web.old_certificate", day), "web.tls_cert", until)
		case left < soon:
			add("certificate", health.Warn, words.Text("web.ends_certificate", day), "web.tls_cert", time.Time{})
		}
	}
	return found, err
}
