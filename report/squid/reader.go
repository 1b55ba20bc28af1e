package squid

import (
	"bufio"
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
	files, err := copies(r.cfg.AccessLog)
	if err != nil {
		return s, err
	}
	unlock, err := r.archive.LockProxyLogs(ctx, wait)
	if err != nil {
		return s, err
	}
	defer unlock()
	var failed []error
	for _, name := range files {
		if err := r.readFile(ctx, name, &s); err != nil {
			s.Failed++
			failed = append(failed, err)
		}
		if ctx.Err() != nil || errors.Is(err, archive.ErrUnavailable) {
			break
		}
	}
	return s, errors.Join(failed...)
}

// readFile reads what is new in a file.
func (r *Reader) readFile(ctx context.Context, name string, s *Summary) error {
	f, err := openLog(name)
	switch {
	case errors.Is(err, fs.ErrNotExist): // rotated meanwhile: it is found under its new name the next time
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: let the user of nfacct read it, as a member of Squid's group", err)
	case err != nil:
		return err
	}
	defer f.close()
	if known, err := r.archive.KnowsProxyFile(ctx, f.ProxyFile); err != nil || known {
		return err
	}
	log, err := r.identify(ctx, f)
	if err != nil || log == nil {
		return err
	}
	before := s.Lines
	// A copy gets no further lines; what is behind its last line's end is all
	// there will ever be of that line.
	if err := r.readParts(ctx, f, log, name != r.cfg.AccessLog, s); err != nil {
		return fmt.Errorf("log of Squid: %s: %w", name, err)
	}
	if s.Lines > before {
		s.Files++
	}
	return r.archive.NoteProxyFile(ctx, f.ProxyFile)
}

// identify finds out which log a file is, and goes to where it is new. Nil is a
// file without a line, or one that is not what it was.
func (r *Reader) identify(ctx context.Context, f *logFile) (*archive.ProxyLog, error) {
	head, err := f.head()
	if err != nil {
		return nil, fmt.Errorf("log of Squid: %s: %w", f.Path, err)
	}
	if len(head) == 0 {
		return nil, nil
	}
	logs, err := r.archive.ProxyLogs(ctx)
	if err != nil {
		return nil, err
	}
	log := find(logs, head)
	if log == nil {
		log = &archive.ProxyLog{HeadLength: len(head), HeadDigest: sha256.Sum256(head)}
		return log, r.archive.NoteProxyLog(ctx, log)
	}
	if log.HeadLength < len(head) { // it has grown; now it can be told better
		log.HeadLength, log.HeadDigest = len(head), sha256.Sum256(head)
		if err := r.archive.NoteProxyLog(ctx, log); err != nil {
			return nil, err
		}
	}
	same, err := f.skip(log)
	if err != nil {
		return nil, fmt.Errorf("log of Squid: %s: %w", f.Path, err)
	}
	if !same {
		r.log.Warn("a log of Squid begins like one that was read further than it goes, or other lines stand in it now: it is left out", "file", f.Path, "read", log.End)
		return nil, nil
	}
	return log, nil
}

// readParts reads to the end of a file, in parts that are stored each by itself.
func (r *Reader) readParts(ctx context.Context, f *logFile, log *archive.ProxyLog, whole bool, s *Summary) error {
	at := log.End
	tail := make([]byte, 0, 2*maxTail)
	for {
		sums := newSums(r.loc)
		part, err := r.readPart(ctx, f.text, sums, at, whole, &tail)
		if err != nil && err != io.EOF {
			return err
		}
		if part.End > part.Start {
			rows := sums.rows()
			if err := r.archive.LoadProxyPart(ctx, log.ID, part, rows); err != nil {
				return err
			}
			s.Lines += part.Lines
			s.BadLines += part.Bad
			s.Rows += uint64(len(rows))
			at = part.End
		}
		if err == io.EOF {
			return nil
		}
	}
}

// readPart sums lines up until a bound is reached, or the file's end: io.EOF.
func (r *Reader) readPart(ctx context.Context, text *bufio.Reader, sums *sums, at int64, whole bool, tail *[]byte) (part archive.ProxyPart, err error) {
	part = archive.ProxyPart{Start: at, End: at}
	var e Entry
	var last int64
	var long []byte
	for part.End-part.Start < maxPart && sums.keys < maxKeys {
		var line []byte
		if line, err = text.ReadSlice('\n'); err == bufio.ErrBufferFull {
			line, err = readLong(text, append(long[:0], line...))
			long = line[:0]
		}
		if err != nil && err != io.EOF {
			return part, err
		}
		if len(line) == 0 || err == io.EOF && !whole {
			break // the rest of an unfinished line comes later
		}
		part.End += int64(len(line))
		part.Lines++
		*tail = keep(*tail, line)
		text := line
		if text[len(text)-1] == '\n' {
			text = text[:len(text)-1]
		}
		if n := len(text); n > 0 && text[n-1] == '\r' {
			text = text[:n-1]
		}
		if len(line) <= maxLine && r.format.Parse(text, &e) {
			sums.add(&e)
			last = max(last, e.Unix)
		} else {
			part.Bad++
		}
		if part.Lines%4096 == 0 && ctx.Err() != nil {
			return part, ctx.Err()
		}
		if err == io.EOF {
			break
		}
	}
	part.TailLength, part.TailDigest = len(*tail), sha256.Sum256(*tail)
	if last > 0 {
		part.LastEntry = time.Unix(last, 0)
	}
	return part, err
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
