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
	"slices"
	"time"

	"nfacct/archive"
	"nfacct/collector/flow"
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
	// PortRate is the speed of its fastest port, not of the contract: records that say
	// more than it can carry are implausible. 0 is 100 Gbit/s.
	PortRate Rate `toml:"port_rate,omitzero"`
	// ActiveTimeout is after how long it exports a flow that goes on; 0 is not known,
	// and taken for RouterOS's default of 30 minutes.
	ActiveTimeout time.Duration `toml:"-"`
	// Version is the one that it is configured to export; 0 is not known. Where it sends
	// the same flows by several, those of this version are accounted.
	Version flow.Version `toml:"-"`
	// History, oldest first, is how its records are attributed over time; if it is
	// not empty it takes the place of the Router above.
	History []Since `toml:"-"`
}

// collectorName is who the losses of the collector are booked to when there are
// several routers.
const collectorName = "(collector)"

// ErrPartial is wrapped when some files failed and others did not.
var ErrPartial = errors.New("some files were not imported")

// ErrFiles is wrapped when every file failed.
var ErrFiles = errors.New("no file was imported")

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
		for _, since := range newEras(0, r, nil).history {
			since.Check(report("router " + r.Name))
		}
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
	// Began and Ended, if set, are called when a file is begun, and when it has gone
	// through, well or not.
	Began, Ended func(name string)
}

// Import loads files, or when none are named all sealed files of the spool that
// are not loaded yet, oldest first, except those that are set aside. What an interrupted import left is put
// right before. The error wraps archive.ErrLocked when another import held on
// for longer than Options.Wait, archive.ErrUnavailable when the database does
// not answer, ErrPartial when some files failed and ErrFiles when all did; the
// summary holds what was done in every case.
func (im *Importer) Import(ctx context.Context, files []string, opts Options) (Summary, error) {
	return im.locked(ctx, opts, func(b *build) error {
		if len(files) > 0 {
			inputs, err := given(files, im.cfg.Spool)
			if err != nil {
				return err
			}
			if err := b.replaceGrown(ctx, inputs); err != nil {
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
		if fresh, err = b.leaveAside(fresh); err != nil {
			return err
		}
		return b.load(ctx, fresh)
	})
}

// locked does something with the archive as its only writer.
func (im *Importer) locked(ctx context.Context, opts Options, do func(*build) error) (Summary, error) {
	b := im.build(opts)
	if im.archive == nil {
		return b.summary, errors.New("import without an archive")
	}
	var err error
	if b.writer, err = im.archive.Lock(ctx, opts.Wait); err != nil {
		return b.summary, err
	}
	defer b.writer.Unlock()
	if err = b.finishForgetting(ctx); err == nil {
		err = do(b)
	}
	if err == nil {
		err = b.bringTemplates(ctx)
	}
	if err == nil {
		err = b.writer.Settle(ctx)
	}
	if err == nil {
		err = b.closeDays(ctx)
	}
	if listing := b.list(context.WithoutCancel(ctx)); listing != nil && err == nil {
		err = listing
	}
	return b.finish(err)
}

// build is one import in the making.
type build struct {
	*Importer
	writer  *archive.Writer // nil where nothing is written
	opts    Options
	summary Summary
	books   map[bookOf]*archive.Book
	done    int64
	came    noted // templates that the files brought
	shown   func(*Piece)
}

type bookOf struct {
	day    archive.Day
	router string
}

func (im *Importer) build(opts Options) *build {
	return &build{Importer: im, opts: opts, summary: newSummary(), books: map[bookOf]*archive.Book{}}
}
