package spool

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

var (
	// ErrFormat: the file is of no format that Open reads.
	ErrFormat = errors.New("no format that is read here")
	// ErrCut: the file ends in the middle of a packet, block or compressed frame.
	ErrCut = errors.New("the file ends in the middle")
	// ErrCorrupt: the file holds what its format does not allow.
	ErrCorrupt = errors.New("the file is damaged")
)

// Format is what a file turned out to be.
type Format string

const (
	FormatSpool     Format = "spool" // pcapng of the collector
	FormatPcapng    Format = "pcapng"
	FormatPcap      Format = "pcap"
	FormatFlowTools Format = "flow-tools"
)

// Info is what a file's header says. All but Format is of flow-tools files;
// times are zero where the header has none, as the end of an open file.
type Info struct {
	Format     Format
	Start, End time.Time
	Host       string // that captured
	Comment    string
	Flows      uint32 // as counted by flow-capture; 0 in a file left by a crash
	Lost       uint32 // flows missing by sequence numbers
	Misordered uint32 // packets
	Corrupt    uint32 // packets that flow-capture could not use
	Resets     uint32 // of sequence numbers
}

// Reader reads the packets of one file, whatever its format. It is not safe for
// concurrent use.
type Reader struct {
	disk   disk
	named  bool    // as spool files are
	open   bool    // still written, or left so
	frames *frames // of a zstd file
	window *window
	source source
	info   Info
	stats  Statistics
	unread Unread
	damage error
	end    error // what Next says from now on
}

// source is a format.
type source interface {
	// next returns io.EOF where the file may end, and else what is wrong.
	next() (Packet, error)
}

// disk tells an error of the file from one of what is in it.
type disk struct {
	in  io.Reader
	err error
}

func (d *disk) Read(p []byte) (int, error) {
	n, err := d.in.Read(p)
	if err != nil && err != io.EOF {
		d.err = err
	}
	return n, err
}

// Open opens a spool file, sealed or still being written, a pcap or pcapng file
// or a flow-tools file, each plain or within zstd or gzip, known by its first
// bytes and not by its name.
func Open(path string) (*Reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	base, open := strings.CutSuffix(filepath.Base(path), openSuffix)
	r := &Reader{disk: disk{in: file}, named: strings.HasSuffix(base, sealedSuffix), open: open}
	if err := r.begin(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(err, file.Close()))
	}
	return r, nil
}

// NewReader reads what Open opens from a stream. Close closes it if it is an
// io.Closer. The error wraps ErrFormat, ErrCut or ErrCorrupt when it is the
// content's fault.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{disk: disk{in: in}}
	if err := r.begin(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Reader) begin() error {
	err := r.start()
	if err == nil {
		return nil
	}
	r.unpack()
	return cmp.Or(r.disk.err, err)
}

func (r *Reader) start() error {
	packed := bufio.NewReaderSize(&r.disk, 128<<10)
	var in io.Reader = packed
	magic, err := packed.Peek(4)
	switch {
	case len(magic) == 0 && errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it is empty", ErrFormat)
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(packed)
		if err != nil {
			return fmt.Errorf("gzip: %w", broken(err))
		}
		in = z
	case isZstd(magic), r.named && le.Uint32(magic) != blockSection:
		z, err := newFrames(packed)
		if err != nil {
			return fmt.Errorf("zstd: %w", err)
		}
		r.frames = z
		if r.named {
			z.begin()
		}
		in = z
	}
	r.window = newWindow(in)
	if err := r.detect(); err != nil {
		return err
	}
	if r.frames != nil {
		r.frames.independent = r.info.Format == FormatSpool
	}
	return nil
}

// unpack lets go of the decompressor.
func (r *Reader) unpack() {
	if r.frames != nil {
		r.frames.close()
		r.frames = nil
	}
}

// maxWindow is what the zstd command unpacks without being asked to: 128 MiB.
const maxWindow = 128 << 20

// isZstd knows frames and the skippable frames that may precede them.
func isZstd(magic []byte) bool {
	if len(magic) < 4 {
		return false
	}
	n := le.Uint32(magic)
	return n == 0xfd2fb528 || n&^0xf == 0x184d2a50
}

func (r *Reader) detect() error {
	magic, err := r.window.peek(4)
	if len(magic) < 4 {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return fmt.Errorf("%w: %d bytes", ErrFormat, len(magic))
		}
		return broken(err)
	}
	switch {
	case le.Uint32(magic) == blockSection:
		r.source, err = newSections(r)
	case magic[0] == 0xcf && magic[1] == 0x10:
		r.source, err = newFlowTools(r)
	default:
		r.source, err = newCapture(r, magic)
	}
	return err
}

// Next returns the next packet, or io.EOF after the last whole one: when the
// file is damaged there, Statistics and Damage say so. Other errors are those of
// reading the file itself. It does not allocate.
func (r *Reader) Next() (Packet, error) {
	if r.end != nil {
		return Packet{}, r.end
	}
	packet, err := r.source.next()
	if err == nil {
		return packet, nil
	}
	r.end = io.EOF
	switch {
	case r.disk.err != nil:
		r.end = fmt.Errorf("read: %w", r.disk.err)
	case err != io.EOF:
		r.stats.Truncated = true
		r.damage = fmt.Errorf("%w (after %d bytes of it, unpacked)", broken(err), r.window.offset())
	}
	if f := r.frames; f != nil && f.independent && f.lost > 0 {
		r.stats.Truncated = true
		r.damage = errors.Join(r.damage, fmt.Errorf("%w: %d bytes of it in %s cannot be read", ErrCorrupt, f.lost, inPlaces(max(f.damaged, 1))))
	}
	if s, ok := r.source.(*sections); ok {
		s.settle(r)
	}
	return Packet{}, r.end
}

func inPlaces(n int) string {
	if n == 1 {
		return "one place"
	}
	return fmt.Sprintf("%d places", n)
}

// broken puts an error of a format or decompressor into one of the two kinds.
func broken(err error) error {
	switch {
	case errors.Is(err, ErrCut) || errors.Is(err, ErrCorrupt):
		return err
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return ErrCut
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// Statistics is what the file says was lost before it was written; complete
// after io.EOF.
func (r *Reader) Statistics() Statistics { return r.stats }

// Unread is what a foreign capture holds that cannot be read; complete after
// io.EOF.
func (r *Reader) Unread() Unread { return r.unread }

// Damage says, after io.EOF, why reading stopped before the file's proper end,
// or that frames of a spool file had to be left out; nil when all was read. It
// wraps ErrCut, as after a crash or while the file is still being written, or
// ErrCorrupt.
func (r *Reader) Damage() error { return r.damage }

// Info is what the file's header says.
func (r *Reader) Info() Info { return r.info }

// Close closes the file.
func (r *Reader) Close() error {
	r.unpack()
	r.end = os.ErrClosed
	if closer, ok := r.disk.in.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
