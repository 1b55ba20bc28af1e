package importer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
)

// load loads the files that are not loaded yet.
func (b *build) load(ctx context.Context, inputs []input) error {
	loader, err := newArchiveLoader(ctx, b.Importer, b.writer, archive.Day{})
	if err != nil {
		return err
	}
	return b.run(ctx, inputs, loader, anyDay)
}

// lateExport is how long after a record's end it may be received: RouterOS exports a
// flow that goes on at least every 30 minutes by default (active-flow-timeout).
const lateExport = 30 * time.Minute

// closeDays tells the archive which days are over: those before the oldest spool file
// that is not loaded yet, or still open.
func (b *build) closeDays(ctx context.Context) error {
	now := time.Now()
	today := archive.DayOf(now.In(b.loc))
	if b.cfg.Spool == "" {
		return b.writer.CloseDays(ctx, archive.Day{}, today)
	}
	oldest := now
	open, err := spool.ListOpen(b.cfg.Spool)
	if err != nil {
		return err
	}
	spooled, err := fromSpool(b.cfg.Spool)
	if err != nil {
		return err
	}
	loaded, err := b.loadedNames(ctx)
	if err != nil {
		return err
	}
	for _, f := range open {
		oldest = earlier(oldest, f.Start)
	}
	for _, in := range spooled {
		if !loaded[in.name] {
			oldest = earlier(oldest, in.start)
		}
	}
	return b.writer.CloseDays(ctx, archive.DayOf(oldest.Add(-lateExport).In(b.loc)), today)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// run sends files through the pipeline and adds what became of them to the summary.
func (b *build) run(ctx context.Context, inputs []input, loader loader, only date) error {
	all := b.done
	sizes := make(map[string]int64, len(inputs))
	for _, in := range inputs {
		sizes[in.path] = fileSize(in.path)
		all += sizes[in.path]
	}
	source := newSource(b.routers, newCalendar(b.loc), only)
	accountant := newAccountant(newCalendar(b.loc), b.routers, b.rules, only)
	accountant.shown.take = b.shown
	if b.opts.Others != "" {
		router := slices.IndexFunc(b.routers, func(r Router) bool { return r.Name == b.opts.Others })
		if router < 0 {
			return fmt.Errorf("no router %q is configured", b.opts.Others)
		}
		source.routers[others], accountant.uploads.routers[others] = router, router
	}
	p := newPipeline(source, accountant, loader, func(end *fileEnd) {
		if b.opts.Ended != nil {
			b.opts.Ended(end.input.name)
		}
		b.add(end, loader != nil)
		b.done += sizes[end.input.path]
		if b.opts.Progress != nil {
			b.opts.Progress(b.done, all)
		}
	})
	p.began = b.opts.Began
	err := p.run(ctx, inputs)
	b.came = source.came
	for addr, n := range source.unknown.datagrams {
		b.summary.Unknown[addr.String()] += n
	}
	b.summary.UnknownOthers += source.unknown.others
	return err
}

// list rewrites the spool's list of the files that the archive has.
func (b *build) list(ctx context.Context) error {
	if b.cfg.Spool == "" {
		return nil
	}
	spooled, err := fromSpool(b.cfg.Spool)
	if err != nil || len(spooled) == 0 {
		return err
	}
	loaded, err := b.loadedNames(ctx)
	if err != nil {
		return err
	}
	if err := b.forgetAside(loaded); err != nil {
		b.log.Warn("files set aside that are loaded by now stay on the list", "err", err)
	}
	var names []string
	for _, in := range spooled {
		if loaded[in.name] {
			names = append(names, in.name)
		}
	}
	if err := spool.WriteImported(b.cfg.Spool, names); err != nil { // a hint, which no import fails for
		b.log.Warn("imported spool files are not marked so, and do not expire", "err", err)
	}
	return nil
}

func (b *build) loadedNames(ctx context.Context) (map[string]bool, error) {
	names, err := b.archive.Reader().LoadedNames(ctx)
	if err != nil {
		return nil, err
	}
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set, nil
}
