package spool

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxFrame bounds a frame, packed or unpacked, that is read in one piece. The
	// collector's frames have a MiB or so.
	maxFrame = 64 << 20
	// maxUnsized bounds a packed one that does not say how long its content is. Of
	// the collector's, only those below 256 bytes do not.
	maxUnsized = 64 << 10
)

// frameMagic begins every zstd frame (RFC 8878, section 3.1.1).
const frameMagic = "\x28\xb5\x2f\xfd"

var (
	// errTorn: the file ends in the middle of a frame.
	errTorn = errors.New("the last zstd frame is not whole")
	// errBroken: here stands no frame, or one whose content is damaged.
	errBroken = errors.New("a zstd frame is damaged")
	// errForeign: a frame that is too long to be read in one piece, or may be.
	errForeign = errors.New("a zstd frame that the collector did not write")
)

// frames unpacks a file of zstd frames one by one, which is faster than as a
// stream and shows where each ends. What it cannot unpack in one piece it leaves
// to a stream.
type frames struct {
	in       io.Reader
	packed   []byte
	from, to int   // of packed, not taken yet
	before   int64 // bytes of the file before packed
	end      error // what ended the file
	decode   *zstd.Decoder
	plain    []byte // of the last frame

	// independent: whole blocks in every frame, as the collector writes them. So a
	// damaged one can be left out.
	independent bool
	damaged     int    // places where frames were left out
	lost        int64  // bytes of the file there
	unread      []byte // of plain
	first       error  // of begin
	stream      *zstd.Decoder
}

func newFrames(in io.Reader) (*frames, error) {
	decode, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame))
	if err != nil {
		return nil, err
	}
	return &frames{in: in, packed: make([]byte, 256<<10), decode: decode}, nil
}

func (f *frames) close() {
	f.decode.Close()
	if f.stream != nil {
		f.stream.Close()
	}
}

// Read gives the content of all frames.
func (f *frames) Read(p []byte) (int, error) {
	for len(f.unread) == 0 {
		if f.stream != nil {
			return f.stream.Read(p)
		}
		err := f.first
		f.first = nil
		if err != nil {
		} else if f.independent {
			f.unread, err = f.whole()
		} else {
			f.unread, err = f.next()
		}
		switch {
		case errors.Is(err, errForeign), errors.Is(err, errTorn), errors.Is(err, errBroken) && !f.independent:
			// A stream gives what there is before the damage.
			rest := io.MultiReader(bytes.NewReader(f.packed[f.from:f.to]), f.in)
			f.stream, err = zstd.NewReader(rest, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		}
		if err != nil {
			return 0, err
		}
	}
	n := copy(p, f.unread)
	f.unread = f.unread[n:]
	return n, nil
}

// begin reads a file that is known to be the collector's, whose first frame may be
// damaged: from the next one that is whole, with the header that all begin with.
func (f *frames) begin() {
	f.independent = true
	plain, err := f.whole()
	if err != nil || f.damaged == 0 {
		f.unread = plain
		f.first = err
		return
	}
	if _, ok := livePackets(plain); ok {
		f.unread = append(AppendHeader(nil), plain...)
	} else {
		f.first = errBroken
	}
}

// whole is next for independent frames: it leaves out what is damaged, if a
// whole frame follows, and counts that.
func (f *frames) whole() ([]byte, error) {
	plain, err := f.next()
	if err == nil || !isDamage(err) {
		return plain, err
	}
	at, offset := f.from, f.offset()
	for f.skip() {
		found := f.offset()
		plain, again := f.next()
		switch {
		case again == nil:
			f.damaged++
			f.lost += found - offset
			return plain, nil
		case !isDamage(again) && !errors.Is(again, io.EOF):
			return nil, again
		}
	}
	if errors.Is(err, errTorn) {
		f.from = at // still there, for the whole file has been read
	} else {
		f.lost += f.before + int64(f.to) - offset
	}
	return nil, err
}

func isDamage(err error) bool {
	return errors.Is(err, errTorn) || errors.Is(err, errBroken) || errors.Is(err, errForeign)
}

// next unpacks the next frame, valid until the call after it, and goes past it.
// It returns io.EOF at the end, one of the errors above where it stays, or what
// is wrong with the disk.
func (f *frames) next() ([]byte, error) {
	size, err := f.measure()
	for errors.Is(err, io.ErrUnexpectedEOF) {
		if err = f.fill(); err == nil {
			size, err = f.measure()
		}
	}
	if err != nil {
		return nil, err
	}
	f.plain, err = f.decode.DecodeAll(f.packed[f.from:f.from+size], f.plain[:0])
	if err != nil {
		return nil, errBroken
	}
	f.from += size
	return f.plain, nil
}

// measure finds the length of the frame that comes next, by the lengths in its
// header and in those of its blocks (RFC 8878, sections 3.1.1 and 3.1.1.2), and
// says io.ErrUnexpectedEOF while it is not all there.
func (f *frames) measure() (int, error) {
	b := f.packed[f.from:f.to]
	var header zstd.Header
	switch err := header.Decode(b); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return 0, err
	case err != nil:
		return 0, errBroken
	case header.Skippable || header.FrameContentSize > maxFrame:
		return 0, errForeign
	}
	size := header.HeaderSize
	for last := false; !last; {
		if size+3 > len(b) {
			return 0, io.ErrUnexpectedEOF
		}
		word := uint32(b[size]) | uint32(b[size+1])<<8 | uint32(b[size+2])<<16
		last = word&1 == 1
		size += 3
		switch word >> 1 & 3 {
		case 1: // one byte, repeated
			size++
		case 3: // reserved
			return 0, errBroken
		default:
			size += int(word >> 3)
		}
		switch {
		case !header.HasFCS && size > maxUnsized:
			return 0, errForeign
		case size > maxFrame:
			return 0, errBroken
		}
	}
	if header.HasCheckSum {
		size += 4
	}
	if size > len(b) {
		return 0, io.ErrUnexpectedEOF
	}
	return size, nil
}

// fill reads more of the file. At its end it says io.EOF when nothing is left,
// and else errTorn.
func (f *frames) fill() error {
	if f.end == nil {
		if f.from > 0 {
			f.before += int64(f.from)
			f.to = copy(f.packed, f.packed[f.from:f.to])
			f.from = 0
		}
		if f.to == len(f.packed) {
			f.packed = append(f.packed, make([]byte, len(f.packed))...)
		}
		var n int
		n, f.end = io.ReadAtLeast(f.in, f.packed[f.to:], 1)
		f.to += n
		if n > 0 {
			return nil
		}
	}
	switch {
	case !errors.Is(f.end, io.EOF):
		return f.end
	case f.from == f.to:
		return io.EOF
	}
	return errTorn
}

// skip goes to where another frame may begin, at least a byte on.
func (f *frames) skip() (found bool) {
	f.from = min(f.from+1, f.to)
	for {
		if at := bytes.Index(f.packed[f.from:f.to], []byte(frameMagic)); at >= 0 {
			f.from += at
			return true
		}
		f.from = max(f.from, f.to-len(frameMagic)+1)
		if f.fill() != nil {
			return false
		}
	}
}

// offset is where in the file the next frame begins.
func (f *frames) offset() int64 { return f.before + int64(f.from) }
