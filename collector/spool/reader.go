package spool

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// ErrFormat is wrapped when a file is none that can be read.
var ErrFormat = errors.New("neither a spool file, pcap, pcapng nor a flow-tools file")

// Reader reads the packets of one file, whatever its format.
type Reader struct {
	closers []func() error
	next    func() (Packet, error)
	stats   Statistics
	damage  error
}

// Open opens a spool file, a pcap or pcapng file (plain, zstd or gzip) or a
// flow-tools file, known by its first bytes and not by its name.
func Open(path string) (*Reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.closers = append(r.closers, file.Close)
	return r, nil
}

// NewReader reads such a file from a stream.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{}
	plain := bufio.NewReaderSize(in, 64<<10)
	magic, _ := plain.Peek(4)
	var source io.Reader = plain
	switch {
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(plain, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		r.closers = append(r.closers, func() error { z.Close(); return nil })
		source = z
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(plain)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		r.closers = append(r.closers, z.Close)
		source = z
	}
	w := &window{in: source}
	magic, err := w.peek(4)
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("empty: %w", ErrFormat)
	case err != nil:
		return nil, fmt.Errorf("%w (%w)", ErrFormat, err)
	case le.Uint32(magic) == blockSection:
		r.next = (&sections{reader: r, window: w}).next
	case magic[0] == 0xcf && magic[1] == 0x10:
		f, err := newFlowTools(w)
		if err != nil {
			return nil, err
		}
		r.next = f.next
	default:
		c, err := newCapture(r, w)
		if err != nil {
			return nil, err
		}
		r.next = c.next
	}
	return r, nil
}

// Next returns the next packet, or io.EOF. A file that ends in the middle, as
// after a crash, ends where it is no longer whole: Statistics says so.
func (r *Reader) Next() (Packet, error) {
	if r.damage != nil {
		return Packet{}, io.EOF
	}
	packet, err := r.next()
	if err != nil && !errors.Is(err, io.EOF) {
		r.damage, r.stats.Truncated = err, true
		return Packet{}, io.EOF
	}
	return packet, err
}

// Statistics is what the file says beside its packets; complete after io.EOF.
func (r *Reader) Statistics() Statistics { return r.stats }

// Damage says why the file could be read no further, nil when all of it was.
func (r *Reader) Damage() error { return r.damage }

// Close closes the file.
func (r *Reader) Close() error {
	var err error
	for _, closer := range r.closers {
		err = errors.Join(err, closer())
	}
	return err
}
