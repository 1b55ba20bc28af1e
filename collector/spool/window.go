package spool

import (
	"errors"
	"io"
)

// windowSize bounds what is looked at in one piece: more than the longest
// packet of any link type together with its block.
const windowSize = 512 << 10

// window shows a stream in contiguous pieces without copying them out.
type window struct {
	in       io.Reader
	buf      []byte
	from, to int   // of buf, not taken yet
	before   int64 // bytes of the stream before buf
	err      error // what ended the stream
}

func newWindow(in io.Reader) *window {
	return &window{in: in, buf: make([]byte, windowSize)}
}

// peek shows the next n bytes. With fewer than n left it shows those and says
// io.ErrUnexpectedEOF, or io.EOF when there are none, or why there are no more.
func (w *window) peek(n int) ([]byte, error) {
	if uint(w.to-w.from) >= uint(n) {
		return w.buf[w.from : w.from+n], nil
	}
	return w.fill(n)
}

func (w *window) fill(n int) ([]byte, error) {
	if uint(n) > uint(len(w.buf)) {
		return nil, errTooLong
	}
	w.before += int64(w.from)
	w.to = copy(w.buf, w.buf[w.from:w.to])
	w.from = 0
	for idle := 0; w.to < n; {
		if w.err != nil {
			if w.err == io.EOF && w.to > 0 {
				return w.buf[:w.to], io.ErrUnexpectedEOF
			}
			return w.buf[:w.to], w.err
		}
		got, err := w.in.Read(w.buf[w.to:])
		w.to += got
		if idle++; got > 0 {
			idle = 0
		}
		if idle == 100 && err == nil {
			err = io.ErrNoProgress
		}
		w.err = err
	}
	return w.buf[:n], nil
}

var errTooLong = errors.New("a length beyond all reason")

// take shows the next n bytes, valid until the next call, and goes past them.
func (w *window) take(n int) ([]byte, error) {
	b, err := w.peek(n)
	if err == nil {
		w.from += n
	}
	return b, err
}

// skip goes past n bytes of any number.
func (w *window) skip(n int64) error {
	for n > 0 {
		step := int(min(n, int64(len(w.buf))))
		if _, err := w.take(step); err != nil {
			return err
		}
		n -= int64(step)
	}
	return nil
}

// Read lets a decompressor go on where the window stands.
func (w *window) Read(p []byte) (int, error) {
	if w.from == w.to {
		if _, err := w.fill(1); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.buf[w.from:w.to])
	w.from += n
	return n, nil
}

// offset is where in the stream the next byte stands.
func (w *window) offset() int64 { return w.before + int64(w.from) }
