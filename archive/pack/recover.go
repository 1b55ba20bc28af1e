package pack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nfacct/archive"
)

// Recover finishes or undoes what was cut short, and removes what it left. While
// somebody else packs it does nothing: that is not cut short.
func (p *Packer) Recover(ctx context.Context, wait time.Duration) error {
	lock, err := p.a.LockPacking(ctx, 0)
	if errors.Is(err, archive.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()
	place, err := p.a.Place(ctx)
	if err != nil {
		return err
	}
	// Without tools no files of theirs are there.
	_, t, _ := p.choose(place)
	return (&job{Packer: p, lock: lock, tools: t, opts: Options{Wait: wait}}).recover(ctx)
}

// recover does it.
func (j *job) recover(ctx context.Context) error {
	packs, err := j.a.Reader().Packs(ctx)
	if err != nil {
		return err
	}
	for _, pack := range packs {
		if !pack.Cut() {
			continue
		}
		// Whoever takes the writer lock goes on with it, or back.
		w, err := j.a.Lock(ctx, j.opts.Wait)
		if err != nil {
			return err
		}
		w.Unlock()
	}
	if err := j.clean(ctx); err != nil {
		return fmt.Errorf("remove what is left of an earlier attempt: %w", err)
	}
	return nil
}

// clean removes what attempts have left: folders of copies, and tables that are
// no month's, but for those that the next attempt goes on with.
func (j *job) clean(ctx context.Context, also ...archive.Month) error {
	packs, err := j.a.Reader().Packs(ctx)
	if err != nil {
		return err
	}
	months := also
	for _, pack := range packs { // a packed month has one while a copy of it is repaired
		months = append(months, pack.Month)
	}
	var stale []string
	for _, m := range months {
		if staged, err := j.lock.Staged(ctx, m); err != nil {
			return err
		} else if staged != nil {
			continue
		}
		stale = append(stale, m.StagingTable())
		if err := j.lock.Unstage(ctx, m); err != nil {
			return err
		}
	}
	if j.tools == nil {
		return nil
	}
	return j.tools.clean(ctx, stale)
}
