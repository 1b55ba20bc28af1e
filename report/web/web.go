// Package web is the page: a calendar, days, hosts, the state of things, and
// questions with their SQL, over HTTP.
//
// All is rendered here, by templates and a style sheet that are embedded; nothing
// needs JavaScript. Every page is a GET, so that its address can be mailed. Names of
// hosts are other people's text and are only ever written through html/template.
package web

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/sync/semaphore"

	"nfacct/archive"
	"nfacct/report/health"
	"nfacct/report/phrase"
	"nfacct/report/query"
)

//go:embed templates assets
var files embed.FS

// Store is what pages read: sums that were made at import.
type Store interface {
	DaySpan(ctx context.Context) (first, last archive.Day, err error)
	DayTotals(ctx context.Context, from, to archive.Day) ([]archive.DayTotal, error)
	DaysOfHost(ctx context.Context, host netip.Addr, from, to archive.Day) ([]archive.HostDay, error)
	HostDays(ctx context.Context, from, to archive.Day, each func(*archive.HostDay)) error
	HostHours(ctx context.Context, day archive.Day, each func(*archive.HostHour)) error
	RouterHosts(ctx context.Context, from, to archive.Day, each func(*archive.RouterHost)) error
	Books(ctx context.Context, from, to archive.Day) ([]archive.Book, error)
}

// Deps are what the page is given.
type Deps struct {
	Location *time.Location
	Now      func() time.Time
	Words    *phrase.Catalogue
	Log      *slog.Logger
	// Open is the archive and who asks it; an error while it is down.
	Open func(ctx context.Context) (Store, query.Asker, error)
	// Setting is what names of the configuration mean in a question.
	Setting func(ctx context.Context) (*query.Setting, error)
	// Names are the names of hosts at a time. They come from the archive: no page
	// waits for a resolver.
	Names func(ctx context.Context, at time.Time) (map[netip.Addr]string, error)
	// Findings say how nfacct does. They need no database.
	Findings func() ([]health.Finding, error)
	// Routers is how many are configured.
	Routers int
}

// Server is the page.
type Server struct {
	cfg     Config
	deps    Deps
	pages   *template.Template
	heavy   *semaphore.Weighted
	handler http.Handler
}

// atOnce is how many questions run at the same time; others wait for their turn.
const atOnce = 2

// New checks and returns a page that Run serves.
func New(cfg Config, deps Deps) (*Server, error) {
	var wrong error
	cfg.Check(func(key, what, remedy string) { wrong = fmt.Errorf("web.%s: %s; %s", key, what, remedy) })
	if wrong != nil {
		return nil, wrong
	}
	s := &Server{cfg: cfg, deps: deps, heavy: semaphore.NewWeighted(atOnce)}
	var err error
	if s.pages, err = template.New("").Funcs(s.functions()).ParseFS(files, "templates/*.html"); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.method+" "+r.pattern, r.handle)
	}
	s.handler = s.guard(http.NewCrossOriginProtection().Handler(mux))
	return s, nil
}

// Bounds of a connection. A question may take as long as the database lets it, so
// there is none for the answer: it ends with the browser's connection.
const (
	headerWait = 10 * time.Second
	idleWait   = 2 * time.Minute
	mostHeader = 32 << 10
	mostBody   = 64 << 10
	endWait    = 3 * time.Second
)

// Handler serves the page, for tests.
func (s *Server) Handler() http.Handler { return s.handler }

// Run serves until ctx is done.
func (s *Server) Run(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerWait, ReadTimeout: headerWait, IdleTimeout: idleWait,
		MaxHeaderBytes: mostHeader, ErrorLog: slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx }, // questions end with the page
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("page: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWait)
	defer cancel()
	if err := server.Shutdown(stop); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("page: %w", err)
	}
	return server.Close()
}

// policy lets a page have its own style sheet, and nothing else: text that slipped
// through as markup could neither run nor call home.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard stands before all pages. A page on a loopback address answers to loopback's
// names alone: else a web site whose name resolves to 127.0.0.1 could read it through
// the visitor's browser (DNS rebinding).
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !isLoopback(r.Host) {
			http.Error(w, "this page answers to 127.0.0.1 and localhost only", http.StatusMisdirectedRequest)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		next.ServeHTTP(w, r)
	})
}

func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if name == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap().IsLoopback()
}
