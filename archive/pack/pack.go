// Package pack is the month's end: a finished month is checked, repaired if it
// has to be, copied, packed with MariaDB's own tools, verified, and only then put
// in the live table's place.
//
// The steps, each of which may be the last before the power goes:
//
//	1 clean     what an attempt that was cut short has left is removed
//	2 begin     month_packs says that the month is being packed; a load into it
//	            from here on disturbs the attempt, which then gives up
//	3 check     CHECK TABLE; a damaged table is repaired under the writer lock, and
//	            its data file of before kept if rows are lost
//	4 count     rows, flows and bytes of each day, compared with the books, and
//	            the checksum of all rows with that of when they were loaded
//	5 copy      under FLUSH TABLES ... FOR EXPORT, which lets readers go on: the
//	            data file, index and definition are copied
//	6 pack      myisampack, which writes a new data file; myisamchk makes the
//	            keys, and checks every row
//	7 move      into the database, as pack_2026_10; the definition comes last
//	8 verify    CHECK TABLE, checksum over all rows, counts and sums of each day
//	9 switch    under the writer lock: renamed to flows_2026_10c, made durable,
//	            and the live table dropped
//
// Packing in place, the predecessor's way, corrupts tables that the server has
// open, and a reader that waits for such a table hangs. Until 9 the live table is
// untouched and serves everybody.
//
// Where the server's files cannot be reached, its rows are copied into a table of
// InnoDB's compressed format instead (method "innodb"), with steps 8 and 9 alike.
package pack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"nfacct/archive"
)

// Options are how a month is packed.
type Options struct {
	// Wait is how long others who pack, or write, are waited for.
	Wait time.Duration
	// Accept packs a month although it holds something else than the books say.
	Accept bool
	// Progress, if set, is called with the bytes of the live table that are done, as
	// if each step took an equal part of them.
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
	opts    Options
	month   archive.Month
	method  string
	token   string
	tools   *tools // nil for method innodb
	started time.Time
	begun   bool
	kept    string // the damaged table's data file, as it was before it was repaired
	before  sums   // of the live table
	sum     uint64
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
	unlock, err := p.a.LockPacking(ctx, opts.Wait)
	if err != nil {
		return archive.Pack{}, err
	}
	defer unlock()
	j := &job{Packer: p, opts: opts, month: m, token: rand.Text(), started: time.Now()}
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
	if err := p.recover(ctx, j.tools, opts.Wait); err != nil {
		return archive.Pack{}, err
	}
	j.step("cleaned")
	defer func() {
		// What is left behind here, the next attempt cleans.
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err != nil {
			err = errors.Join(err, quietly(p.a.CancelPack(after, m, j.token)))
		}
		err = errors.Join(err, quietly(p.clean(after, j.tools, m)))
	}()
	if err = j.run(ctx); err != nil && !errors.Is(err, archive.ErrDisturbed) {
		// Whatever a tool says of a copy that rows came into is beside the point.
		if disturbed, asking := p.a.Disturbed(context.WithoutCancel(ctx), m, j.token); asking == nil && disturbed && j.begun {
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
		return errors.New(NotOurs(j.month))
	}
	if err := j.a.BeginPack(ctx, j.month, j.token, j.method); err != nil {
		return err
	}
	j.begun = true
	j.step("begun")
	if err := j.look(ctx); err != nil {
		return err
	}
	stage := j.packFiles
	if j.method == MethodInnoDB {
		stage = j.copyRows
	}
	if err := stage(ctx); err != nil {
		return err
	}
	if err := j.verify(ctx); err != nil {
		return err
	}
	if live, packed := j.result.Live, j.result.Packed; packed > max(live, worthwhile) {
		return fmt.Errorf("%s would take %d KiB instead of %d: the month stays as it is; leave archive out of the jobs, or set archive.method = %q where the server's files can be reached",
			j.method, packed>>10, live>>10, MethodAuto)
	}
	j.step("verified")
	unlock, err := j.a.Lock(ctx, j.opts.Wait)
	if err != nil {
		return err
	}
	defer unlock()
	j.step("locked")
	j.result.Took = time.Since(j.started)
	if err := j.a.SwitchPack(ctx, j.result, j.token, j.sum); err != nil {
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

// look checks the live table, counts what is in it, and compares that with the
// books.
func (j *job) look(ctx context.Context) error {
	table := j.month.Table()
	kept, err := j.a.KeptSum(ctx, j.month) // before anything sums up anew
	if err != nil {
		return err
	}
	said, err := j.check(ctx, table)
	if err != nil {
		return err
	}
	if said != "" {
		if said, err = j.repair(ctx, said); err != nil {
			return err
		}
	}
	j.step("checked")
	if j.result.Live, err = j.size(ctx, table); err != nil {
		return err
	}
	j.progress(stepCheck)
	if j.before, err = j.count(ctx, table); err != nil {
		return err
	}
	if j.sum, err = j.a.Checksum(ctx, table); err != nil {
		return err
	}
	books, err := j.books(ctx)
	if err != nil {
		return err
	}
	problems := j.against(j.before, books)
	if altered := j.altered(kept); altered != "" {
		problems = append([]string{altered}, problems...)
	}
	if kept := j.keptRows(); said != "" && problems != nil && len(kept) > 0 {
		said += "; its data file of before is kept: " + strings.Join(kept, ", ")
	}
	if problems != nil {
		wrong := &BooksError{Month: j.month, Damage: said, Problems: problems}
		if !j.opts.Accept {
			return wrong
		}
		j.log.Warn("packing a month that holds something else than its books say", "month", j.month, "problem", wrong.Error())
		j.result.Problem = wrong.what()
	} else {
		if said != "" {
			j.log.Warn("a damaged table was repaired; nothing is lost", "table", table, "damage", said)
		}
		if err := j.dropKept(ctx); err != nil {
			return err
		}
	}
	j.result.Month, j.result.Method = j.month, j.method
	j.result.Rows, j.result.Flows = j.before.total().Rows, j.before.total().Flows
	j.step("counted")
	j.progress(stepCount)
	return nil
}
