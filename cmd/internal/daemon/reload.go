package daemon

import (
	"context"
	"strings"
	"sync"
	"time"

	"nfacct/cmd/internal/build"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/schedule"
	"nfacct/cmd/internal/stages"
	"nfacct/collector"
)

// running is nfacct run with the configuration that is in force.
type running struct {
	d     *Daemon
	began *config.Config // at the start: some keys count only then
	db    *Database
	jobs  *schedule.Runner

	mu        sync.Mutex
	cfg       *config.Config
	collector *collector.Collector
	page      context.CancelFunc // ends the page's process, which is started again
	reloaded  *ReloadStatus
}

// ReloadStatus says how the last reload went.
type ReloadStatus struct {
	At      time.Time `json:"at"`
	Done    bool      `json:"done"`
	Problem string    `json:"problem,omitempty"` // with the file; the former one stays in force
	Restart []string  `json:"restart,omitempty"` // keys and tables that count at the next start
}

// now is the configuration that is in force.
func (r *running) now() *config.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cfg
}

// receives notes the collector, which a reload gives the routers of now.
func (r *running) receives(c *collector.Collector) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.collector = c
}

// reload reads the configuration anew. If it is without fault, it counts from now on,
// except the keys that need a restart; else nothing changes.
func (r *running) reload() {
	manager := Notifier{Log: r.d.Log}
	manager.Reloading()
	defer manager.Ready()
	next, err := config.Load(r.began.File())
	if err == nil {
		err = next.NoRouter()
	}
	if err != nil {
		r.d.Log.Error("the configuration has faults and is not applied: the former one stays in force", "err", err)
		r.mu.Lock()
		r.reloaded = &ReloadStatus{At: time.Now(), Problem: err.Error()}
		r.mu.Unlock()
		return
	}
	next.Database.Program = build.Program()
	restart := next.Keep(r.began)
	r.mu.Lock()
	r.cfg = next
	r.reloaded = &ReloadStatus{At: time.Now(), Done: true, Restart: restart}
	if r.collector != nil {
		r.collector.SetRouters(stages.Exporters(next))
	}
	if r.page != nil {
		r.page()
	}
	r.mu.Unlock()
	r.jobs.Replace(r.d.schedule(r))
	r.d.Log.Info("the configuration is applied", "routers", len(next.Routers))
	if len(restart) > 0 {
		r.d.Log.Warn("some changes count only after a restart", "tables", strings.Join(restart, ", "), "remedy", "systemctl restart nfacct")
	}
	for _, overlap := range overlaps(next) {
		r.d.Log.Warn(overlap)
	}
}

// status adds what the daemon knows to what the collector says.
func (r *running) status(saved collector.Saved) any {
	s := Status{Saved: saved, Program: build.Program(), Jobs: r.jobs.States()}
	if since, cause := r.db.Down(); !since.IsZero() {
		s.Database = &DatabaseStatus{since, cause}
	}
	r.mu.Lock()
	s.Reload = r.reloaded
	r.mu.Unlock()
	return s
}

// handed is the configuration in force as a child reads it.
func (r *running) handed() string { return r.now().Hand(r.began) }
