package spool

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxFrame bounds a frame, packed or unpacked, that recovery believes in. The
// collector's frames have a MiB or so.
const maxFrame = 64 << 20

// Recover seals what a crash left open in a spool folder: of each .open file
// the whole frames are kept and the rest is cut off; a file without a single
// datagram is removed. What was done is logged. The error wraps ErrLocked when
// a collector is running there.
func Recover(folder string, log *slog.Logger) error {
	lock, err := lockFolder(folder)
	if err != nil {
		return err
	}
	return errors.Join(recoverAll(folder, log), lock.Close())
}

// recoverAll leaves a file that resists as it is, for the next time: the others
// and the collector have to go on.
func recoverAll(folder string, log *slog.Logger) error {
	paths, err := filepath.Glob(filepath.Join(folder, "*", "*"+sealedSuffix+openSuffix))
	if err != nil {
		return fmt.Errorf("recover spool: %w", err)
	}
	for _, path := range paths {
		if err := recoverFile(folder, path, log); err != nil {
			log.Error("a spool file that was left open stays so", "file", path, "err", err)
		}
	}
	return nil
}

func recoverFile(folder, path string, log *slog.Logger) error {
	relative, err := filepath.Rel(folder, strings.TrimSuffix(path, openSuffix))
	if err != nil {
		return err
	}
	name := filepath.ToSlash(relative)
	if _, ok := startOf(name); !ok {
		return errors.New("not a spool file's name")
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	whole, packets, err := wholeFrames(file)
	if err != nil {
		return err
	}
	cut := info.Size() - whole
	if packets == 0 {
		log.Warn("a spool file that was left open holds no datagram: removed", "file", name, "bytes", info.Size())
		return os.Remove(path)
	}
	if cut > 0 {
		if err := file.Truncate(whole); err != nil {
			return err
		}
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := rename(folder, name); err != nil {
		return err
	}
	log.Warn("a spool file that was left open is sealed", "file", name, "datagrams", packets, "bytes", whole, "cut_bytes", cut)
	return nil
}

// wholeFrames measures how much of a file, from its start, is frames that
// unpack to whole blocks, and counts the live packets in them.
func wholeFrames(file io.Reader) (whole int64, packets int, err error) {
	decode, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame))
	if err != nil {
		return 0, 0, err
	}
	defer decode.Close()
	in := bufio.NewReaderSize(file, 64<<10)
	var frame, blocks []byte
	for {
		frame, err = appendFrame(frame[:0], in)
		if errors.Is(err, errTorn) {
			return whole, packets, nil
		}
		if err != nil {
			return whole, packets, err
		}
		blocks, err = decode.DecodeAll(frame, blocks[:0])
		if err != nil {
			return whole, packets, nil
		}
		n, ok := livePackets(blocks)
		if !ok {
			return whole, packets, nil
		}
		whole += int64(len(frame))
		packets += n
	}
}

// livePackets counts the packets of the live interface, if b is whole blocks.
func livePackets(b []byte) (packets int, ok bool) {
	for len(b) > 0 {
		if len(b) < 12 {
			return 0, false
		}
		kind, total := le.Uint32(b), le.Uint32(b[4:])
		if total < 12 || total%4 != 0 || uint64(total) > uint64(len(b)) || le.Uint32(b[total-4:]) != total {
			return 0, false
		}
		if kind == blockPacket && total >= packetHead+4 && le.Uint32(b[8:]) == Live {
			packets++
		}
		b = b[total:]
	}
	return packets, true
}

// errTorn: here a file ends, or stops being zstd frames.
var errTorn = errors.New("no whole zstd frame")

// appendFrame reads one frame by the lengths in the headers of the frame and of
// its blocks (RFC 8878, sections 3.1.1 and 3.1.1.2).
func appendFrame(dst []byte, in *bufio.Reader) ([]byte, error) {
	peek, err := in.Peek(zstd.HeaderMaxSize)
	if len(peek) == 0 {
		return dst, torn(err)
	}
	var header zstd.Header
	if header.Decode(peek) != nil || header.Skippable || header.HeaderSize > len(peek) {
		return dst, errTorn
	}
	if dst, err = appendFrom(dst, in, header.HeaderSize); err != nil {
		return dst, err
	}
	for last := false; !last; {
		if dst, err = appendFrom(dst, in, 3); err != nil {
			return dst, err
		}
		b := dst[len(dst)-3:]
		word := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
		last = word&1 == 1
		size := int(word >> 3)
		switch word >> 1 & 3 {
		case 1: // one byte, repeated
			size = 1
		case 3: // reserved
			return dst, errTorn
		}
		if dst, err = appendFrom(dst, in, size); err != nil {
			return dst, err
		}
	}
	if header.HasCheckSum {
		return appendFrom(dst, in, 4)
	}
	return dst, nil
}

func appendFrom(dst []byte, in *bufio.Reader, n int) ([]byte, error) {
	start := len(dst)
	if start+n > maxFrame {
		return dst, errTorn
	}
	dst = append(dst, make([]byte, n)...)
	_, err := io.ReadFull(in, dst[start:])
	return dst, torn(err)
}

// torn turns the end of the file into errTorn and leaves errors of the disk.
func torn(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn
	}
	return err
}
