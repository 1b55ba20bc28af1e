// Package provision makes routers send their flows here: it plans, writes, reads back,
// keeps what was there before for an undo, puts hosts over quota on an address list,
// and listens for the first datagram.
package provision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/collector/spool"
	"nfacct/routeros"
)

// Provisioning is what is done with one router.
type Provisioning struct {
	Config *config.Config
	Router *config.Router
	Port   uint16 // of the collector
	Log    *slog.Logger

	DryRun, Undo, CreateUser bool

	// Over are the hosts over quota; when it is nil, Unknown says why.
	Over    *OverQuota
	Unknown string

	result Result
}

// Run provisions the router, or undoes that.
func (p *Provisioning) Run(ctx context.Context) Result {
	err := routeros.Use(ctx, p.Router.Config, p.Log, func(ctx context.Context, d *routeros.Device) error {
		p.result = Result{} // of an attempt before
		return p.with(ctx, d)
	})
	p.result.Router, p.result.Address = p.Router.Name, p.Router.Address
	if err != nil {
		p.result.State, p.result.Error = Failed, err.Error()
		var half *routeros.ApplyError
		if errors.As(err, &half) {
			p.result.mark(half.Done)
			if half.Written {
				p.result.doubt(half.Failed)
			}
		}
	}
	return p.result
}

// with plans and writes.
func (p *Provisioning) with(ctx context.Context, d *routeros.Device) error {
	r := &p.result
	facts, err := d.Outline(ctx)
	if err != nil {
		return err
	}
	r.Identity, r.Version, r.Board = facts.Identity, facts.Version, facts.Board
	path := routeros.SavedPath(stages.SavedFolder(p.Config), p.Router.Name)
	saved, err := routeros.LoadSaved(path)
	if err != nil {
		return err
	}
	if p.Undo {
		return p.undo(ctx, d, facts, saved, path)
	}
	if saved != nil {
		if other := saved.Other(facts); other != "" {
			if !p.DryRun {
				aside, err := saved.Aside(path)
				if err != nil {
					return err
				}
				r.Notes = append(r.Notes, fmt.Sprintf("the saved state was of another device, of %s: it is %s now", other, aside))
			}
			saved = nil
		}
	}
	wanted := p.Config.Provision.For(p.Router.Config, facts, d.Local(), p.Port, p.Router.Export)
	r.wanted = wanted
	if err := wanted.Check(&facts.Flow); err != nil {
		return fmt.Errorf("router %s: plan: %w", p.Router.Name, err)
	}
	plan := routeros.Compare(&facts.Flow, wanted)
	r.plan(plan)
	if saved != nil {
		for _, to := range saved.Targets {
			if to != wanted.Collector && facts.Flow.Sends(to) {
				r.Notes = append(r.Notes, fmt.Sprintf("nfacct made the target %s here before; if nobody listens there any more: /ip traffic-flow target remove [find dst-address=%s port=%d]", to, to.Addr(), to.Port()))
			}
		}
	}
	account, err := p.account(ctx, d, wanted)
	if err != nil {
		return err
	}
	listed, err := p.list(ctx, d)
	if err != nil {
		return err
	}
	if p.DryRun {
		return nil
	}
	if saved == nil || saved.Untouched() { // the state before is that of now
		saved = routeros.Save(p.Router.Name, facts)
	}
	changes := append(plan.Changes, account...)
	if err := p.writeSaved(ctx, d, saved, path, changes, wanted.Collector); err != nil {
		return err
	}
	return p.writeList(ctx, d, listed)
}

// writeList writes what was planned for the list of hosts over quota. It is no part
// of the saved state: the list changes by the day, and undo empties it.
func (p *Provisioning) writeList(ctx context.Context, d *routeros.Device, changes []routeros.Change) error {
	began := p.result.wrote // no new datagram is to be waited for because of it
	err := p.write(ctx, d, changes, Written)
	p.result.wrote = began
	return err
}

// writeSaved notes changes in the saved state, and then writes them. If a write fails,
// the state keeps the changes that were written or may have been.
func (p *Provisioning) writeSaved(ctx context.Context, d *routeros.Device, saved *routeros.Saved, path string, changes []routeros.Change, to netip.AddrPort) error {
	noted := saved.Clone()
	noted.Note(changes, to)
	if err := writeOwn(noted, path); err != nil {
		return err
	}
	err := p.write(ctx, d, changes, Written)
	var half *routeros.ApplyError
	if errors.As(err, &half) {
		saved.Note(half.Done, to)
		if half.Written {
			saved.Note([]routeros.Change{half.Failed}, to)
		}
		err = errors.Join(err, writeOwn(saved, path))
	}
	return err
}

// writeOwn writes a saved state so that the daemon's user can write it too.
func writeOwn(saved *routeros.Saved, path string) error {
	if err := saved.Write(path); err != nil {
		return err
	}
	return spool.Own(path)
}

// write writes changes, and says so.
func (p *Provisioning) write(ctx context.Context, d *routeros.Device, changes []routeros.Change, done State) error {
	if len(changes) == 0 {
		return nil
	}
	p.result.wrote = time.Now()
	if err := d.Apply(ctx, changes); err != nil {
		return err
	}
	p.result.State = done
	p.result.mark(changes)
	return nil
}
