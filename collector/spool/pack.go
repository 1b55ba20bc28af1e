package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// What must be safe within a second cannot wait for company, so the frames of a
// small office hold a datagram or two each. When the file is sealed they are
// packed again, many in one: measured, 60 hosts' v5 records then take 17 bytes
// each in place of 26.

const (
	packSuffix = ".pack"

	// minFrames is from how many frames on it is worth the while.
	minFrames = 8
	// packFrame is how much goes into one frame when it is packed, plain: what a wrong
	// bit costs. At the best level that is 0.3 to 14 % smaller than frames of 1 MiB at
	// the default one, measured with the demo's office (BenchmarkSpoolSize).
	packFrame = 256 << 10
	// liveFrame is how much goes into one frame at most when it is written: as much as
	// the collector hands over. Files of frames that are half as large are not packed.
	liveFrame = 1 << 20
	// maxPack bounds the work, in plain bytes: 14 MB take a second of one core, while
	// the collector's queue holds what comes, which is 0.3 MB then.
	maxPack = 64 << 20
)

// pack replaces the open file by one of the same blocks in larger frames, if that
// is worth it. The new file takes the place of the old one when it is whole and
// durable, so a crash leaves one or the other.
func (w *Writer) pack() error {
	if w.frames < minFrames || w.plain > maxPack || w.plain/w.frames > liveFrame/2 {
		return nil
	}
	path := filepath.Join(w.folder, filepath.FromSlash(w.name))
	old, err := os.Open(path + openSuffix)
	if err != nil {
		return err
	}
	defer old.Close()
	fresh, err := openOwn(path+packSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	size, err := repack(fresh, old, w.plain)
	if err == nil {
		err = fresh.Sync()
	}
	if err == nil && size < w.size {
		err = os.Rename(path+packSuffix, path+openSuffix)
	}
	if err != nil || size >= w.size {
		return errors.Join(err, fresh.Close(), os.Remove(path+packSuffix))
	}
	closing := w.file.Close()
	w.file, w.size = fresh, size
	return closing
}

// repack writes the frames of a file of ours that holds so many plain bytes, the end
// among them: the first one alone, for a reader needs it, and the others together,
// with places of their own.
func repack(out io.Writer, in io.Reader, plain int64) (size int64, err error) {
	frames, err := newFrames(in)
	if err != nil {
		return 0, err
	}
	defer frames.close()
	encode, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(packFrame))
	if err != nil {
		return 0, err
	}
	defer encode.Close()
	var blocks, frame []byte
	live, ended := uint64(0), false
	write := func() error {
		frame = encode.EncodeAll(withPlace(nil, blocks, live), frame[:0])
		n, err := out.Write(frame)
		size += int64(n)
		packets, _ := livePackets(blocks)
		live += uint64(packets)
		blocks = blocks[:0]
		return err
	}
	for first := true; ; first = false {
		more, err := frames.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return size, err
		}
		plain -= int64(len(more))
		head := 0
		if first {
			head = min(headSize, len(more))
		}
		if _, flags, ok := placeAt(more[head:]); ok {
			ended = flags&placeEnd != 0
			blocks = append(blocks, more[:head]...)
			more = more[head+placeSize:]
		}
		for len(more) > 0 {
			n := wholeBlocks(more, packFrame)
			if len(blocks) > headSize && len(blocks)+n > packFrame {
				if err := write(); err != nil {
					return size, err
				}
			}
			blocks = append(blocks, more[:n]...)
			more = more[n:]
		}
		if first {
			if err := write(); err != nil {
				return size, err
			}
		}
	}
	if plain != 0 {
		return size, fmt.Errorf("%d bytes of what was written are not there", plain)
	}
	if len(blocks) > 0 {
		if err := write(); err != nil {
			return size, err
		}
	}
	if ended {
		frame = encode.EncodeAll(appendPlace(nil, live, placeEnd), frame[:0])
		n, err := out.Write(frame)
		return size + int64(n), err
	}
	return size, nil
}
