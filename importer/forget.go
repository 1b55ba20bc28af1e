package importer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"nfacct/archive"
)

// Forget takes files out of the archive again, as if they were never imported:
// the days that hold something of them are loaded again without them. The other
// files of these days must be there. Names are those of the ledger, or paths.
func (im *Importer) Forget(ctx context.Context, names []string, opts Options) (Summary, error) {
	return im.locked(ctx, opts, func(b *build) error {
		var files []archive.Import
		for _, name := range names {
			found, err := b.loadedAs(ctx, name)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return fmt.Errorf("%s was never imported under this name; nfacct sql -e 'SELECT file FROM imports' lists those that were", name)
			}
			files = append(files, found...)
		}
		return b.forget(ctx, files)
	})
}

// loadedAs finds what was loaded under a ledger's name or a path.
func (b *build) loadedAs(ctx context.Context, name string) ([]archive.Import, error) {
	names := []string{name}
	if path, err := filepath.Abs(name); err == nil {
		names = append(names, path)
		if real, err := filepath.EvalSymlinks(path); err == nil {
			names = append(names, real)
		}
	}
	for _, name := range names {
		if found, err := b.archive.Reader().ImportsByName(ctx, name); err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

// forget loads the days of files again without them, and then forgets them. Cut
// short in between, it is finished by the next who takes the writer lock.
func (b *build) forget(ctx context.Context, files []archive.Import) error {
	var ids []uint32
	var days []archive.Day
	for _, f := range files {
		of, err := b.archive.Reader().DaysOf(ctx, f.ID)
		if err != nil {
			return err
		}
		ids, days = append(ids, f.ID), append(days, of...)
	}
	begun, err := b.archive.Reader().Forgetting(ctx)
	if err != nil {
		return err
	}
	if err := b.writer.BeginForget(ctx, ids); err != nil {
		return err
	}
	slices.SortFunc(days, archive.Day.Compare)
	for i, day := range slices.Compact(days) {
		err := b.again(ctx, day, nil, ids...)
		if err == nil {
			continue
		}
		if i == 0 && len(begun) == 0 && !errors.Is(err, archive.ErrUnfinished) { // all is as it was
			err = errors.Join(err, b.writer.CancelForget(context.WithoutCancel(ctx), ids))
		}
		return err
	}
	for _, id := range ids {
		if err := b.writer.Forget(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// finishForgetting finishes what was begun to be taken out and cut short. What
// cannot be, because another file of its days is gone, waits: the rest goes on.
func (b *build) finishForgetting(ctx context.Context) error {
	files, err := b.archive.Reader().Forgetting(ctx)
	if err != nil || len(files) == 0 {
		return err
	}
	for _, f := range files {
		b.log.Warn("finishing what was cut short: a file is taken out", "file", f.Name)
		err := b.forget(ctx, []archive.Import{f})
		if grave := errors.Is(err, archive.ErrUnavailable) || errors.Is(err, archive.ErrUnfinished); grave || ctx.Err() != nil {
			return err
		}
		if err != nil {
			b.log.Warn("a file is taken out in part: some of its days still have it; take it out again (nfacct import --forget)", "file", f.Name, "err", err)
		}
	}
	return nil
}

// replaceGrown forgets what was loaded of given files when they were shorter, so
// that nothing of them is counted twice. A file whose beginning cannot be
// forgotten is not loaded.
func (b *build) replaceGrown(ctx context.Context, inputs []input) error {
	for i := range inputs {
		in := &inputs[i]
		if in.spool || in.err != nil {
			continue
		}
		before, err := b.archive.Reader().ImportsByName(ctx, in.name)
		if err != nil {
			return err
		}
		var grown []archive.Import
		for _, f := range before {
			if begins, err := beginsWith(ctx, in.path, f.File); err != nil {
				in.err = err
			} else if begins {
				grown = append(grown, f)
			}
		}
		if in.err != nil || len(grown) == 0 {
			continue
		}
		b.log.Info("the file has grown since it was imported: what was loaded of it is replaced", "file", in.name)
		err = b.forget(ctx, grown)
		switch {
		case err == nil:
		case errors.Is(err, archive.ErrUnavailable) || errors.Is(err, archive.ErrUnfinished) || ctx.Err() != nil:
			return err
		default:
			in.err = fmt.Errorf("it has grown since it was imported, and what was loaded of it cannot be taken out, so it is not loaded a second time: %w", err)
		}
	}
	return nil
}

// beginsWith says whether a file is longer than one that was loaded, and begins
// with its bytes.
func beginsWith(ctx context.Context, path string, f archive.File) (bool, error) {
	if fileSize(path) <= f.Size {
		return false, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.CopyN(hash, reader{ctx, file}, f.Size); err != nil {
		return false, err
	}
	return [sha256.Size]byte(hash.Sum(nil)) == f.Digest, nil
}
