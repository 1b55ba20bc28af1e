package importer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
)

// Live accounts what the spool received since a time, imported or not, also the file
// that is being written: the same attribution and rules as an import, and nothing is
// written. take is given the rows, each with the name of its router; a row is of one
// quarter-hour, and its counters are of records received since then. When a file was
// sealed, and so renamed, while it was about to be read, reset is called and the rows
// come anew. The figures are provisional: a record that comes later may be the upload
// that a download of now answers.
func (im *Importer) Live(ctx context.Context, since time.Time, reset func(), take func(router string, row *archive.Row) error) error {
	const tries = 3
	for try := 1; ; try++ {
		inputs, err := im.liveInputs(since)
		if err != nil {
			return err
		}
		reset()
		if err = im.live(ctx, inputs, since, take); !errors.Is(err, fs.ErrNotExist) || try == tries {
			return err
		}
	}
}

// live sends files through the pipeline into take.
func (im *Importer) live(ctx context.Context, inputs []input, since time.Time, take func(string, *archive.Row) error) error {
	source := newSource(im.routers, newCalendar(im.loc), anyDay)
	accountant := newAccountant(newCalendar(im.loc), im.routers, im.rules, anyDay)
	accountant.since = since.UnixNano()
	var failed []error
	p := newPipeline(source, accountant, &watcher{im.routers, take}, func(end *fileEnd) {
		if end.err != nil && !errors.Is(end.err, errStrangers) && !errors.Is(end.err, errUntimely) {
			failed = append(failed, fmt.Errorf("%s: %w", end.input.name, end.err))
		}
	})
	if err := p.run(ctx, inputs); err != nil {
		return err
	}
	return errors.Join(failed...)
}

// watcher is a loader that keeps nothing.
type watcher struct {
	routers []Router
	take    func(string, *archive.Row) error
}

func (*watcher) known(context.Context, archive.File) (bool, error)     { return false, nil }
func (*watcher) begin(context.Context, archive.File) error             { return nil }
func (w *watcher) append(row *archive.Row) error                       { return w.take(w.routers[row.Router].Name, row) }
func (*watcher) commit(context.Context, *fileEnd) (uint64, error)      { return 0, nil }
func (*watcher) abort(context.Context) error                           { return nil }
func (*watcher) memory(context.Context, archive.File) (*memory, error) { return nil, nil }
func (*watcher) strict() bool                                          { return false }

// liveInputs are the files that may hold something received since a time, oldest first.
func (im *Importer) liveInputs(since time.Time) ([]input, error) {
	sealed, err := fromSpool(im.cfg.Spool)
	if err != nil {
		return nil, err
	}
	inputs := within(sealed, since, time.Now().Add(spool.SlotLength))
	open, err := spool.ListOpen(im.cfg.Spool)
	if err != nil {
		return nil, err
	}
	for _, file := range open {
		in := input{path: file.Path, name: file.Name, spool: true, start: file.Start}
		for _, before := range sealed {
			if age := file.Start.Sub(before.start); age >= 0 && age <= spool.SlotLength {
				in.before = append(in.before, before.path)
			}
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}
