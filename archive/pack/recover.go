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
	unlock, err := p.a.LockPacking(ctx, 0)
	if errors.Is(err, archive.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	place, err := p.a.Place(ctx)
	if err != nil {
		return err
	}
	// Without tools no files of theirs are there.
	_, t, _ := p.choose(place)
	return p.recover(ctx, t, wait)
}

// recover does it, with the lock of LockPacking held.
func (p *Packer) recover(ctx context.Context, t *tools, wait time.Duration) error {
	packs, err := p.a.Reader().Packs(ctx)
	if err != nil {
		return err
	}
	for _, pack := range packs {
		switch pack.State {
		case "switching", "unpacking", "dropping":
			// Whoever takes the writer lock goes on with it, or back.
			unlock, err := p.a.Lock(ctx, wait)
			if err != nil {
				return err
			}
			unlock()
		}
	}
	if err := p.clean(ctx, t); err != nil {
		return fmt.Errorf("remove what is left of an earlier attempt: %w", err)
	}
	return nil
}

// clean removes what attempts have left: folders of copies, and tables that are
// no month's, but for those that the next attempt goes on with. The lock of
// LockPacking is held, so nobody works on them.
func (p *Packer) clean(ctx context.Context, t *tools, also ...archive.Month) error {
	packs, err := p.a.Reader().Packs(ctx)
	if err != nil {
		return err
	}
	months := also
	for _, pack := range packs { // a packed month has one while a copy of it is repaired
		months = append(months, pack.Month)
	}
	var stale []string
	for _, m := range months {
		var staged bool
		if err := p.a.DB().QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM staged_parts WHERE month = ?)", m.String()).Scan(&staged); err != nil {
			return archive.Wrap("look for what is staged", err)
		}
		if staged {
			continue
		}
		stale = append(stale, m.StagingTable())
		if err := p.dropStaging(ctx, m.StagingTable()); err != nil {
			return err
		}
	}
	if t == nil {
		return nil
	}
	return t.clean(ctx, stale)
}
