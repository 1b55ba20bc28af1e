package spool

import (
	"errors"
	"fmt"
	"io"
)

// window is a sliding view of a stream, bounded by the longest piece asked for.
type window struct {
	in       io.Reader
	buf      []byte
	from, to int
	err      error
}

// peek returns the next n bytes without taking them: io.EOF when none are left,
// io.ErrUnexpectedEOF and the rest when fewer are.
func (w *window) peek(n int) ([]byte, error) {
	for w.to-w.from < n && w.err == nil {
		if w.from > 0 {
			w.to = copy(w.buf, w.buf[w.from:w.to])
			w.from = 0
		}
		if w.to == len(w.buf) {
			// Grow by what has arrived, never by what a length field claims.
			w.buf = append(w.buf, make([]byte, max(256<<10, len(w.buf)))...)
		}
		var got int
		got, w.err = w.in.Read(w.buf[w.to:])
		w.to += got
	}
	have := w.buf[w.from:w.to]
	switch {
	case len(have) >= n:
		return have[:n], nil
	case w.err != nil && !errors.Is(w.err, io.EOF):
		return have, fmt.Errorf("%w: %v", io.ErrUnexpectedEOF, w.err)
	case len(have) == 0:
		return nil, io.EOF
	}
	return have, io.ErrUnexpectedEOF
}

// take returns the next n bytes and moves on; they are valid until the next call.
func (w *window) take(n int) ([]byte, error) {
	b, err := w.peek(n)
	if err != nil {
		return nil, err
	}
	w.from += n
	return b, nil
}

// inside makes the end of the stream an unexpected one.
func inside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
