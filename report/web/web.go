// Package web is the page: a calendar, days, hosts, the state of things, and
// questions with their SQL, over HTTP.
//
// All is rendered here, by templates and a style sheet that are embedded; nothing
// needs JavaScript. Every page is a GET, so that its address can be mailed. Names of
// hosts are other people's text and are only ever written through html/template.
package web

import (
	"context"
	"crypto/tls"
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
	"nfacct/report/web/access"
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
	// History are the names that hosts had in a time, the newest of each host first.
	History func(ctx context.Context, start, end time.Time) ([]archive.HostName, error)
	// Proxied calls take with what the proxy's log says of days; begin is its first
	// entry and until how far it has been read, zero: nothing. Nil: there is no proxy.
	Proxied func(ctx context.Context, from, to archive.Day, take func(*archive.ProxyUsage)) (begin, until time.Time, err error)
	// Live gives take the rows of what was received since a time, imported or not, each
	// with its router's name; after reset they come anew.
	Live func(ctx context.Context, since time.Time, reset func(), take func(router string, row *archive.Row) error) error
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
	// lightWait is as the constant, but for tests.
	lightWait time.Duration

	made     nowMade
	proxies  []netip.Prefix
	users    *access.Users
	sessions *access.Sessions
	throttle *access.Throttle
	hashing  *semaphore.Weighted
	cert     *access.Certificate // nil: plain HTTP
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
	s := &Server{cfg: cfg, deps: deps, heavy: semaphore.NewWeighted(atOnce), lightWait: lightWait}
	if err := s.let(); err != nil {
		return nil, err
	}
	var err error
	if s.pages, err = template.New("").Funcs(s.functions()).ParseFS(files, "templates/*.html"); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		if r.reach == 0 {
			return nil, fmt.Errorf("%s %s does not say whom it is for", r.method, r.pattern)
		}
		mux.HandleFunc(r.method+" "+r.pattern, s.admit(r))
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
	go func() {
		if s.cert == nil {
			ended <- server.Serve(listener)
			return
		}
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.cert.Get}
		ended <- server.ServeTLS(listener, "", "")
	}()
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
