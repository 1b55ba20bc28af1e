package squid

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"nfacct/archive"
)

// Reader reads a log and its rotated copies into an archive. It is used by one
// goroutine at a time.
type Reader struct {
	cfg     Config
	format  *Format
	archive *archive.Archive
	loc     *time.Location
	log     *slog.Logger
}

// New makes a reader; days and hours are of the clock of loc.
func New(cfg Config, a *archive.Archive, loc *time.Location, log *slog.Logger) (*Reader, error) {
	format, err := NewFormat(cfg.Format)
	if err != nil {
		return nil, err
	}
	return &Reader{cfg: cfg, format: format, archive: a, loc: loc, log: log}, nil
}

// Summary is what a reading found.
type Summary struct {
	Files int    `json:"files"` // with anything new
	Lines uint64 `json:"lines"`
	// BadLines are no entries of the format.
	BadLines uint64 `json:"bad_lines"`
	Rows     uint64 `json:"rows"`
	// Cut are logs whose end was cut off or changed since it was read, and that
	// had new lines behind that.
	Cut int `json:"cut,omitempty"`
	// Failed are files that could not be read to their end.
	Failed int `json:"failed"`
}

// Bounds of what is held in memory, and lost when reading is cut short.
const (
	maxPart = 256 << 20 // bytes of log
	maxKeys = 500_000   // sums
	maxLine = 1 << 20
)

// Read reads what is new, waiting so long for another reader (0: the error then
// wraps archive.ErrLocked). A file that cannot be read does not stop the others.
func (r *Reader) Read(ctx context.Context, wait time.Duration) (s Summary, err error) {
	if r.cfg.AccessLog == "" {
		return s, nil
	}
	files, others, err := copies(r.cfg.AccessLog)
	if len(others) > 0 {
		r.log.Warn("copies of Squid's log that cannot be read: what was not read before they were packed is missing; let them be packed by gzip, zstd or bzip2", "copies", len(others), "first", others[0])
	}
	if err != nil {
		return s, err
	}
	w, err := r.archive.Proxy().Lock(ctx, wait)
	if err != nil {
		return s, err
	}
	defer w.Unlock()
	now := reading{r, w}
	var failed []error
	for _, name := range files {
		if err := now.readFile(ctx, name, &s); err != nil {
			s.Failed++
			failed = append(failed, err)
		}
		if ctx.Err() != nil || errors.Is(err, archive.ErrUnavailable) {
			break
		}
	}
	return s, errors.Join(failed...)
}

// reading is one reading under the lock.
type reading struct {
	*Reader
	ledger *archive.ProxyWriter
}

// readFile reads what is new in a file.
func (r reading) readFile(ctx context.Context, name string, s *Summary) error {
	f, err := openLog(name)
	switch {
	case errors.Is(err, fs.ErrNotExist): // rotated meanwhile: it is found under its new name the next time
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: let the user of nfacct read it, as a member of Squid's group", err)
	case err != nil:
		return err
	}
	defer func() { f.close() }() // which may have been opened again
	if known, err := r.archive.Proxy().KnowsFile(ctx, f.ProxyFile); err != nil || known {
		return err
	}
	at, err := r.identify(ctx, f)
	if err != nil || at == nil {
		return err
	}
	// Squid goes on writing into a copy until it has opened the new log. Of one
	// that is packed, or that nobody has written into for long, what is behind its
	// last line's end is all there will ever be of that line.
	at.whole = f.packed || name != r.cfg.AccessLog && time.Since(f.Modified) > settled
	before := s.Lines
	unfinished, err := r.readParts(ctx, f, at, s)
	if err != nil {
		return fmt.Errorf("log of Squid: %s: %w", name, err)
	}
	if s.Lines > before {
		s.Files++
		if at.seen > 0 {
			s.Cut++
			r.log.Warn("the end of a log of Squid was cut off or changed after it was read: of what stands there now, later lines than those were read", "file", name, "read", at.log.End, "from", at.start, "until", time.Unix(at.seen, 0).In(r.loc))
		}
	}
	if unfinished && name != r.cfg.AccessLog {
		return nil // its last line is looked at again
	}
	return r.ledger.NoteFile(ctx, f.ProxyFile)
}

// settled is how long nobody must have written into a copy of the log.
const settled = time.Hour

// place is where a log is new.
type place struct {
	log   *archive.ProxyLog
	start int64
	// seen is above 0 when the log's end is not what was read: lines up to that
	// second have been counted, as far as they stand behind start.
	seen int64
	// whole: the last line is finished, even without its end.
	whole bool
}

// identify finds out which log a file is, and goes to where it is new. Nil is a
// file without a line.
func (r reading) identify(ctx context.Context, f *logFile) (*place, error) {
	head, err := f.head()
	if err != nil {
		return nil, fmt.Errorf("log of Squid: %s: %w", f.Path, err)
	}
	if len(head) == 0 {
		return nil, nil
	}
	logs, err := r.archive.Proxy().Logs(ctx)
	if err != nil {
		return nil, err
	}
	log := find(logs, head)
	if log == nil {
		log = &archive.ProxyLog{HeadLength: len(head), HeadDigest: sha256.Sum256(head), FirstDigest: first(head)}
		return &place{log: log}, r.ledger.NoteLog(ctx, log)
	}
	// It has grown, and can now be told better; or it was cut off inside its head.
	if now := sha256.Sum256(head); log.HeadLength != len(head) || log.HeadDigest != now {
		log.HeadLength, log.HeadDigest = len(head), now
		if err := r.ledger.NoteLog(ctx, log); err != nil {
			return nil, err
		}
	}
	same, err := f.skip(log)
	if err != nil {
		return nil, fmt.Errorf("log of Squid: %s: %w", f.Path, err)
	}
	if same {
		return &place{log: log, start: log.End}, nil
	}
	return r.cut(ctx, f, log)
}

// cut is where a log goes on whose end is no longer what was read: a machine that
// lost its power has lost the last lines, or somebody has removed some, and Squid
// writes on from there. Lines are in order of time, so that those that were counted
// are known by it, and later ones are new.
func (r *Reader) cut(ctx context.Context, f *logFile, log *archive.ProxyLog) (*place, error) {
	parts, err := r.archive.Proxy().Parts(ctx, log.ID)
	if err != nil {
		return nil, err
	}
	at := &place{log: log}
	for _, p := range parts {
		if !p.LastEntry.IsZero() {
			at.seen = max(at.seen, p.LastEntry.Unix())
		}
	}
	if at.start, err = f.resume(parts); err != nil {
		return nil, fmt.Errorf("log of Squid: %s: %w", f.Path, err)
	}
	return at, nil
}

// readParts reads to the end of a file, in parts that are stored each by itself,
// and says whether a line without its end is left.
func (r reading) readParts(ctx context.Context, f *logFile, from *place, s *Summary) (unfinished bool, err error) {
	at := *from
	tail := make([]byte, 0, 2*maxTail)
	told := false // of what was cut off
	for {
		sums := newSums(r.loc)
		part, left, err := r.readPart(ctx, f.text, sums, at, &tail)
		if told || part.Lines == 0 {
			part.CutFrom, part.CutUntil = time.Time{}, time.Time{}
		}
		if err != nil && err != io.EOF {
			return false, err
		}
		if part.Lines > 0 { // or all of it has been counted
			rows := sums.rows()
			if err := r.ledger.LoadPart(ctx, at.log.ID, part, rows); err != nil {
				return false, err
			}
			s.Lines += part.Lines
			s.BadLines += part.Bad
			s.Rows += uint64(len(rows))
			told = true
		}
		at.start = part.End
		if err == io.EOF {
			return left, nil
		}
	}
}

// readPart sums lines up until a bound is reached, or the file's end: io.EOF.
func (r *Reader) readPart(ctx context.Context, text *bufio.Reader, sums *sums, at place, tail *[]byte) (part archive.ProxyPart, unfinished bool, err error) {
	part = archive.ProxyPart{Start: at.start, End: at.start}
	var e Entry
	var last int64
	var long []byte
	n := 0
	for part.End-part.Start < maxPart && sums.keys < maxKeys {
		var line []byte
		if line, err = text.ReadSlice('\n'); err == bufio.ErrBufferFull {
			line, err = readLong(text, append(long[:0], line...))
			long = line[:0]
		}
		if err != nil && err != io.EOF {
			return part, false, err
		}
		if len(line) == 0 || err == io.EOF && !at.whole {
			unfinished = len(line) > 0 // its rest comes later
			break
		}
		part.End += int64(len(line))
		*tail = keep(*tail, line)
		text := line
		if text[len(text)-1] == '\n' {
			text = text[:len(text)-1]
		}
		text = bytes.TrimSuffix(text, []byte{'\r'})
		switch good := len(line) <= maxLine && r.format.Parse(text, &e); {
		case good && e.Unix <= at.seen:
		case good:
			part.Lines++
			sums.add(&e)
			last = max(last, e.Unix)
			if at.seen > 0 && part.CutFrom.IsZero() {
				part.CutFrom, part.CutUntil = time.Unix(at.seen, 0), time.Unix(e.Unix, 0)
			}
		case at.seen == 0 || part.Lines > 0: // not one that was counted
			part.Lines++
			part.Bad++
		}
		if n++; n%4096 == 0 && ctx.Err() != nil {
			return part, false, ctx.Err()
		}
		if err == io.EOF {
			break
		}
	}
	part.TailLength, part.TailDigest = len(*tail), sha256.Sum256(*tail)
	if last > 0 {
		part.LastEntry = time.Unix(last, 0)
	}
	return part, unfinished, err
}

// readLong reads a line that is longer than the buffer; of one that is too long,
// its end is all that counts.
func readLong(text *bufio.Reader, line []byte) ([]byte, error) {
	for {
		more, err := text.ReadSlice('\n')
		line = append(line, more...)
		if err != bufio.ErrBufferFull {
			return line, err
		}
		if len(line) > 64*maxLine {
			return line, errors.New("a line of more than 64 MB: this is no log of Squid")
		}
	}
}

// keep appends a line to the tail, of which the last bytes stay.
func keep(tail, line []byte) []byte {
	if len(line) >= maxTail {
		return append(tail[:0], line[len(line)-maxTail:]...)
	}
	if over := len(tail) + len(line) - maxTail; over > 0 {
		tail = append(tail[:0], tail[over:]...)
	}
	return append(tail, line...)
}
