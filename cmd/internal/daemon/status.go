package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"nfacct/cmd/internal/build"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/schedule"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/collector"
	"nfacct/collector/spool"
	"nfacct/report/health"
)

// Status is the content of the status file.
type Status struct {
	collector.Saved
	// Of nfacct run.
	Program  string           `json:"program,omitempty"` // and its version
	Jobs     []schedule.State `json:"jobs,omitempty"`
	Database *DatabaseStatus  `json:"database,omitempty"` // while it is down
	Reload   *ReloadStatus    `json:"reload,omitempty"`
}

// DatabaseStatus says since when the database is down, and why.
type DatabaseStatus struct {
	Down  time.Time `json:"down"`
	Cause string    `json:"cause"`
}

// ReadStatus reads the status file; without one the status is empty.
func ReadStatus(cfg *config.Config) (*Status, error) {
	s := &Status{}
	err := collector.ReadStatus(cfg.State, s)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, stages.FolderError(cfg, fmt.Errorf("status: %w", err))
	}
	return s, nil
}

// Findings are what is wrong, as far as the status file and the spool folder tell.
func (s *Status) Findings(cfg *config.Config, now time.Time) ([]health.Finding, error) {
	f, err := s.facts(cfg, now)
	if err != nil {
		return nil, err
	}
	return health.Look(f, now), nil
}

func (s *Status) facts(cfg *config.Config, now time.Time) (*health.Facts, error) {
	f := &health.Facts{Collector: health.Collector{
		Ran: !s.Written.IsZero(), Running: s.Running, State: cfg.State, Started: s.Started, Written: s.Written, Silent: s.Silent(now),
		NoSpace: s.Spool.NoSpace, Problem: terminal.Printable(s.Spool.Error), Spool: cfg.Spool.Folder, Lost: s.QueueDropped + s.Spool.Lost,
	}}
	if s.Running && s.Spool.Full {
		f.Collector.Stuck = s.Spool.FullFrom
	}
	if s.Database != nil && s.Running {
		f.Database = health.Database{Down: s.Database.Down, Cause: terminal.Printable(s.Database.Cause)}
	}
	f.Database.Root = cfg.Database.ServedByRoot()
	if s.Reload != nil && s.Running {
		f.Reload = &health.Reload{At: s.Reload.At, Done: s.Reload.Done, Problem: terminal.Printable(s.Reload.Problem), Restart: s.Reload.Restart}
	}
	for _, job := range s.Jobs {
		if job.Failures > 0 && s.Running {
			f.Jobs = append(f.Jobs, health.Job{Name: job.Job, Since: job.Since, Failures: job.Failures, Problem: terminal.Printable(job.Problem), Remedy: job.Remedy, Retry: job.Retry.In(cfg.Location())})
		}
	}
	for _, router := range cfg.Routers {
		heard := time.Time{}
		for _, e := range s.Exporters {
			if e.Router == router.Name && e.Received.After(heard) {
				heard = e.Received
			}
		}
		f.Routers = append(f.Routers, health.Router{Name: router.Name, Heard: heard.In(cfg.Location())})
	}
	for _, r := range s.Refused {
		f.Strangers = append(f.Strangers, health.Stranger{Address: r.Address.String(), Datagrams: r.Datagrams, Last: r.Last})
	}
	aside, err := spool.ReadAside(cfg.Spool.Folder)
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	for _, file := range aside {
		if file.Set {
			f.Aside = append(f.Aside, health.Aside{File: file.File, Since: file.Since, Reason: terminal.Printable(file.Reason)})
		}
	}
	if s.Running {
		f.Program = health.Program{Running: s.Program, Installed: build.Program()}
	}
	return f, nil
}

// healthEvery is how often the daemon looks at its own health.
const healthEvery = 30 * time.Second

// watchHealth logs what begins to be wrong, and what is over, until ctx is done.
// Jobs and the database log their own beginnings and ends.
func (d *Daemon) watchHealth(ctx context.Context, r *running) error {
	var before []health.Finding
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(healthEvery):
		}
		cfg := r.now()
		s, err := ReadStatus(cfg)
		if err != nil {
			continue
		}
		after, err := s.Findings(cfg, time.Now())
		if err != nil {
			continue
		}
		came, over := health.Changes(before, after)
		own := func(id string) bool { return id == "database" || strings.HasPrefix(id, "job.") }
		for _, found := range came {
			if !own(found.ID) {
				d.Log.Warn("finding", "id", found.ID, "level", found.Level, "text", found.Text, "remedy", found.Remedy)
			}
		}
		for _, found := range over {
			if !own(found.ID) {
				d.Log.Warn("finding is over", "id", found.ID, "since", found.Since)
			}
		}
		before = after
	}
}
