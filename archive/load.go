package archive

import (
	"context"
	"fmt"
	"nfacct/archive/mariadb"
	"slices"
	"strings"
)

// File identifies a file of datagrams in the ledger: by its digest, so that the
// same bytes under another name are known.
type File struct {
	Name   string
	Size   int64
	Digest [32]byte // SHA-256
}

// Load is one file on its way into the tables of days. It is used by one
// goroutine, and ended by Commit or Abort.
type Load struct {
	a    *Writer
	ctx  context.Context // of BeginLoad: it bounds Append
	id   uint32          // in the ledger
	file File

	reload *Reload // if not nil: then only its day's rows go in, beside the tables
	memory []byte  // see Remember

	streams []*stream
	before  map[Day]uint64 // rows of the day's table before the first of ours
	rows    map[Day]uint64 // written since
	made    bool           // a table was made, which people do not see yet
	total   uint64
	unsaid  uint64 // bytes written since the disk was looked at
	tallies map[tallyKey]*tally
	usage   usage
	last    tallyKey
	tally   *tally // of last
	err     error  // the first of Append; nothing works after it
	over    bool
}

type tallyKey struct {
	day    Day
	router uint16
}

// tally is what was appended for a router's day.
type tally struct {
	rows  uint64
	hours uint64 // a bit for each hour of the day that rows fall in
}

// maxStreams bounds the statements under way at once: a day in each, and their
// connections. Files whose rows go back and forth between more days reopen some.
const maxStreams = 4

// BeginLoad says `loading` in the ledger. ctx bounds Append too. The error wraps ErrLoaded if these bytes were loaded
// before, under whatever name.
func (w *Writer) BeginLoad(ctx context.Context, f File) (*Load, error) {
	doing := "begin load of " + f.Name
	if err := w.ready(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	known, err := w.Reader().ImportByDigest(ctx, f.Digest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if known != nil {
		// Under the lock nothing else is `loading`: recovery saw to that.
		return nil, fmt.Errorf("%s: %w as %s", doing, ErrLoaded, known.Name)
	}
	result, err := w.db.ExecContext(ctx, "INSERT INTO imports (file, size, digest, rules, problem, state, started) VALUES (?, ?, ?, '{}', '', 'loading', UTC_TIMESTAMP())",
		ledgerName(f.Name), f.Size, f.Digest[:])
	if err != nil {
		return nil, wrap(doing, err)
	}
	id, err := result.LastInsertId()
	if err != nil {
		return nil, wrap(doing, err)
	}
	w.step("load begun")
	return w.newLoad(ctx, uint32(id), f), nil
}

// ready is asked before anything is written.
func (w *Writer) ready(ctx context.Context) error {
	if err := w.held(ctx); err != nil {
		return err
	}
	if err := w.idle(ctx); err != nil {
		return err
	}
	if w.server != nil {
		return w.server.Room(0)
	}
	return nil
}

func (w *Writer) newLoad(ctx context.Context, id uint32, f File) *Load {
	return &Load{
		a: w, ctx: ctx, id: id, file: f,
		before: map[Day]uint64{}, rows: map[Day]uint64{}, tallies: map[tallyKey]*tally{},
	}
}

// Append adds a row; its day's table is made when it is the first. After an
// error only Abort is of use.
func (l *Load) Append(r *Row) error {
	switch {
	case l.err != nil:
		return l.err
	case l.reload != nil && r.Day != l.reload.day:
		return nil
	case !r.Host.IsValid() || !r.Peer.IsValid() || r.Day.IsZero():
		return l.fail(fmt.Errorf("load %s: a row without day, host or peer", l.file.Name))
	}
	s, err := l.stream(r.Day)
	if err != nil {
		return l.fail(fmt.Errorf("load %s: %w", l.file.Name, err))
	}
	buf, rows := r.append(s.buf)
	s.buf = buf
	s.rows += rows
	s.used = l.total
	l.total += rows
	fresh := false
	if key := (tallyKey{r.Day, r.Router}); key != l.last || l.tally == nil {
		l.last = key
		if l.tally = l.tallies[key]; l.tally == nil {
			l.tally = &tally{}
			l.tallies[key] = l.tally
			fresh = true
		}
	}
	l.tally.rows += rows
	l.tally.hours |= 1 << r.Slot.Hour()
	if fresh { // readers must know of the day before they can see a row of it
		if err := l.noteHours(l.ctx); err != nil {
			return l.fail(fmt.Errorf("load %s: %w", l.file.Name, err))
		}
	}
	if l.reload == nil { // else the day's rollups are made from its rows at the end
		l.usage.add(r)
	}
	if l.usage.full() {
		if err := l.addUsage(l.ctx); err != nil {
			return l.fail(fmt.Errorf("load %s: %w", l.file.Name, err))
		}
	}
	if len(s.buf) < streamBuffer {
		return nil
	}
	return l.flush(s)
}

func (l *Load) flush(s *stream) error {
	l.unsaid += uint64(len(s.buf))
	if l.a.server != nil && l.unsaid > mariadb.Reserve/8 {
		l.unsaid = 0
		if err := l.a.server.Room(0); err != nil {
			return l.fail(fmt.Errorf("load %s: %w", l.file.Name, err))
		}
	}
	if err := s.flush(); err != nil {
		return l.fail(fmt.Errorf("load %s: %w", l.file.Name, err))
	}
	return nil
}

func (l *Load) fail(err error) error {
	l.err = err
	return err
}

// Remember stores with the file what the importer must know to read it again, at
// most MaxMemory bytes; Memory gives it back. Before Commit.
func (l *Load) Remember(memory []byte) { l.memory = memory }

// MaxMemory is what the ledger keeps for a file at most: a statement holds it
// within the limit that servers have by default (max_allowed_packet, 16 MiB).
const MaxMemory = 4 << 20

// table is what a day's rows go to.
func (l *Load) table(day Day) string {
	if l.reload != nil {
		return l.reload.table()
	}
	return day.Table()
}

// stream is the day's statement, opened when there is none.
func (l *Load) stream(day Day) (*stream, error) {
	for _, s := range l.streams {
		if s.day == day {
			return s, nil
		}
	}
	if len(l.streams) == maxStreams {
		oldest := slices.MinFunc(l.streams, func(a, b *stream) int { return int(int64(a.used - b.used)) })
		if err := l.finish(oldest); err != nil {
			return nil, err
		}
	}
	if err := l.prepare(day); err != nil {
		return nil, err
	}
	s, err := l.a.openStream(l.ctx, day, l.table(day))
	if err != nil {
		return nil, err
	}
	l.streams = append(l.streams, s)
	l.a.step("stream open")
	return s, nil
}

// finish ends a stream.
func (l *Load) finish(s *stream) error {
	l.streams = slices.DeleteFunc(l.streams, func(o *stream) bool { return o == s })
	if err := s.finish(); err != nil {
		return err
	}
	l.rows[s.day] += s.rows
	return nil
}

// prepare writes down how long the day's table is before the first row, and makes it
// if there is none.
func (l *Load) prepare(day Day) error {
	if _, ok := l.before[day]; ok {
		return nil
	}
	if l.reload != nil {
		l.before[day] = l.reload.rows
		return nil
	}
	comment, err := l.a.admit(l.ctx, day)
	if err != nil {
		return err
	}
	n, made := uint64(0), comment != ""
	l.made = l.made || made
	if !made {
		if n, err = l.a.count(l.ctx, day.Table()); err != nil {
			return err
		}
	}
	if err := l.a.exec(l.ctx, "note length of "+day.Table(), "INSERT INTO import_days (import, day, rows_before, made) VALUES (?, ?, ?, ?)", l.id, day, n, made); err != nil {
		return err
	}
	l.a.step("length noted")
	if made {
		if err := l.a.makeDay(l.ctx, day.Table(), comment); err != nil {
			return err
		}
		l.a.step("day made")
	}
	if err := l.a.changing(l.ctx, day, made); err != nil {
		return err
	}
	l.before[day] = n
	l.a.step("day prepared")
	return nil
}

// Abort undoes the load. After Commit it does nothing, so it can be deferred. If
// it returns an error, the next Lock undoes the load.
func (l *Load) Abort(ctx context.Context) error {
	if l.over {
		return nil
	}
	l.over = true
	for _, s := range l.streams {
		s.abort()
	}
	l.streams = nil
	if l.reload != nil {
		l.reload.err = fmt.Errorf("load of %s was given up", l.file.Name)
		return nil
	}
	if err := l.undo(ctx); err != nil {
		return fmt.Errorf("abort load of %s: %w", l.file.Name, err)
	}
	return nil
}

func (l *Load) undo(ctx context.Context) error {
	if err := l.a.held(ctx); err != nil {
		return err
	}
	if err := l.a.quiesce(ctx); err != nil {
		return err
	}
	return l.a.undo(ctx, l.id)
}

// ledgerName is a file's name as the ledger can hold it.
func ledgerName(name string) string {
	runes := []rune(strings.ToValidUTF8(name, "\uFFFD"))
	return string(runes[max(0, len(runes)-4096):])
}
