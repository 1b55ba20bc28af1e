package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"nfacct/archive"
	"nfacct/collector/flow"
)

// ErrLost is wrapped by a Stream's error when what it reads from is gone, so
// that other streams of the same source would fare no better.
var ErrLost = errors.New("the source of the records does not answer")

// Stream is records that came otherwise than in datagrams: another program kept
// them, without interfaces and translated addresses. Exactly one inside address
// makes such a record up or down, by attribution's rule Migrated; no uploads
// are remembered for downloads without a host, because nobody knows any more
// what came after what.
type Stream struct {
	// File is how the ledger knows the stream. Its digest is of the content, so
	// that the same records are not loaded twice, wherever they are read.
	File archive.File
	// Router is the name of the router that the records are booked to.
	Router string
	// Records is about how many there are, for progress.
	Records uint64
	// Wanted, if set, is asked before reading, with the writer lock held; a
	// stream that is not wanted is left out.
	Wanted func(context.Context) (bool, error)
	// Read hands all records over. After an error nothing of them is loaded.
	Read func(context.Context, *Sink) error
}

// Sink takes the records of a Stream.
type Sink struct {
	source *source
	router int
}

// Next gives an empty record to be filled in; it is taken with the next call, or
// with the end of Read. The one before must not be touched any more.
func (k *Sink) Next() (*flow.Record, error) {
	if err := k.source.room(k.router); err != nil {
		return nil, err
	}
	k.source.batch.records = append(k.source.batch.records, flow.Record{})
	return &k.source.batch.records[len(k.source.batch.records)-1], nil
}

// Reject counts what could not be read, in the book of a day.
func (k *Sink) Reject(day archive.Day, reason string, n uint64) {
	k.source.books.of(place{dateOf(day), k.router}).reject(reason, n)
}

// ImportStreams loads streams, each exactly once, as Import loads files. The
// error wraps ErrLost when a source went away. Progress is told in records.
func (im *Importer) ImportStreams(ctx context.Context, streams []Stream, opts Options) (Summary, error) {
	return im.locked(ctx, opts, func(b *build) error {
		loader, err := newArchiveLoader(ctx, im, b.writer, archive.Day{})
		if err != nil {
			return err
		}
		return b.runStreams(ctx, streams, loader)
	})
}

// PreviewStreams reads streams without touching the database.
func (im *Importer) PreviewStreams(ctx context.Context, streams []Stream, opts Options) (Summary, error) {
	b := im.build(opts)
	return b.finish(b.runStreams(ctx, streams, nil))
}

func (b *build) runStreams(ctx context.Context, streams []Stream, loader loader) error {
	all, sizes := int64(0), map[string]int64{}
	routers := make([]int, len(streams))
	for i, s := range streams {
		routers[i] = slices.IndexFunc(b.routers, func(r Router) bool { return r.Name == s.Router })
		if routers[i] < 0 {
			return fmt.Errorf("%s: no router %q is configured", s.File.Name, s.Router)
		}
		sizes[s.File.Name] += int64(s.Records)
		all += int64(s.Records)
	}
	source := newSource(b.routers, newCalendar(b.loc), anyDay)
	accountant := newAccountant(newCalendar(b.loc), b.routers, b.rules, anyDay)
	accountant.migrated = true
	p := newPipeline(source, accountant, loader, func(end *fileEnd) {
		b.add(end, loader != nil)
		b.done += sizes[end.input.name]
		if b.opts.Progress != nil {
			b.opts.Progress(b.done, all)
		}
	})
	var lost error
	err := p.runFrom(ctx, func(ctx context.Context, messages chan<- message) (err error) {
		lost, err = p.readStreams(ctx, streams, routers, messages)
		return err
	})
	if err == nil {
		err = lost
	}
	return err
}

// readStreams is what read is for files. When a source is lost, what came whole
// before is loaded all the same.
func (p *pipeline) readStreams(ctx context.Context, streams []Stream, routers []int, messages chan<- message) (lost, err error) {
	end := (*fileEnd)(nil)
	if err := p.connect(ctx, messages, &end); err != nil {
		return nil, err
	}
	loaded := map[[32]byte]bool{}
	for i, s := range streams {
		end = &fileEnd{input: input{path: s.File.Name, name: s.File.Name}, file: s.File}
		if s.Wanted != nil {
			if wanted, err := s.Wanted(ctx); err != nil {
				return nil, err
			} else if !wanted {
				continue
			}
		}
		if p.loader != nil {
			end.known, end.err = p.loader.known(ctx, end.file)
		}
		end.known = end.known || loaded[s.File.Digest]
		if end.err == nil && !end.known {
			loaded[s.File.Digest] = true
			end.err = p.stream(ctx, s, routers[i], end)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		lost := end.err
		if err := send(ctx, messages, message{end: end}); err != nil {
			return nil, err
		}
		if errors.Is(lost, ErrLost) {
			return fmt.Errorf("%s: %w", s.File.Name, lost), nil
		}
	}
	return nil, nil
}

func (p *pipeline) stream(ctx context.Context, s Stream, router int, end *fileEnd) error {
	source := p.source
	source.books = newTallies()
	if err := s.Read(ctx, &Sink{source, router}); err != nil {
		source.batch.records = source.batch.records[:0]
		return err
	}
	if err := source.flush(); err != nil {
		return err
	}
	end.books = source.books
	return nil
}
