package web

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"time"
)

// route is a row of the table of pages.
type route struct {
	method, pattern string
	handle          http.HandlerFunc
	// reach says what the route shows, and so who may ask for it. A handler takes the
	// archive, the setting of questions and names from archiveFor, setting and names.
	reach reach
}

// routes is the table: there is no other page.
func (s *Server) routes() []route {
	return []route{
		{"GET", "/{$}", s.light(s.calendar), forHosts},
		{"GET", "/month/{month}", s.light(s.calendar), forHosts},
		{"GET", "/day/{day}", s.light(s.day), forHosts},
		{"GET", "/host/{host}", s.light(s.host), forHosts},
		{"GET", "/now", s.light(s.now), forHosts},
		{"GET", "/proxy", s.light(s.proxy), forHosts},
		{"GET", "/proxy/{month}", s.light(s.proxy), forHosts},
		{"GET", "/query", s.page(s.query), forHosts},
		{"GET", "/query/{file}", s.export, forHosts},
		{"GET", "/status", s.page(s.status), forHosts},
		{"GET", "/login", s.page(s.loginForm), forAnyone},
		{"POST", "/login", s.login, forAnyone},
		{"POST", "/logout", s.logout, forAnyone},
		{"GET", "/assets/{file}", s.asset, forAnyone},
	}
}

// view is what a template is given.
type view struct {
	Title, Nav string
	Zone       string
	Now        string
	Code       int // of HTTP; 0 is 200
	Refresh    int // after how many seconds the browser asks again; 0 is never
	Trouble    *trouble
	Visitor    *visitor
	Proxy      bool // there is one
	Data       any
}

// trouble is why a page has no figures, and what helps.
type trouble struct{ Text, Command string }

// lightWait is how long a page that reads sums alone waits for the database.
const lightWait = 15 * time.Second

// light is a page that reads sums alone: it gives a database up that hangs.
func (s *Server) light(find func(r *http.Request) (name string, v *view, err error)) http.HandlerFunc {
	return s.page(func(r *http.Request) (string, *view, error) {
		ctx, cancel := context.WithTimeout(r.Context(), s.lightWait)
		defer cancel()
		return find(r.WithContext(ctx))
	})
}

// page renders what a function found. An error is the database's: the page says so,
// and what the collector sees stands on the page of the state.
func (s *Server) page(find func(r *http.Request) (name string, v *view, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, v, err := find(r)
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.New(s.deps.Words.Text("web.no_answer", s.lightWait.String()))
		}
		if err != nil {
			if r.Context().Err() != nil {
				return // nobody waits for it
			}
			s.deps.Log.Warn("page", "path", r.URL.Path, "err", err)
			name, v = "empty", &view{Title: s.deps.Words.Text("web.down"), Code: http.StatusServiceUnavailable,
				Trouble: &trouble{s.deps.Words.Text("web.down_text", err.Error()), "nfacct status"}}
		}
		v.Proxy = s.deps.Proxied != nil
		v.Visitor = visitorOf(r.Context())
		v.Zone, v.Now = s.deps.Location.String(), s.deps.Now().In(s.deps.Location).Format("2006-01-02 15:04")
		var out bytes.Buffer
		if err := s.pages.ExecuteTemplate(&out, name+".html", v); err != nil {
			s.deps.Log.Error("page", "path", r.URL.Path, "err", err)
			http.Error(w, "this page cannot be made; the log has the reason", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if v.Refresh > 0 {
			w.Header().Set("Refresh", strconv.Itoa(v.Refresh))
		}
		if v.Code != 0 {
			w.WriteHeader(v.Code)
		}
		_, _ = w.Write(out.Bytes())
	}
}

// wrong is the page of an address that means nothing.
func (s *Server) wrong(text string) (string, *view, error) {
	return "empty", &view{Title: s.deps.Words.Text("web.wrong"), Code: http.StatusBadRequest, Trouble: &trouble{Text: text}}, nil
}

func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Cache-Control", "max-age=300")
	http.ServeFileFS(w, r, assets, r.PathValue("file"))
}
