package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"nfacct/report/web/access"
)

// visitor is who asks.
type visitor struct {
	access.User
	Session bool // has logged in here, and so can log out
}

// limited is whether some hosts are out of reach.
func (v *visitor) limited() bool {
	return v == nil || v.Role != access.Administrator && len(v.Departments) > 0
}

type visitorKey struct{}

// visitorOf is who asks. A context without anybody is of nobody, who reaches nothing.
func visitorOf(ctx context.Context) *visitor {
	v, _ := ctx.Value(visitorKey{}).(*visitor)
	return v
}

// open is whether the page is as it comes: for this machine alone, without users.
func (s *Server) open(users []access.User) bool {
	return s.cfg.local() && len(users) == 0 && len(s.proxies) == 0
}

// identify finds who asks; nil is nobody known.
func (s *Server) identify(r *http.Request) (*visitor, error) {
	users, err := s.users.List()
	if err != nil {
		return nil, err
	}
	if s.open(users) {
		return &visitor{User: access.User{Role: access.Administrator}}, nil
	}
	if s.trusted(r) {
		if named := r.Header.Values(s.cfg.ProxyHeader); len(named) == 1 && named[0] != "" {
			u, known := access.Find(users, named[0])
			switch {
			case known:
				return &visitor{User: u}, nil
			case len(users) == 0: // the proxy alone says who may come in
				u = access.User{Name: named[0], Role: access.Viewer}
				return &visitor{User: u}, u.Check()
			}
			return nil, &unknownUser{named[0]}
		}
	}
	if cookie, err := r.Cookie(s.cookieName(r)); err == nil {
		if u, ok := s.sessions.User(cookie.Value, users); ok {
			return &visitor{User: u, Session: true}, nil
		}
	}
	return nil, nil
}

// unknownUser is one whom the proxy knows and the page does not.
type unknownUser struct{ name string }

func (u *unknownUser) Error() string { return fmt.Sprintf("user %q may not see this page", u.name) }

// reach is what a route shows, and so who may ask for it.
type reach int

// Reaches. The zero value is none: a route has to say.
const (
	_         reach = iota
	forAnyone       // shows nothing of the network
	forHosts        // shows hosts that the visitor may see, and their sums
	forWhole        // shows sums over all hosts: for those who may see all
)

// admit stands before a route and lets those in who may see what it shows.
func (s *Server) admit(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := s.identify(r)
		stranger, unknown := err.(*unknownUser)
		switch {
		case rt.reach == forAnyone:
		case unknown:
			s.refuse(w, r, http.StatusForbidden, &trouble{s.deps.Words.Text("web.unknown_user", stranger.name), "nfacct user add NAME --no-password"})
			return
		case err != nil:
			s.deps.Log.Warn("page", "err", err)
			s.refuse(w, r, http.StatusServiceUnavailable, &trouble{err.Error(), "nfacct user list"})
			return
		case v == nil:
			if r.Method != http.MethodGet {
				s.refuse(w, r, http.StatusForbidden, &trouble{Text: s.deps.Words.Text("web.log_in_first")})
				return
			}
			http.Redirect(w, r, "/login?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return
		case rt.reach == forWhole && v.limited():
			s.refuse(w, r, http.StatusForbidden, &trouble{Text: s.deps.Words.Text("web.not_yours")})
			return
		}
		if v != nil {
			r = r.WithContext(context.WithValue(r.Context(), visitorKey{}, v))
		}
		rt.handle(w, r)
	}
}

// refuse is the page of a visitor who may not see one.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, code int, t *trouble) {
	s.page(func(*http.Request) (string, *view, error) {
		return "empty", &view{Title: s.deps.Words.Text("web.refused"), Code: code, Trouble: t}, nil
	})(w, r)
}

// local makes an address of this page of what a form said, so that a login leads
// nowhere else.
func localAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(text, "/") ||
		strings.HasPrefix(text, "//") || strings.ContainsFunc(text, func(c rune) bool { return c == '\\' || c < ' ' }) ||
		slices.Contains([]string{"/login", "/logout"}, u.Path) {
		return "/"
	}
	return text
}
