package importer

import (
	"context"
	"slices"

	"nfacct/archive"
	"nfacct/collector/spool"
)

// Preview decodes and attributes files without changing anything: named ones, or
// those of the spool that are not loaded yet, or when a day is given those that
// ImportDay would read, for which the ledger is asked if there is an archive. The
// summary's books say what would be loaded and what each rule would leave out.
func (im *Importer) Preview(ctx context.Context, files []string, day archive.Day, opts Options) (Summary, error) {
	b := im.build(opts)
	inputs, err := b.previewed(ctx, files, day)
	if err != nil {
		return b.summary, err
	}
	only := anyDay
	if !day.IsZero() {
		only = dateOf(day)
	}
	err = b.run(ctx, inputs, nil, only)
	return b.finish(err)
}

// Known reports whether a file's bytes are loaded already.
func (im *Importer) Known(ctx context.Context, path string) (bool, error) {
	_, sum, err := digest(ctx, path)
	if err != nil {
		return false, err
	}
	found, err := im.archive.Reader().ImportByDigest(ctx, sum)
	return found != nil && found.Loaded, err
}

// previewed are the files that an import would read.
func (b *build) previewed(ctx context.Context, files []string, day archive.Day) ([]input, error) {
	if len(files) > 0 {
		return given(files, b.cfg.Spool)
	}
	spooled, err := fromSpool(b.cfg.Spool)
	if err != nil {
		return nil, err
	}
	if day.IsZero() {
		loaded, _ := spool.ReadImported(b.cfg.Spool) // a hint: what it lacks is read once more
		return slices.DeleteFunc(spooled, func(in input) bool { return loaded[in.name] }), nil
	}
	var inputs []input
	if b.archive != nil {
		if inputs, err = b.filesOfDay(ctx, day); err != nil {
			return nil, err
		}
	}
	for _, in := range b.spooledOf(spooled, day) {
		if !slices.ContainsFunc(inputs, func(known input) bool { return known.path == in.path }) {
			inputs = append(inputs, in)
		}
	}
	return inputs, nil
}
