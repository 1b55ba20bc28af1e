package importer

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"nfacct/archive"
)

// bringTemplates loads again the days of files that were loaded without some of
// their data for want of templates, if files loaded now bring them: to files of
// the spool those that follow them there, to given files those given later. A file
// that lost some for want of room is read again at once, if it has the templates.
func (b *build) bringTemplates(ctx context.Context) error {
	missing, err := b.archive.Reader().MissingTemplates(ctx)
	if err != nil || len(missing) == 0 || b.summary.Loaded == 0 {
		return err
	}
	spooled, err := fromSpool(b.cfg.Spool)
	if err != nil {
		return err
	}
	later := b.summary.givenPaths()
	var days []archive.Day
	for _, f := range missing {
		in := input{path: f.Name, name: f.Name, following: later}
		at := slices.IndexFunc(spooled, func(s input) bool { return s.name == f.Name })
		left := b.summary.left(f.Name)
		switch {
		case at >= 0:
			in = spooled[at]
			if !left && !slices.ContainsFunc(in.following, b.summary.loadedPath) {
				continue
			}
		case !filepath.IsAbs(f.Name) || !left && (len(later) == 0 || slices.Equal(later, []string{f.Name})):
			continue
		}
		memory, err := b.recall(ctx, f.ID)
		if err != nil {
			return err
		}
		if !left && !memory.came(&b.came) {
			continue
		}
		if !in.spool {
			in.memory = memory
		}
		if found, err := b.wouldFind(ctx, &in, int(f.NoTemplate)); err != nil || !found {
			if err != nil {
				return err
			}
			continue
		}
		of, err := b.archive.Reader().DaysOf(ctx, f.ID)
		if err != nil {
			return err
		}
		days = append(days, of...)
	}
	slices.SortFunc(days, archive.Day.Compare)
	for _, day := range slices.Compact(days) {
		b.log.Info("templates came after their data: loading the day again", "day", day)
		err := b.again(ctx, day, later)
		if grave := errors.Is(err, archive.ErrUnavailable) || errors.Is(err, archive.ErrUnfinished); grave || ctx.Err() != nil {
			return err
		}
		if err != nil { // no reason to call what was loaded a failure
			b.log.Warn("templates came after their data, but the day cannot be loaded again", "day", day, "err", err)
		}
	}
	return nil
}

// wouldFind says whether fewer data sets of a file lack their template than before.
func (b *build) wouldFind(ctx context.Context, in *input, before int) (bool, error) {
	source := newSource(b.routers, newCalendar(b.loc), anyDay)
	source.batch = &batch{}
	source.next = func(full *batch) (*batch, error) { return full, nil }
	in.short = true
	result, err := source.file(ctx, in, in.decoder())
	return err == nil && result.noTemplate < before, ctx.Err()
}
