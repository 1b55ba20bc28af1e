// Package importer carries spool files into the archive: it decodes datagrams,
// attributes records to inside hosts, leaves out what the rules say, merges
// both directions of a conversation into one row a slot, and loads each file
// exactly once.
package importer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
	"nfacct/importer/attribution"
	"nfacct/importer/rules"
)

// Config is what the importer is told beside its routers.
type Config struct {
	// Rules are the operator's own exclusions. They come before those of
	// rules.Default, and take the place of the ones whose names they bear.
	Rules []rules.Rule `toml:"rule"`

	// Spool is the folder of spool files; empty when there is none.
	Spool string `toml:"-"`
}

// DefaultConfig has no rules of its own: those of rules.Default are in force.
func DefaultConfig() Config { return Config{} }

// Check reports what is wrong with the rules.
func (c Config) Check(report func(key, problem, remedy string)) {
	rules.Check(c.Rules, func(key, problem, remedy string) { report("rule"+key, problem, remedy) })
}

// Router is a configured router: who it is, and how its records are attributed.
type Router struct {
	// Name is what reports and books call it.
	Name string `toml:"-"`
	// Export are the addresses that its datagrams come from.
	Export []netip.Addr `toml:"-"`
	attribution.Router
}

// collectorName is who the losses of the collector are booked to when there are
// several routers.
const collectorName = "(collector)"

// ErrPartial is wrapped when some files failed and the others went on.
var ErrPartial = errors.New("some files were not imported")

// Importer imports files for a set of routers. It is not safe for concurrent use.
type Importer struct {
	cfg     Config
	routers []Router
	loc     *time.Location
	archive *archive.Archive // nil: only Preview works
	log     *slog.Logger
	rules   []rules.Rule
}

// New checks what it is given. Without an archive only Preview can be used.
func New(cfg Config, routers []Router, loc *time.Location, a *archive.Archive, log *slog.Logger) (*Importer, error) {
	if len(routers) == 0 {
		return nil, errors.New(`no router is configured, so nobody's traffic can be accounted; add a [[router]] with name, export and inside`)
	}
	var problems []error
	report := func(where string) func(key, problem, remedy string) {
		return func(key, problem, remedy string) {
			problems = append(problems, fmt.Errorf("%s.%s: %s; %s", where, key, problem, remedy))
		}
	}
	cfg.Check(report("importer"))
	owner := map[netip.Addr]string{}
	for _, r := range routers {
		r.Check(report("router " + r.Name))
		if len(r.Export) == 0 {
			report("router "+r.Name)("export", "no address that its datagrams come from", `write for example export = ["192.168.88.1"]`)
		}
		for _, addr := range r.Export {
			if other, taken := owner[addr.Unmap()]; taken {
				report("router "+r.Name)("export", fmt.Sprintf("%s belongs to router %s already", addr, other), "an address can export for one router only")
			}
			owner[addr.Unmap()] = r.Name
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return &Importer{
		cfg: cfg, routers: routers, loc: loc, archive: a, log: log,
		rules: rules.Effective(cfg.Rules),
	}, nil
}

// Options are how an import is done.
type Options struct {
	// Wait is how long another import is waited for.
	Wait time.Duration
	// Others names the router that datagrams of unknown exporters are booked
	// to: old files may bear an address that the router no longer has. Empty:
	// they are left out and counted.
	Others string
	// Progress, if set, is called after each file with the bytes of files done
	// and of all files.
	Progress func(done, all int64)
}

// Import loads files, or when none are named all sealed files of the spool that
// are not loaded yet, oldest first. What an interrupted import left is put
// right before. The error wraps archive.ErrLocked when another import held on
// for longer than Options.Wait, archive.ErrUnavailable when the database does
// not answer, and ErrPartial when some files failed; the summary holds what was
// done in every case.
func (im *Importer) Import(ctx context.Context, files []string, opts Options) (Summary, error) {
	return im.locked(ctx, opts, func(b *build) error {
		if len(files) > 0 {
			inputs, err := given(files, im.cfg.Spool)
			if err != nil {
				return err
			}
			return b.load(ctx, inputs)
		}
		inputs, err := fromSpool(im.cfg.Spool)
		if err != nil {
			return err
		}
		// A sealed file never changes and its name is never used again, so what is
		// known by name need not be read to the end just to compare its bytes.
		loaded, err := b.loadedNames(ctx)
		if err != nil {
			return err
		}
		fresh := slices.DeleteFunc(slices.Clone(inputs), func(in input) bool { return loaded[in.name] })
		b.summary.Known += len(inputs) - len(fresh)
		return b.load(ctx, fresh)
	})
}

// ImportDay loads a day again from the files that it was loaded from, by the
// routers and rules of now, and loads what the spool has of it beside them. It
// is refused, naming the files, when one of them is gone.
func (im *Importer) ImportDay(ctx context.Context, day archive.Day, opts Options) (Summary, error) {
	return im.locked(ctx, opts, func(b *build) error {
		inputs, err := fromSpool(im.cfg.Spool)
		if err != nil {
			return err
		}
		before, err := im.archive.FilesOfDay(ctx, day)
		if err != nil {
			return err
		}
		if len(before) > 0 {
			if err := b.again(ctx, day); err != nil {
				return err
			}
		}
		from, to := archive.NewCalendar(im.loc).Bounds(day)
		inputs = within(inputs, from, to)
		if len(before) == 0 && len(inputs) == 0 {
			return fmt.Errorf("nothing of %s is in the spool or in the archive", day)
		}
		return b.load(ctx, inputs)
	})
}

// Preview decodes and attributes files without touching the database: named
// ones, or those of the spool that are not loaded yet, or when a day is given
// those that may hold something of it. The summary's books say what would be
// loaded and what each rule would leave out.
func (im *Importer) Preview(ctx context.Context, files []string, day archive.Day, opts Options) (Summary, error) {
	b := im.build(opts)
	inputs, err := given(files, im.cfg.Spool)
	if err != nil {
		return b.summary, err
	}
	if len(files) == 0 {
		if inputs, err = fromSpool(im.cfg.Spool); err != nil {
			return b.summary, err
		}
		if day.IsZero() {
			loaded, err := spool.ReadImported(im.cfg.Spool)
			if err != nil {
				return b.summary, err
			}
			inputs = slices.DeleteFunc(inputs, func(in input) bool { return loaded[in.name] })
		} else {
			from, to := archive.NewCalendar(im.loc).Bounds(day)
			inputs = within(inputs, from, to.Add(templateWindow))
		}
	}
	only := anyDay
	if !day.IsZero() {
		only = dateOf(day)
	}
	err = b.run(ctx, inputs, nil, only)
	return b.finish(err)
}

// locked does something with the archive as its only writer.
func (im *Importer) locked(ctx context.Context, opts Options, do func(*build) error) (Summary, error) {
	b := im.build(opts)
	if im.archive == nil {
		return b.summary, errors.New("import without an archive")
	}
	unlock, err := im.archive.Lock(ctx, opts.Wait)
	if err != nil {
		return b.summary, err
	}
	defer unlock()
	err = b.resume(ctx)
	if err == nil {
		err = do(b)
	}
	if err == nil {
		err = b.bringTemplates(ctx)
	}
	if err == nil {
		err = im.archive.Settle(ctx)
	}
	if listing := b.list(context.WithoutCancel(ctx)); listing != nil && err == nil {
		err = listing
	}
	return b.finish(err)
}

// build is one import in the making.
type build struct {
	*Importer
	opts    Options
	summary Summary
	books   map[bookOf]*archive.Book
	done    int64
}

type bookOf struct {
	day    archive.Day
	router string
}

func (im *Importer) build(opts Options) *build {
	return &build{Importer: im, opts: opts, summary: newSummary(), books: map[bookOf]*archive.Book{}}
}

// resume finishes the days whose loading again was interrupted.
func (b *build) resume(ctx context.Context) error {
	days, err := b.archive.Reloading(ctx)
	for _, day := range days {
		b.log.Warn("a day was being loaded again when it was interrupted: starting it over", "day", day)
		if err := b.again(ctx, day); err != nil {
			return err
		}
	}
	return err
}

// load loads the files that are not loaded yet.
func (b *build) load(ctx context.Context, inputs []input) error {
	loader, err := newArchiveLoader(ctx, b.Importer, archive.Day{})
	if err != nil {
		return err
	}
	b.expect(inputs)
	return b.run(ctx, inputs, loader, anyDay)
}

// again loads a day from the files that it was loaded from.
func (b *build) again(ctx context.Context, day archive.Day) error {
	files, err := b.archive.FilesOfDay(ctx, day)
	if err != nil {
		return err
	}
	spooled, err := fromSpool(b.cfg.Spool)
	if err != nil {
		return err
	}
	var inputs []input
	var gone []string
	for _, f := range files {
		in := input{path: f.Name, name: f.Name}
		if at := slices.IndexFunc(spooled, func(s input) bool { return s.name == f.Name }); at >= 0 {
			in = spooled[at]
		} else if !filepath.IsAbs(f.Name) {
			gone = append(gone, f.Name)
			continue
		}
		if _, sum, err := digest(ctx, in.path); err != nil || sum != f.Digest {
			gone = append(gone, f.Name)
			continue
		}
		inputs = append(inputs, in)
	}
	if len(gone) > 0 {
		return fmt.Errorf("load %s again: these files of it are gone or changed: %s; what is loaded stays as it is", day, strings.Join(gone, ", "))
	}
	loader, err := newArchiveLoader(ctx, b.Importer, day)
	if err != nil {
		return err
	}
	if err := b.archive.ClearDay(ctx, day); err != nil {
		return err
	}
	failed := b.summary.Failed
	b.expect(inputs)
	if err := b.run(ctx, inputs, loader, dateOf(day)); err != nil {
		return err
	}
	if b.summary.Failed > failed {
		return fmt.Errorf("load %s again: %d of its %d files failed; the next import starts it over", day, b.summary.Failed-failed, len(files))
	}
	return b.archive.FinishDay(ctx, day)
}

// bringTemplates loads again the days of files that were loaded without some of
// their data for want of templates, if files loaded now bring them.
func (b *build) bringTemplates(ctx context.Context) error {
	missing, err := b.archive.MissingTemplates(ctx)
	if err != nil || len(missing) == 0 || b.summary.Loaded == 0 {
		return err
	}
	spooled, err := fromSpool(b.cfg.Spool)
	if err != nil {
		return err
	}
	var days []archive.Day
	for _, f := range missing {
		at := slices.IndexFunc(spooled, func(s input) bool { return s.name == f.Name })
		if at < 0 || !slices.ContainsFunc(spooled[at].following, b.summary.loadedPath) {
			continue
		}
		if found, err := b.wouldFind(ctx, spooled[at], int(f.NoTemplate)); err != nil || !found {
			if err != nil {
				return err
			}
			continue
		}
		of, err := b.archive.DaysOf(ctx, f.ID)
		if err != nil {
			return err
		}
		days = append(days, of...)
	}
	slices.SortFunc(days, archive.Day.Compare)
	for _, day := range slices.Compact(days) {
		b.log.Info("templates came after their data: loading the day again", "day", day)
		if err := b.again(ctx, day); err != nil {
			return err
		}
	}
	return nil
}

// wouldFind says whether fewer data sets of a file lack their template than before.
func (b *build) wouldFind(ctx context.Context, in input, before int) (bool, error) {
	source := newSource(b.routers, newCalendar(b.loc), anyDay)
	source.batch = &batch{}
	source.next = func(full *batch) (*batch, error) { return full, nil }
	result, err := source.file(ctx, in.path, netflow.NewDecoder(netflow.Limits{}), in.following)
	return err == nil && result.noTemplate < before, ctx.Err()
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
		b.add(end, loader != nil)
		b.done += sizes[end.input.path]
		if b.opts.Progress != nil {
			b.opts.Progress(b.done, all)
		}
	})
	err := p.run(ctx, inputs)
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
	var names []string
	for _, in := range spooled {
		if loaded[in.name] {
			names = append(names, in.name)
		}
	}
	return spool.WriteImported(b.cfg.Spool, names)
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
