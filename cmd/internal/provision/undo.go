package provision

import (
	"context"
	"fmt"
	"os"

	"nfacct/routeros"
)

// undo gives back what was before.
func (p *Provisioning) undo(ctx context.Context, d *routeros.Device, facts *routeros.Facts, saved *routeros.Saved, path string) error {
	r := &p.result
	listed, err := p.unlist(ctx, d)
	if err != nil {
		return err
	}
	if saved == nil {
		r.plan(routeros.Plan{Changes: listed})
		r.Notes = append(r.Notes, "nothing to undo of traffic-flow: nfacct has written nothing there that it knows of ("+path+" does not exist)")
		if p.DryRun {
			return nil
		}
		return p.write(ctx, d, listed, Undone)
	}
	if other := saved.Other(facts); other != "" {
		return fmt.Errorf("router %s: undo: the saved state %s is of another device, of %s; nothing was written. If this device was never provisioned there is nothing to undo; move that file away", p.Router.Name, path, other)
	}
	plan := saved.Undo(&facts.Flow)
	account, left, err := d.UndoAccount(ctx, saved)
	if err != nil {
		return err
	}
	plan.Changes, plan.Notes = append(append(plan.Changes, account.Changes...), listed...), append(plan.Notes, account.Notes...)
	r.plan(plan)
	if saved.Untouched() {
		r.Notes = append(r.Notes, "nothing to undo: nfacct has looked here, and written nothing")
	}
	if p.DryRun {
		return nil
	}
	if err := p.write(ctx, d, plan.Changes, Undone); err != nil {
		return err
	}
	if len(left) > 0 { // for an undo by a user who may
		rest := routeros.Save(p.Router.Name, facts)
		rest.State, rest.Time, rest.Account = saved.State, saved.Time, left
		return writeOwn(rest, path)
	}
	return os.Remove(path)
}
