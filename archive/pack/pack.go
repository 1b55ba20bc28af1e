// Package pack is the month's end: the days of a finished month are checked, repaired
// if they have to be, copied into one table, packed with MariaDB's own tools,
// verified, and only then replaced by it.
//
// The steps, each of which may be the last before the power goes:
//
//	1 clean     what an attempt that was cut short has left is removed, but for rows
//	            that are staged: step 5 goes on behind them
//	2 begin     month_packs says that the month is being packed; a load into it
//	            from here on disturbs the attempt, which then gives up
//	3 check     CHECK TABLE of each table; a damaged one is repaired under the writer
//	            lock, and its data file of before kept if rows are lost
//	4 count     rows, flows and bytes of each day, compared with the books, and
//	            the checksum of all rows with that of when they were loaded
//	5 stage     day by day into pack_2026_10, a table without keys; its checksum grows
//	            by that of each day
//	6 copy      its files, under FLUSH TABLES ... FOR EXPORT, to a folder of its own;
//	            the table itself is dropped
//	7 pack      myisampack, which writes a new data file; myisamchk makes the
//	            keys, once, and checks every row
//	8 move      into the database, as pack_2026_10; the definition comes last
//	9 verify    CHECK TABLE, checksum over all rows, counts and sums of each day
//	10 switch   under the writer lock: renamed to flows_2026_10c, made durable,
//	            and the days dropped
//
// A month that is packed and has late rows is packed again the same way: the packed
// table is one of those that are staged.
//
// Packing in place, the predecessor's way, corrupts tables that the server has
// open, and a reader that waits for such a table hangs. Until 10 the days are
// untouched and serve everybody.
//
// Where the server's files cannot be reached, rows are staged in a table of
// InnoDB's compressed format instead (method "innodb"), and steps 6 to 8 fall away.
package pack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"nfacct/archive"
)

// Options are how a month is packed.
type Options struct {
	// Wait is how long others who pack, or write, are waited for.
	Wait time.Duration
	// Accept packs a month although it holds something else than the books say.
	Accept bool
	// Progress, if set, is called with the bytes of the month that are done, as if each
	// step took an equal part of them.
	Progress func(done, all int64)
}

// Packer packs months of one archive. It is not safe for concurrent use.
type Packer struct {
	a   *archive.Archive
	cfg Config
	log *slog.Logger

	// step is called by tests between steps.
	step func(name string)
	// roomFor says whether so many bytes are room enough; tests know better.
	roomFor func(missing uint64) bool
}

// New returns a packer.
func New(cfg Config, a *archive.Archive, log *slog.Logger) *Packer {
	if cfg.Late == lateUnpack {
		log.Warn(`archive.late = "unpack" means "beside" now: late rows stand beside the packed month until it is packed again; write "beside"`)
	}
	return &Packer{a: a, cfg: cfg, log: log, step: func(string) {}, roomFor: func(missing uint64) bool { return missing == 0 }}
}

// Ready returns an error that says why no month can be packed on this server.
func (p *Packer) Ready(ctx context.Context) error {
	place, err := p.a.Place(ctx)
	if err != nil {
		return err
	}
	_, _, err = p.choose(place)
	return err
}

// job is one month on its way.
type job struct {
	*Packer
	lock    *archive.Packing
	opts    Options
	month   archive.Month
	method  string
	tools   *tools // nil for method innodb
	started time.Time
	begun   bool
	kept    []string       // data files of damaged tables, as they were before they were repaired
	parts   []archive.Part // what the month consists of
	sumOf   []uint64       // of each, over all rows of its table
	before  sums           // of all
	sum     uint64         // of the staging table
	result  archive.Pack
}

// Pack packs a month, which has to be over and imported. The error wraps
// archive.ErrPacked if it is packed already, archive.ErrDisturbed if rows came
// meanwhile, archive.ErrLocked and archive.ErrUnavailable if trying later may
// help, and is a *BooksError if the month holds something else than its books
// say. In every case the rows are all where they were, or all in their new place.
func (p *Packer) Pack(ctx context.Context, m archive.Month, opts Options) (archive.Pack, error) {
	result, err := p.pack(ctx, m, opts)
	if err != nil {
		return result, fmt.Errorf("pack %s: %w", m, err)
	}
	return result, nil
}

func (p *Packer) pack(ctx context.Context, m archive.Month, opts Options) (_ archive.Pack, err error) {
	lock, err := p.a.LockPacking(ctx, opts.Wait)
	if err != nil {
		return archive.Pack{}, err
	}
	defer lock.Unlock()
	j := &job{Packer: p, lock: lock, opts: opts, month: m, started: time.Now()}
	if j.opts.Progress == nil {
		j.opts.Progress = func(int64, int64) {}
	}
	place, err := p.a.Place(ctx)
	if err != nil {
		return archive.Pack{}, err
	}
	if j.method, j.tools, err = p.choose(place); err != nil {
		return archive.Pack{}, err
	}
	if err := j.recover(ctx); err != nil {
		return archive.Pack{}, err
	}
	j.step("cleaned")
	defer func() {
		// What is left behind here, the next attempt cleans.
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err != nil && j.begun {
			if ctx.Err() == nil { // told to stop, what is staged is worth keeping
				err = errors.Join(err, quietly(lock.Unstage(after, m)))
			}
			err = errors.Join(err, quietly(lock.Cancel(after, m)))
		}
		err = errors.Join(err, quietly(j.clean(after, m)))
	}()
	if err = j.run(ctx); err != nil && !errors.Is(err, archive.ErrDisturbed) {
		// Whatever a tool says of a copy that rows came into is beside the point.
		if disturbed, asking := lock.Disturbed(context.WithoutCancel(ctx), m); asking == nil && disturbed && j.begun {
			err = fmt.Errorf("%w (%w)", archive.ErrDisturbed, err)
		}
	}
	return j.result, err
}

// quietly drops the error of tidying up after a server that is gone: the next
// attempt tidies up.
func quietly(err error) error {
	if errors.Is(err, archive.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// run is the recipe.
func (j *job) run(ctx context.Context) error {
	if e, err := j.entry(ctx, j.month, archive.Pack{}); err != nil {
		return err
	} else if e.State == StateView {
		if state, err := j.State(ctx, j.month); err != nil || state != StateView {
			return errors.Join(err, errors.New("there is nothing of it"))
		}
		return errors.New(NotOurs(j.month))
	}
	if err := j.lock.Begin(ctx, j.month, j.method); err != nil {
		return err
	}
	j.begun = true
	j.step("begun")
	if err := j.look(ctx); err != nil {
		return err
	}
	if err := j.stage(ctx); err != nil {
		return err
	}
	if j.method != MethodInnoDB {
		if err := j.packFiles(ctx); err != nil {
			return err
		}
	}
	if err := j.verify(ctx); err != nil {
		return err
	}
	if live, packed := j.result.Live, j.result.Packed; packed > max(live, worthwhile) {
		return fmt.Errorf("%s would take %d KiB instead of %d: the month stays as it is; leave archive out of the jobs, or set archive.method = %q where the server's files can be reached",
			j.method, packed>>10, live>>10, MethodAuto)
	}
	j.step("verified")
	w, err := j.a.Lock(ctx, j.opts.Wait)
	if err != nil {
		return err
	}
	defer w.Unlock()
	j.step("locked")
	j.result.Took = time.Since(j.started)
	if err := w.SwitchPack(ctx, j.lock, j.result, j.sum); err != nil {
		return err
	}
	j.step("switched")
	j.progress(stepsOf)
	return nil
}

// worthwhile is how many bytes a packed month may take although the live one takes
// less, as the smallest of months do.
const worthwhile = 1 << 20

// The steps that a progress bar counts, each an equal part of the table.
const (
	stepCheck = iota + 1
	stepCount
	stepStage
	stepCopy
	stepPack
	stepKeys
	stepRead
	stepVerify
	stepsOf
)

// progress says that so many steps are done.
func (j *job) progress(steps int64) {
	j.progressed(float64(steps))
}

// progressed is progress with a step that is half done.
func (j *job) progressed(steps float64) {
	size := max(int64(j.result.Live), 1)
	j.opts.Progress(int64(steps/stepsOf*float64(size)), size)
}
