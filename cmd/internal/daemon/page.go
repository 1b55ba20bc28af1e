package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/importer/live"
	"nfacct/report"
	"nfacct/report/health"
	"nfacct/report/query"
	"nfacct/report/web"
)

// Page serves the page, and calls ready when it can be asked. It goes on while the
// database is down, and says so.
func (d *Daemon) Page(ctx context.Context, cfg *config.Config, progress *Progress, ready func()) error {
	if cfg.Web.Listen == "" {
		return exit.Usage(cfg.Wrong("web.listen", "it is empty, so there is no page", `write for example "127.0.0.1:8788"`))
	}
	words, err := cfg.Report.Phrases()
	if err != nil {
		return err
	}
	open := newPageArchive(cfg, d.Log)
	defer open.close()
	server, err := web.New(cfg.Web, web.Deps{
		Location: cfg.Location(), Now: time.Now, Words: words, Log: d.Log, Routers: len(cfg.Routers), Open: open.get,
		Setting: func(ctx context.Context) (*query.Setting, error) {
			if _, _, err := open.get(ctx); err != nil {
				return nil, err
			}
			return stages.Setting(ctx, cfg, open.db, d.Log)
		},
		Names: func(ctx context.Context, at time.Time) (map[netip.Addr]string, error) {
			if _, _, err := open.get(ctx); err != nil {
				return nil, err
			}
			return report.Called(ctx, open.db, at)
		},
		History: func(ctx context.Context, start, end time.Time) ([]archive.HostName, error) {
			if _, _, err := open.get(ctx); err != nil {
				return nil, err
			}
			return open.db.Routers().NamesDuring(ctx, start, end)
		},
		Proxied: open.proxied(),
		Live:    open.live.Rows,
		Findings: func() ([]health.Finding, error) {
			s, err := ReadStatus(cfg)
			if err != nil {
				return nil, err
			}
			f, err := s.facts(cfg, time.Now())
			if err != nil {
				return nil, err
			}
			open.told(f)
			return health.Look(f, time.Now()), nil
		},
	})
	if err != nil {
		return exit.Usage(err)
	}
	ready()
	keeping, stop := context.WithCancel(ctx)
	var kept sync.WaitGroup
	kept.Go(func() { open.keep(keeping, progress) })
	defer kept.Wait()
	defer stop()
	return server.Run(ctx)
}

// pageArchive is the archive of the page, opened when it is first wanted and when
// that failed before.
type pageArchive struct {
	log *slog.Logger
	cfg *config.Config

	mu    sync.Mutex
	db    *archive.Archive
	asker *archive.Asker
	tried time.Time
	err   error
	// opening is closed when an attempt has ended; nil: none is under way.
	opening chan struct{}
	closed  bool
	facts   health.Facts // that the archive told last
	live    *live.Live
}

// Times of the page's archive: how long it waits for a database, how soon it tries
// again, and how often it looks whether days have to be summed up again.
const (
	pageOpenWait  = 20 * time.Second
	pageOpenAgain = 5 * time.Second
	pageRefresh   = 15 * time.Second
	pageCheck     = time.Minute
)

// get waits for the database no longer than ctx allows: a page that needs none, or can
// do without, is not held up by one that hangs.
func (p *pageArchive) get(ctx context.Context) (web.Store, query.Asker, error) {
	p.mu.Lock()
	if p.db == nil && p.opening == nil && (p.err == nil || time.Since(p.tried) >= pageOpenAgain) {
		p.opening = make(chan struct{})
		go p.begin(p.opening)
	}
	opening := p.opening
	p.mu.Unlock()
	if opening != nil {
		select {
		case <-opening:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.db == nil {
		return nil, nil, p.err
	}
	return p.db.Reader(), query.Of(p.db, p.asker), nil
}

// begin opens the archive for every request that waits, also when one of them
// stops waiting.
func (p *pageArchive) begin(opened chan struct{}) {
	defer close(opened)
	ctx, cancel := context.WithTimeout(context.Background(), pageOpenWait)
	defer cancel()
	db, asker, err := p.open(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opening, p.tried = nil, time.Now()
	if p.db, p.asker, p.err = db, asker, err; err == nil && p.closed {
		p.asker.Close()
		p.db.Close()
		p.db, p.err = nil, errPageEnds
	}
}

var errPageEnds = errors.New("the page ends")

func (p *pageArchive) open(ctx context.Context) (*archive.Archive, *archive.Asker, error) {
	db, err := stages.OpenToRead(ctx, p.cfg, p.log)
	if err != nil {
		return nil, nil, err
	}
	asker, err := db.Asker(ctx, archive.DefaultAskLimits())
	if err == nil {
		err = db.RefreshDays(ctx)
	}
	if err != nil {
		if asker != nil {
			asker.Close()
		}
		db.Close()
		return nil, nil, err
	}
	return db, asker, nil
}

// keep sums up days whose files have changed, so that no page has to, and tells the
// parent that the page lives.
func (p *pageArchive) keep(ctx context.Context, progress *Progress) {
	ticks := time.NewTicker(pageRefresh)
	defer ticks.Stop()
	var checked time.Time
	for {
		progress.Alive()
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		p.mu.Lock()
		db := p.db
		p.mu.Unlock()
		if db == nil {
			continue
		}
		bounded, cancel := context.WithTimeout(ctx, time.Minute)
		if err := db.RefreshDays(bounded); err != nil && ctx.Err() == nil {
			p.log.Debug("days not summed up", "err", err)
		}
		cancel()
		if time.Since(checked) >= pageCheck {
			p.check(ctx, db)
			checked = time.Now()
		}
	}
}

// proxied reads what the proxy's log says; nil when none is configured.
func (p *pageArchive) proxied() func(ctx context.Context, from, to archive.Day, take func(*archive.ProxyUsage)) (begin, until time.Time, err error) {
	if p.cfg.Report.Squid.AccessLog == "" {
		return nil
	}
	return func(ctx context.Context, from, to archive.Day, take func(*archive.ProxyUsage)) (begin, until time.Time, err error) {
		if _, _, err := p.get(ctx); err != nil {
			return begin, until, err
		}
		first, hour, known, err := p.db.Proxy().Begin(ctx)
		if err != nil || !known {
			return begin, until, err
		}
		begin = archive.NewCalendar(p.cfg.Location()).SlotStart(first, archive.Slot(4*hour))
		until, err = p.db.Proxy().Usage(ctx, from, to, take)
		return begin, until, err
	}
}

func (p *pageArchive) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.live.Close()
	if p.db != nil {
		p.asker.Close()
		p.db.Close()
	}
}

// keepPage keeps the page's process going: it is started again, later each time that
// it did not last. The collector never waits for it.
func (d *Daemon) keepPage(ctx context.Context, r *running) error {
	parent := &Parent{Said: d.Said, Log: d.Log}
	args := []string{"page", "--handed", "--memory", fmt.Sprint(int64(PageMemory))}
	if d.Verbose {
		args = append(args, "--verbose")
	}
	pauses := &backoff.ExponentialBackOff{InitialInterval: time.Second, Multiplier: 2, MaxInterval: 5 * time.Minute}
	pauses.Reset()
	for {
		began := time.Now()
		err := r.servePage(ctx, parent, args)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil: // after a reload
			continue
		case time.Since(began) > time.Minute:
			pauses.Reset()
		}
		wait := pauses.NextBackOff()
		d.Log.Warn("the page ended and is started again", "err", err, "after", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// servePage runs the page's process until it ends, with an error, or a reload ends it.
// While there is no page, it waits for the reload.
func (r *running) servePage(ctx context.Context, parent *Parent, args []string) error {
	inner, end := context.WithCancel(ctx)
	defer end()
	r.mu.Lock()
	cfg := r.cfg
	r.page = end
	r.mu.Unlock()
	if cfg.Web.Listen == "" {
		<-inner.Done()
		return nil
	}
	err := parent.Run(inner, Task{Name: "page", Args: args, Input: cfg.Hand(r.began), Memory: PageMemory, Silence: 5 * time.Minute})
	if inner.Err() != nil {
		return nil
	}
	if err == nil {
		err = errors.New("it ended by itself")
	}
	return err
}
