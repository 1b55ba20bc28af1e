package squid

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/klauspost/compress/zstd"

	"nfacct/archive"
)

// rotated is what logrotate, newsyslog and Squid itself put behind a log's name.
var rotated = regexp.MustCompile(`^(?:[.-][0-9][0-9TZ._-]*)?(?:\.gz|\.zst|\.bz2)?$`)

// foreignPacked are copies packed in ways that are not read.
var foreignPacked = regexp.MustCompile(`^(?:[.-][0-9][0-9TZ._-]*)?\.(?:xz|lzma|lz4|lzo|Z|zip)$`)

// copies lists the log and its rotated copies, the log last: what is read from a
// copy first is known when the log turns out to be the same. The others are packed
// in ways that are not read.
func copies(log string) (found, others []string, err error) {
	entries, err := os.ReadDir(filepath.Dir(log))
	if err != nil {
		return nil, nil, fmt.Errorf("log of Squid: %w", err)
	}
	base := filepath.Base(log)
	for _, entry := range entries {
		rest, ok := strings.CutPrefix(entry.Name(), base)
		name := filepath.Join(filepath.Dir(log), entry.Name())
		switch {
		case !ok || rest == "" || entry.IsDir():
		case rotated.MatchString(rest):
			found = append(found, name)
		case foreignPacked.MatchString(rest):
			others = append(others, name)
		}
	}
	slices.Sort(found)
	if _, err := os.Stat(log); err == nil {
		found = append(found, log)
	}
	if len(found) == 0 {
		return nil, others, fmt.Errorf("log of Squid: %s: %w", log, os.ErrNotExist)
	}
	return found, others, nil
}

// logFile is an open copy of the log, unpacked.
type logFile struct {
	archive.ProxyFile
	file   *os.File
	text   *bufio.Reader
	packed bool
	close  func()
}

// openLog opens a file, packed or not, and describes it as it is then.
func openLog(name string) (*logFile, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("log of Squid: %w", err)
	}
	f := &logFile{file: file, close: func() { file.Close() }}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("log of Squid: %s is no file that can be read again", name)
	}
	f.ProxyFile = archive.ProxyFile{Path: name, Size: info.Size(), Modified: info.ModTime()}
	if status, ok := info.Sys().(*syscall.Stat_t); ok {
		f.Inode = uint64(status.Ino)
	}
	// Not beyond what was there when it was described: the next time reads on.
	if err := f.unpack(io.LimitReader(file, info.Size())); err != nil {
		f.close()
		return nil, fmt.Errorf("log of Squid: %s: %w", name, err)
	}
	return f, nil
}

// maxWindow bounds what a packed file can make us take of memory.
const maxWindow = 128 << 20

func (f *logFile) unpack(from io.Reader) error {
	raw := bufio.NewReaderSize(from, 256<<10)
	magic, _ := raw.Peek(4)
	switch {
	case len(magic) >= 2 && magic[0] == 0x1f && magic[1] == 0x8b: // RFC 1952
		unpacked, err := gzip.NewReader(raw)
		if err != nil {
			return err
		}
		f.text, f.packed = bufio.NewReaderSize(unpacked, 256<<10), true
	case string(magic) == "\x28\xb5\x2f\xfd": // RFC 8878
		unpacked, err := zstd.NewReader(raw, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return err
		}
		file := f.file
		f.close = func() { unpacked.Close(); file.Close() }
		f.text, f.packed = bufio.NewReaderSize(unpacked, 256<<10), true
	case string(magic[:min(len(magic), 3)]) == "BZh": // of newsyslog
		f.text, f.packed = bufio.NewReaderSize(bzip2.NewReader(raw), 256<<10), true
	default:
		f.text = raw
	}
	return nil
}

// maxHead is how much of a log's beginning says which one it is: 20 lines or so,
// with times in milliseconds.
const maxHead = 4096

// maxTail is how much of what was read last must still stand before what is read
// next.
const maxTail = 1024

// head peeks at the beginning, up to the end of its last whole line.
func (f *logFile) head() ([]byte, error) {
	head, err := f.text.Peek(maxHead)
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return nil, err
	}
	if len(head) < maxHead {
		return head[:strings.LastIndexByte(string(head), '\n')+1], nil
	}
	return head, nil
}

// first is the digest of a head's first line, which has a time in it, mostly to the
// millisecond, and what was asked for: no two logs begin with the same.
func first(head []byte) [32]byte {
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	return sha256.Sum256(line)
}

// find is which of the logs known a head belongs to: the one with the longest
// head that it begins with, or else the last one with its first line, which was
// cut off inside its head; nil when none.
func find(logs []archive.ProxyLog, head []byte) *archive.ProxyLog {
	var best *archive.ProxyLog
	for i := range logs {
		l := &logs[i]
		if l.HeadLength <= len(head) && (best == nil || l.HeadLength > best.HeadLength) && sha256.Sum256(head[:l.HeadLength]) == l.HeadDigest {
			best = l
		}
	}
	if best != nil {
		return best
	}
	line := first(head)
	for i := range logs {
		if l := &logs[i]; l.FirstDigest == line && (best == nil || l.ID > best.ID) {
			best = l
		}
	}
	return best
}

// skip goes to where reading ended, and says whether what stands before it is
// what was read.
func (f *logFile) skip(l *archive.ProxyLog) (same bool, err error) {
	// Of a log that was noted, and its reader killed before the first part was
	// loaded, nothing has been read, and there is no digest.
	if l.End == 0 {
		return true, nil
	}
	digest, err := f.tail(l.End, l.TailLength)
	return digest == l.TailDigest, err
}

// tail goes to an end that was reached, and digests so many bytes before it: the
// zero digest, when the file does not go so far.
func (f *logFile) tail(end int64, length int) (digest [32]byte, err error) {
	if !f.packed {
		if f.Size < end {
			return digest, nil
		}
		if err := f.seek(end - int64(length)); err != nil {
			return digest, err
		}
	} else if _, err := io.CopyN(io.Discard, f.text, end-int64(length)); err == io.EOF {
		return digest, nil
	} else if err != nil {
		return digest, err
	}
	tail := make([]byte, length)
	if _, err := io.ReadFull(f.text, tail); err == io.EOF || err == io.ErrUnexpectedEOF {
		return digest, nil
	} else if err != nil {
		return digest, err
	}
	return sha256.Sum256(tail), nil
}

// seek goes to a place of a file that is not packed.
func (f *logFile) seek(to int64) error {
	if _, err := f.file.Seek(to, io.SeekStart); err != nil {
		return err
	}
	f.text.Reset(io.LimitReader(f.file, f.Size-to))
	return nil
}

// rewind opens a file again, at its beginning.
func (f *logFile) rewind() error {
	if !f.packed {
		return f.seek(0)
	}
	again, err := openLog(f.Path)
	if err != nil {
		return err
	}
	f.close()
	*f = *again
	return nil
}

// resume goes to the end of the furthest part that still stands in a file, or to
// its beginning.
func (f *logFile) resume(parts []archive.ProxyPart) (at int64, err error) {
	for _, p := range parts {
		if err := f.rewind(); err != nil {
			return 0, err
		}
		if digest, err := f.tail(p.End, p.TailLength); err != nil {
			return 0, err
		} else if digest == p.TailDigest {
			return p.End, nil
		}
	}
	return 0, f.rewind()
}
