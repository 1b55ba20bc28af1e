package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"nfacct/report/web/access"
)

// loginPage is the form of a login.
type loginPage struct {
	To, Name string
	Problem  string
}

// cookieName is that of the session's cookie. With TLS it has the prefix that keeps
// other names of a domain from setting it (RFC 6265bis, section 4.1.3.2).
func (s *Server) cookieName(r *http.Request) string {
	if s.overTLS(r) {
		return "__Host-nfacct"
	}
	return "nfacct"
}

func (s *Server) cookie(r *http.Request, token string, seconds int) *http.Cookie {
	return &http.Cookie{Name: s.cookieName(r), Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.overTLS(r), MaxAge: seconds}
}

func (s *Server) loginForm(r *http.Request) (string, *view, error) {
	to := localAddress(r.URL.Query().Get("to"))
	return "login", &view{Title: s.deps.Words.Text("web.login"), Data: &loginPage{To: to}}, nil
}

// login checks a name and a password. Passwords are looked at by two at a time, since
// each takes a quarter of a second of a processor by intent.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.refuse(w, r, http.StatusBadRequest, &trouble{Text: s.deps.Words.Text("web.wrong")})
		return
	}
	out := &loginPage{To: localAddress(r.PostForm.Get("to")), Name: r.PostForm.Get("name")}
	again := func(code int, problem string) {
		out.Problem = problem
		s.page(func(*http.Request) (string, *view, error) {
			return "login", &view{Title: s.deps.Words.Text("web.login"), Code: code, Data: out}, nil
		})(w, r)
	}
	if len(out.Name) > 256 {
		out.Name = ""
		again(http.StatusBadRequest, s.deps.Words.Text("web.bad_login"))
		return
	}
	users, err := s.users.List()
	if err != nil {
		s.deps.Log.Warn("login", "err", err)
		again(http.StatusServiceUnavailable, err.Error())
		return
	}
	from := s.client(r)
	if wait := s.throttle.Take(out.Name, from); wait > 0 {
		seconds := int(wait/time.Second) + 1
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		s.deps.Log.Warn("logins are slowed down", "user", fmt.Sprintf("%.64q", out.Name), "address", from)
		again(http.StatusTooManyRequests, s.deps.Words.Text("web.slow_login", strconv.Itoa(seconds)))
		return
	}
	if err := s.hashing.Acquire(r.Context(), 1); err != nil {
		return // nobody waits for it
	}
	u, ok := access.Verify(users, out.Name, r.PostForm.Get("password"))
	s.hashing.Release(1)
	if !ok {
		s.deps.Log.Warn("login refused", "user", fmt.Sprintf("%.64q", out.Name), "address", from)
		again(http.StatusForbidden, s.deps.Words.Text("web.bad_login"))
		return
	}
	s.throttle.Forgive(u.Name, from)
	if old, err := r.Cookie(s.cookieName(r)); err == nil {
		s.sessions.End(old.Value)
	}
	http.SetCookie(w, s.cookie(r, s.sessions.Begin(&u), int(access.Most/time.Second)))
	http.Redirect(w, r, out.To, http.StatusSeeOther)
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(s.cookieName(r)); err == nil {
		s.sessions.End(cookie.Value)
	}
	http.SetCookie(w, s.cookie(r, "", -1))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}
