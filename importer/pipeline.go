package importer

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"nfacct/archive"
	"nfacct/collector/flow"
)

// loader is where rows go: the archive, or nowhere when only numbers are wanted.
// Its methods are called from one goroutine, known from another.
type loader interface {
	// known says whether the same bytes are loaded already.
	known(ctx context.Context, f archive.File) (bool, error)
	begin(ctx context.Context, f archive.File) error
	append(*archive.Row) error
	// commit finishes the file that began.
	commit(ctx context.Context, end *fileEnd) (rows uint64, err error)
	// abort undoes it.
	abort(ctx context.Context) error
	// memory is what is remembered of a file that is known.
	memory(ctx context.Context, f archive.File) (*memory, error)
	// strict says that a file that fails is the end of all.
	strict() bool
}

// fatal is an error after which the next file would fail too.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// errStrangers refuses a file that nobody's router sent.
var errStrangers = errors.New("all its datagrams are of unknown exporters; add their addresses to the export list of a [[router]] and import it again")

// errUntimely refuses a file whose times are all wrong.
var errUntimely = errors.New("all its datagrams bear times before 1996 or after 2099; correct them, as editcap -t SECONDS does, and import it again")

// pipeline is one import: reading and decoding, accounting, and loading go on at
// the same time, each in a goroutine of its own, joined by bounded channels.
type pipeline struct {
	source     *source
	accountant *accountant
	loader     loader // nil: no rows
	done       func(*fileEnd)
	began      func(name string) // may be nil

	batches chan *batch // empty ones
	tables  chan *table // empty ones
}

// fileEnd is a file that has gone through, well or not.
type fileEnd struct {
	input input
	file  archive.File
	decoded
	known bool // the same bytes were loaded already: skipped
	rows  uint64
	err   error
}

// message is what flows from decoding to accounting: a batch, or a file's end.
type message struct {
	batch *batch
	end   *fileEnd
}

// part is what flows from accounting to loading: some rows of a file, or the
// rest of them with its end.
type chunk struct {
	file  *fileEnd
	table *table
	last  bool
}

func newPipeline(source *source, accountant *accountant, loader loader, done func(*fileEnd)) *pipeline {
	p := &pipeline{
		source: source, accountant: accountant, loader: loader, done: done,
		batches: make(chan *batch, 12), tables: make(chan *table, 2),
	}
	for range cap(p.batches) {
		p.batches <- &batch{records: make([]flow.Record, 0, batchRecords+64)}
	}
	if loader != nil {
		for range cap(p.tables) {
			p.tables <- newTable()
		}
	}
	return p
}

// run takes the files one after the other. A file that fails is told to done
// and does not keep the others from going on; a fatal error ends the run.
func (p *pipeline) run(ctx context.Context, inputs []input) error {
	return p.runFrom(ctx, func(ctx context.Context, messages chan<- message) error { return p.read(ctx, inputs, messages) })
}

// runFrom is run for whatever read sends.
func (p *pipeline) runFrom(ctx context.Context, read func(context.Context, chan<- message) error) error {
	messages := make(chan message, cap(p.batches))
	chunks := make(chan chunk)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(messages)
		return read(ctx, messages)
	})
	group.Go(func() error {
		defer close(chunks)
		return p.account(ctx, messages, chunks)
	})
	group.Go(func() error { return p.load(ctx, chunks) })
	return group.Wait()
}

func send[T any](ctx context.Context, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func receive[T any](ctx context.Context, from <-chan T) (value T, err error) {
	select {
	case value = <-from:
		return value, nil
	case <-ctx.Done():
		return value, ctx.Err()
	}
}

func (p *pipeline) read(ctx context.Context, inputs []input, messages chan<- message) error {
	current := (*fileEnd)(nil)
	if err := p.connect(ctx, messages, &current); err != nil {
		return err
	}
	chain := chain{source: p.source, loader: p.loader}
	loaded := map[[32]byte]bool{}
	for _, in := range inputs {
		end := &fileEnd{input: in}
		current = end
		if p.began != nil {
			p.began(in.name)
		}
		end.file.Name = in.name
		if end.err = in.err; end.err == nil {
			end.file.Size, end.file.Digest, end.err = digest(ctx, in.path)
		}
		if end.err == nil && p.loader != nil {
			end.known, end.err = p.loader.known(ctx, end.file)
		}
		end.known = end.known || loaded[end.file.Digest]
		if end.err == nil && !end.known {
			if end.err = chain.join(ctx, &end.input); end.err == nil {
				end.decoded, end.err = p.source.file(ctx, &end.input, end.input.decoder())
			}
			chain.add(end)
			if end.err == nil && p.loader != nil && end.packets+end.untimely == 0 && end.strangers > 0 {
				end.err = errStrangers // not loaded, so that it can be when the router is configured
			}
			if end.err == nil && p.loader != nil && end.packets == 0 && end.untimely > 0 {
				end.err = errUntimely
			}
			if end.err != nil {
				p.source.batch.records = p.source.batch.records[:0]
			}
			loaded[end.file.Digest] = true
		} else if end.known {
			chain.skip(end)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if end.err != nil && p.loader != nil && p.loader.strict() {
			return fatal{fmt.Errorf("%s: %w", in.name, end.err)}
		}
		if err := send(ctx, messages, message{end: end}); err != nil {
			return err
		}
	}
	return nil
}

// connect makes the source send its full batches as those of the current file.
func (p *pipeline) connect(ctx context.Context, messages chan<- message, current **fileEnd) (err error) {
	p.source.next = func(full *batch) (*batch, error) {
		if err := send(ctx, messages, message{batch: full, end: *current}); err != nil {
			return nil, err
		}
		return receive(ctx, p.batches)
	}
	p.source.batch, err = receive(ctx, p.batches)
	return err
}

func (p *pipeline) account(ctx context.Context, messages <-chan message, chunks chan<- chunk) error {
	a := p.accountant
	fill := func() (err error) {
		if p.loader != nil {
			a.table, err = receive(ctx, p.tables)
		}
		return err
	}
	if err := fill(); err != nil {
		return err
	}
	for {
		m, open := message{}, false
		select {
		case m, open = <-messages:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !open {
			return nil
		}
		if m.batch != nil {
			for i := range m.batch.records {
				if a.table != nil && a.table.full() {
					a.table.sort()
					if err := send(ctx, chunks, chunk{file: m.end, table: a.table}); err != nil {
						return err
					}
					if err := fill(); err != nil {
						return err
					}
				}
				if err := a.record(ctx, &m.end.input, m.batch.router, &m.batch.records[i]); err != nil {
					return err
				}
			}
			p.batches <- m.batch // there are no more than fit
			continue
		}
		if m.end.err == nil && !m.end.known {
			m.end.books.add(a.books)
		}
		a.books = newTallies()
		if a.table != nil {
			a.table.sort()
		}
		if err := send(ctx, chunks, chunk{file: m.end, table: a.table, last: true}); err != nil {
			return err
		}
		if err := fill(); err != nil {
			return err
		}
	}
}

func (p *pipeline) load(ctx context.Context, chunks <-chan chunk) error {
	var begun, failed *fileEnd
	var series *series
	if len(p.accountant.routers) > 1 {
		series = newSeries()
	}
	var failure error
	for {
		c, open := chunk{}, false
		select {
		case c, open = <-chunks:
		case <-ctx.Done():
		}
		if !open {
			if begun != nil { // told to stop in the middle of a file
				return errors.Join(ctx.Err(), p.abort(ctx, begun))
			}
			return ctx.Err()
		}
		file := c.file
		if failed != file {
			failed, failure = nil, nil
		}
		if p.loader != nil && failed == nil && !file.known && !(c.last && file.err != nil && begun == nil) {
			var err error
			if begun == nil {
				if err = p.loader.begin(ctx, file.file); err == nil {
					begun = file
				}
			}
			// A file that failed to decode is undone below; its rows need not go in.
			if err == nil && !(c.last && file.err != nil) {
				err = c.table.rows(series, p.loader.append)
			}
			if err == nil && c.last && file.err == nil && series != nil {
				series.book(file.books)
			}
			if err == nil && c.last && file.err == nil {
				if file.rows, err = p.loader.commit(ctx, file); err == nil {
					begun = nil
				}
			}
			if err != nil {
				failed, failure = file, err
			}
			if begun != nil && (err != nil || c.last) {
				if err := p.abort(ctx, begun); err != nil {
					return fatal{errors.Join(failure, err)}
				}
				begun = nil
			}
		}
		if c.last && series != nil {
			series.begin()
		}
		if c.table != nil {
			c.table.reset()
			p.tables <- c.table // there are no more than fit
		}
		if f := (fatal{}); errors.As(failure, &f) {
			return failure
		}
		if !c.last {
			continue
		}
		if failure != nil {
			file.err = failure
		}
		p.done(file)
	}
}

// abort undoes a file even when the import is told to stop.
func (p *pipeline) abort(ctx context.Context, file *fileEnd) error {
	if err := p.loader.abort(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("undo %s: %w", file.input.name, err)
	}
	return nil
}
