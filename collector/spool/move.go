package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Move writes a sealed file anew with all its times moved, under the name that it
// then has, and removes the old one: what came before the machine's clock was set is
// placed by what the clock says since. It returns the new name.
func (w *Writer) Move(name string, by time.Duration) (string, error) {
	start, ours := startOf(name)
	if !ours {
		return "", fmt.Errorf("move %s: not a spool file's name", name)
	}
	path := filepath.Join(w.folder, filepath.FromSlash(name))
	old, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer old.Close()
	fresh, file, err := w.reserveSecond(start.Add(by))
	if err != nil {
		return "", spaceError(err)
	}
	err = moveFrames(file, old, by)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = rename(w.folder, fresh)
	}
	if err != nil {
		return "", fmt.Errorf("move %s: %w", name, errors.Join(spaceError(err), os.Remove(OpenPath(w.folder, fresh))))
	}
	if err := os.Remove(path); err != nil {
		return fresh, err
	}
	_ = os.Remove(filepath.Dir(path)) // fails, as it should, while anything is left in it
	return fresh, nil
}

// reserveSecond makes an open file that is named by its very second: what is moved
// need not lie in one quarter-hour.
func (w *Writer) reserveSecond(at time.Time) (string, *os.File, error) {
	imported, _ := ReadImported(w.folder)
	for stamp := at.Truncate(time.Second); ; stamp = stamp.Add(time.Second) {
		name := nameOf(stamp)
		file, err := reserveName(w.folder, name, imported)
		if !errors.Is(err, fs.ErrExist) {
			return name, file, err
		}
	}
}

// moveFrames copies a file of ours, frame by frame. Of a damaged one it copies what is
// whole, and the places keep count of the rest.
func moveFrames(out io.Writer, in io.Reader, by time.Duration) error {
	frames, err := newFrames(in)
	if err != nil {
		return err
	}
	defer frames.close()
	encode, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	defer encode.Close()
	var frame []byte
	for {
		blocks, err := frames.whole()
		if errors.Is(err, io.EOF) || isDamage(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, ok := livePackets(blocks); !ok {
			return nil
		}
		moveTimes(blocks, int64(by))
		frame = encode.EncodeAll(blocks, frame[:0])
		if _, err := out.Write(frame); err != nil {
			return err
		}
	}
}

// moveTimes moves the times of whole blocks.
func moveTimes(b []byte, by int64) {
	move := func(b []byte) { // two words, the high one first
		at := int64(uint64(le.Uint32(b))<<32|uint64(le.Uint32(b[4:]))) + by
		le.PutUint32(b, uint32(uint64(at)>>32))
		le.PutUint32(b[4:], uint32(at))
	}
	for len(b) > 0 {
		total := le.Uint32(b[4:])
		switch kind := le.Uint32(b); {
		case kind == blockPacket && total >= packetHead+4, kind == blockStatistics && total >= 24:
			move(b[12:])
		}
		b = b[total:]
	}
}
