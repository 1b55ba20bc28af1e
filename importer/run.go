package importer

import (
	"context"
	"fmt"
	"slices"

	"nfacct/archive"
	"nfacct/collector/spool"
)

// load loads the files that are not loaded yet.
func (b *build) load(ctx context.Context, inputs []input) error {
	loader, err := newArchiveLoader(ctx, b.Importer, archive.Day{})
	if err != nil {
		return err
	}
	b.expect(inputs)
	return b.run(ctx, inputs, loader, anyDay)
}

// rowBytes is about how many bytes of a spool file become a row of the archive:
// 30 to 180 were seen, for what is left out and what is merged differs.
const rowBytes = 64

// expect tells the archive how much there is to come.
func (b *build) expect(inputs []input) {
	bytes := int64(0)
	for _, in := range inputs {
		bytes += fileSize(in.path)
	}
	b.archive.Expect(uint64(bytes) / rowBytes)
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
	names, err := b.archive.LoadedNames(ctx)
	if err != nil {
		return nil, err
	}
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set, nil
}
