package importer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"nfacct/archive"
)

// ImportDay loads a day again from the files that it was loaded from, by the
// routers and rules of now, and loads what the spool has of it beside them. If
// any of the files is gone or cannot be read, or holds what was a router's and is
// nobody's now, the error says so and the day stays as it was.
func (im *Importer) ImportDay(ctx context.Context, day archive.Day, opts Options) (Summary, error) {
	return im.locked(ctx, opts, func(b *build) error {
		spooled, err := fromSpool(im.cfg.Spool)
		if err != nil {
			return err
		}
		before, err := im.archive.Reader().FilesOfDay(ctx, day)
		if err != nil {
			return err
		}
		inputs := b.spooledOf(spooled, day)
		anew := len(before) > 0
		if !anew && len(inputs) > 0 {
			// Rows of files that a damaged ledger has lost would be there twice.
			if anew, err = im.archive.Reader().HoldsRows(ctx, day); err != nil {
				return err
			}
		}
		if anew {
			if err := b.again(ctx, day, nil); err != nil {
				return err
			}
		}
		if len(before) == 0 && len(inputs) == 0 {
			return fmt.Errorf("nothing of %s is in the spool or in the archive", day)
		}
		return b.load(ctx, inputs)
	})
}

// spooledOf picks the spool files that can hold something of a day: what ends
// with the day may be exported some time after it.
func (b *build) spooledOf(spooled []input, day archive.Day) []input {
	from, to := archive.NewCalendar(b.loc).Bounds(day)
	return within(spooled, from, to.Add(templateWindow))
}

// filesOfDay finds the files that a day was loaded from, unchanged, in the order
// in which they were loaded, but those without.
func (b *build) filesOfDay(ctx context.Context, day archive.Day, without ...uint32) ([]input, error) {
	files, err := b.archive.Reader().FilesOfDay(ctx, day)
	if err != nil {
		return nil, err
	}
	spooled, err := fromSpool(b.cfg.Spool)
	if err != nil {
		return nil, err
	}
	var inputs []input
	var gone []string
	for _, f := range files {
		if slices.Contains(without, f.ID) {
			continue
		}
		in := input{path: f.Name, name: f.Name}
		if at := slices.IndexFunc(spooled, func(s input) bool { return s.name == f.Name }); at >= 0 {
			in = spooled[at]
		} else if !filepath.IsAbs(f.Name) {
			gone = append(gone, f.Name)
			continue
		}
		_, sum, err := digest(ctx, in.path)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil || sum != f.Digest {
			gone = append(gone, f.Name)
			continue
		}
		in.id, in.short = f.ID, f.NoTemplate > 0
		if !in.spool {
			if in.memory, err = b.recall(ctx, f.ID); err != nil {
				return nil, err
			}
		}
		inputs = append(inputs, in)
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		gone = slices.Compact(gone) // a name can be loaded several times
		return nil, fmt.Errorf("load %s again: these files of it are gone or changed: %s; what is loaded stays as it is; bring them back, or take out what was loaded of them with nfacct import --forget FILE", day, strings.Join(gone, ", "))
	}
	return inputs, nil
}

// recall is what the archive remembers of a file.
func (b *build) recall(ctx context.Context, id uint32) (*memory, error) {
	text, err := b.archive.Reader().Memory(ctx, id)
	if err != nil {
		return nil, err
	}
	return parseMemory(text)
}

// again loads a day from the files that it was loaded from. later are files that
// may bring templates which given files lack; of those without, nothing is loaded.
func (b *build) again(ctx context.Context, day archive.Day, later []string, without ...uint32) (err error) {
	inputs, err := b.filesOfDay(ctx, day, without...)
	if err != nil {
		return err
	}
	for i := range inputs {
		if !inputs[i].spool {
			inputs[i].following = later
		}
	}
	loader, err := newArchiveLoader(ctx, b.Importer, b.writer, day)
	if err != nil {
		return err
	}
	if loader.reload, err = b.writer.BeginReload(ctx, day, without...); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, loader.reload.Abort(context.WithoutCancel(ctx))) }()
	part := b.build(b.opts)
	part.writer = b.writer
	part.done = b.done
	err = part.run(ctx, inputs, loader, dateOf(day))
	b.done = part.done
	if errors.Is(err, errFewer) {
		err = fmt.Errorf("%w: %s", err, strings.Join(part.summary.Strangers(), ", "))
	}
	if err != nil {
		return fmt.Errorf("load %s again: %w; what is loaded stays as it is", day, err)
	}
	if err := loader.reload.Commit(ctx); err != nil {
		return err
	}
	b.take(part)
	return nil
}
