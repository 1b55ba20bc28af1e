package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/klauspost/compress/zstd"
)

// Writer writes spool files, one at a time. It is not safe for concurrent use.
type Writer struct {
	folder string
	log    *slog.Logger
	lock   *flock.Flock
	encode *zstd.Encoder
	blocks []byte // of a frame, with its place
	frame  []byte

	file   *os.File
	name   string // of the open file, relative, as it will be when sealed
	size   int64  // of its whole frames
	frames int64  // and how many they are
	plain  int64  // bytes of blocks in them
	live   uint64 // datagrams in them
	torn   bool   // something follows them that could not be cut off
	slot   int64  // quarter-hours since 1970
	began  time.Time
	header []byte // its first blocks, until they are written
	unseal bool   // an earlier file could not be sealed
}

// NewWriter locks the spool folder, making it when it is missing, and recovers
// what a crash left open. Nothing is written until Begin. The error wraps
// ErrLocked when another collector writes there.
func NewWriter(cfg Config, log *slog.Logger) (*Writer, error) {
	if err := MkdirAll(cfg.Folder, 0o750); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	lock, err := lockFolder(cfg.Folder)
	if err != nil {
		return nil, err
	}
	encode, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("spool: %w", err), lock.Close())
	}
	recoverAll(cfg.Folder, log)
	return &Writer{folder: cfg.Folder, log: log, lock: lock, encode: encode}, nil
}

// Due reports whether now lies in another quarter-hour than the open file, in
// either direction.
func (w *Writer) Due(now time.Time) bool { return slotOf(now) != w.slot }

func slotOf(now time.Time) int64 { return now.Unix() / int64(SlotLength/time.Second) }

// Begin seals the open file, if there is one, and begins the next one with the
// carried blocks, which are what AppendPacket made for interface Carried. To be
// called first, whenever Due, and when asked to rotate; statistics of the old
// file are to be written before. After an error the file is begun by a later
// Write.
func (w *Writer) Begin(now time.Time, carried []byte) error {
	err := w.seal()
	w.slot = slotOf(now)
	w.began = now.UTC()
	w.header = append(AppendHeader(w.header[:0]), carried...)
	return errors.Join(err, w.create())
}

// create makes the open file and writes its first frames.
func (w *Writer) create() error {
	name, file, err := reserve(w.folder, w.began)
	if err != nil {
		return spaceError(fmt.Errorf("begin spool file: %w", err))
	}
	w.file, w.name, w.size, w.frames, w.plain, w.live, w.torn = file, name, 0, 0, 0, 0, false
	if err := w.append(w.header); err != nil {
		file.Close()
		os.Remove(file.Name())
		w.file = nil
		return err
	}
	w.header = w.header[:0]
	return nil
}

// wholeBlocks is how many bytes the first blocks of b have that fit into so many,
// or the first alone. What exporters make a decoder carry may be more than a frame
// can hold (maxFrame) that is to be read in one piece.
func wholeBlocks(b []byte, room int) (n int) {
	for n+12 <= len(b) {
		total := int(le.Uint32(b[n+4:]))
		if n > 0 && n+total > room || total < 12 || n+total > len(b) {
			break
		}
		n += total
	}
	if n == 0 {
		return len(b)
	}
	return n
}

// Write adds whole blocks as frames of their own, and everything is in the kernel's hands
// when it returns. After an error that wraps ErrNoSpace the blocks are lost, the
// file is as whole as before, and a later Write may do better.
func (w *Writer) Write(blocks []byte) error {
	if len(blocks) == 0 {
		return nil
	}
	if w.file == nil {
		if len(w.header) == 0 {
			return errors.New("write spool file: not begun")
		}
		if err := w.create(); err != nil {
			return err
		}
	}
	return w.append(blocks)
}

func (w *Writer) append(blocks []byte) error {
	if w.torn {
		if err := w.cut(); err != nil {
			return fmt.Errorf("write %s: %w", w.name, spaceError(err))
		}
	}
	w.frame = w.frame[:0]
	frames, plain, live := w.frames, w.plain, w.live
	for len(blocks) > 0 {
		n := wholeBlocks(blocks, liveFrame)
		w.blocks = withPlace(w.blocks[:0], blocks[:n], live)
		w.frame = w.encode.EncodeAll(w.blocks, w.frame)
		packets, _ := livePackets(blocks[:n])
		frames, plain, live = frames+1, plain+int64(len(w.blocks)), live+uint64(packets)
		blocks = blocks[n:]
	}
	n, err := w.file.Write(w.frame)
	if err == nil {
		w.size += int64(n)
		w.frames, w.plain, w.live = frames, plain, live
		return nil
	}
	// Cut the torn frame off, so that the next one follows a whole one.
	w.torn = true
	err = errors.Join(err, w.cut())
	return fmt.Errorf("write %s: %w", w.name, spaceError(err))
}

// cut takes off what follows the last whole frame.
func (w *Writer) cut() error {
	if err := w.file.Truncate(w.size); err != nil {
		return err
	}
	if _, err := w.file.Seek(w.size, io.SeekStart); err != nil {
		return err
	}
	w.torn = false
	return nil
}

// spaceError marks the errors of a full disk or quota.
func spaceError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

// Name is the open file's name as it will be when sealed, relative to the spool
// folder, and Size its bytes. Both are empty while there is none.
func (w *Writer) Name() string {
	if w.file == nil {
		return ""
	}
	return w.name
}

// Size is how many bytes the open file has.
func (w *Writer) Size() int64 {
	if w.file == nil {
		return 0
	}
	return w.size
}

// seal makes the open file whole and durable and gives it its name. What cannot
// be sealed is tried again with the next file, and at the next start.
func (w *Writer) seal() error {
	if w.unseal {
		w.unseal = false
		recoverAll(w.folder, w.log)
	}
	if w.file == nil {
		return nil
	}
	var err error
	if w.torn {
		err = w.cut()
	}
	if err == nil {
		err = w.end()
	}
	if err == nil {
		if err := w.pack(); err != nil { // it is as whole as before
			w.log.Warn("a spool file stays larger than it might be", "file", w.name, "err", err)
		}
		err = w.file.Sync()
	}
	err = errors.Join(err, w.file.Close())
	w.file = nil
	if err == nil {
		err = rename(w.folder, w.name)
	}
	if err != nil {
		w.unseal = true
		return fmt.Errorf("seal %s: %w", w.name, spaceError(err))
	}
	return nil
}

// end marks the end of a file that is being sealed.
func (w *Writer) end() error {
	w.frame = w.encode.EncodeAll(appendPlace(w.blocks[:0], w.live, placeEnd), w.frame[:0])
	n, err := w.file.Write(w.frame)
	if err != nil {
		w.torn = true
		return errors.Join(err, w.cut())
	}
	w.size += int64(n)
	w.frames++
	w.plain += placeSize
	return nil
}

// Close seals the open file and unlocks the folder.
func (w *Writer) Close() error {
	err := w.seal()
	w.encode.Close()
	return errors.Join(err, w.lock.Close())
}

// reserve makes an open file under a name that no file has, neither sealed nor
// open nor already imported: whatever the clock does, nothing is overwritten
// and nothing new is taken for something old.
func reserve(folder string, now time.Time) (string, *os.File, error) {
	imported, _ := ReadImported(folder) // a hint: names are the ledger's second key, after bytes
	stamp := now.Truncate(SlotLength)
	for ; ; stamp = stamp.Add(time.Second) {
		name := nameOf(stamp)
		file, err := reserveName(folder, name, imported)
		if !errors.Is(err, fs.ErrExist) {
			return name, file, err
		}
		if stamp.Before(now.Truncate(time.Second)) {
			stamp = now.Truncate(time.Second).Add(-time.Second)
		}
	}
}

func reserveName(folder, name string, imported map[string]bool) (*os.File, error) {
	if imported[name] {
		return nil, fs.ErrExist
	}
	path := filepath.Join(folder, filepath.FromSlash(name))
	switch err := os.Mkdir(filepath.Dir(path), 0o750); {
	case err == nil:
		if err := errors.Join(Own(filepath.Dir(path)), syncFolder(folder)); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, fs.ErrExist
	}
	return openOwn(path+openSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL) // read by rescue
}

// openOwn makes a file that belongs to the folder's owner.
func openOwn(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, flag, 0o640)
	if err != nil {
		return nil, err
	}
	if err := Own(path); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path))
	}
	return file, nil
}

// rename takes the .open off a file's name, durably. The name was reserved, so
// nothing is overwritten.
func rename(folder, name string) error {
	path := filepath.Join(folder, filepath.FromSlash(name))
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	if err := os.Rename(path+openSuffix, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
