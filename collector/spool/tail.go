package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Tail reads a spool file that is being written, frame by frame as they come. A file
// that is sealed meanwhile can be read on to its end: the collector packs a copy of it,
// and never changes what a tail has read. It is not safe for concurrent use.
type Tail struct {
	reader *Reader
	file   *os.File
	frames *frames
	plain  []byte // of the last frame, not taken yet
}

// OpenTail opens a file that is being written. Before its first frame is whole the
// error wraps ErrCut or ErrFormat: try again.
func OpenTail(path string) (*Tail, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t := &Tail{file: file}
	if t.frames, err = newFrames(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	t.reader = &Reader{open: true, window: newWindow(t)}
	if err := t.reader.detect(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(err, t.Close()))
	}
	if t.reader.info.Format != FormatSpool {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(ErrFormat, t.Close()))
	}
	return t, nil
}

// Read gives the content of whole frames, and io.EOF where the next one is not whole
// yet: what is there of it is read again, since the collector may cut it off.
func (t *Tail) Read(p []byte) (int, error) {
	for len(t.plain) == 0 {
		plain, err := t.frames.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			if err := t.rewind(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		t.plain = plain
	}
	n := copy(p, t.plain)
	t.plain = t.plain[n:]
	return n, nil
}

// rewind goes back to the end of the last whole frame.
func (t *Tail) rewind() error {
	f := t.frames
	at, err := t.file.Seek(f.offset(), io.SeekStart)
	f.before, f.from, f.to, f.end = at, 0, 0, nil
	return err
}

// Next returns the next packet, or io.EOF when there is none for now: a later call may
// have one. Other errors are those of the file, which a tail does not go on after. It
// does not allocate.
func (t *Tail) Next() (Packet, error) {
	r := t.reader
	packet, err := r.source.next()
	if err == nil {
		return packet, nil
	}
	if err == io.EOF {
		r.window.err = nil
		return Packet{}, io.EOF
	}
	return Packet{}, broken(err)
}

// Statistics is what the file says so far of what was lost before it was written.
func (t *Tail) Statistics() Statistics { return t.reader.stats }

// Close closes the file.
func (t *Tail) Close() error {
	t.frames.close()
	return t.file.Close()
}
