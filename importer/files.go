package importer

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nfacct/collector/spool"
)

// templateWindow is how far ahead templates are searched: four times RouterOS's
// default of 30 minutes between two announcements.
const templateWindow = 2 * time.Hour

// maxFollowing is how many of the files given later are searched for the templates
// of one: two hours of a capture that begins a new file each minute.
const maxFollowing = 120

// input is a file to import.
type input struct {
	path  string
	name  string // in the ledger: relative to the spool, or absolute
	spool bool   // of our spool: decodes alone, and the list of imported files names it
	start time.Time
	// following are the paths of later files that may bring missing templates.
	following []string
	// before are the paths of the spool files that began in the quarter-hour
	// before: their uploads may be what downloads of this one answer.
	before []string

	id     uint32  // in the ledger, when the day is loaded again
	memory *memory // of a given file
	short  bool    // sets without a template were left out of it, the last time
	err    error   // why it cannot be read: it counts as failed
}

// fromSpool lists the sealed files of the spool, oldest first.
func fromSpool(folder string) ([]input, error) {
	if folder == "" {
		return nil, nil
	}
	files, err := spool.ListSealed(folder)
	if err != nil {
		return nil, err
	}
	inputs := make([]input, len(files))
	for i, f := range files {
		inputs[i] = input{path: f.Path, name: f.Name, spool: true, start: f.Start}
		for j := i - 1; j >= 0 && f.Start.Sub(files[j].Start) <= spool.SlotLength; j-- {
			inputs[i].before = append(inputs[i].before, files[j].Path)
		}
		for _, later := range files[i+1:] {
			if later.Start.Sub(f.Start) > templateWindow {
				break
			}
			inputs[i].following = append(inputs[i].following, later.Path)
		}
	}
	return inputs, nil
}

// given makes inputs of files and folders named by hand. Files of the spool keep
// what they are; the others are read in the order they are named, those of a
// folder by name. What cannot be read becomes an input with an error, so that the
// others go on.
func given(paths []string, folder string) ([]input, error) {
	spooled, err := fromSpool(folder)
	if err != nil {
		return nil, err
	}
	var inputs []input
	seen := map[string]bool{}
	fail := func(path string, err error) {
		if lost := (*fs.PathError)(nil); errors.As(err, &lost) {
			err = lost.Err // the name is said already
		}
		inputs = append(inputs, input{path: path, name: path, err: err})
	}
	add := func(path string) {
		path, err := filepath.Abs(path)
		if err != nil {
			fail(path, err)
			return
		}
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		if seen[path] {
			return
		}
		seen[path] = true
		for _, s := range spooled {
			if real, err := filepath.EvalSymlinks(s.path); err == nil && real == path {
				inputs = append(inputs, s)
				return
			}
		}
		if strings.HasSuffix(path, ".open") {
			fail(path, errors.New("it is being written by a collector; it can be imported when it is sealed"))
			return
		}
		inputs = append(inputs, input{path: path, name: path})
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			fail(path, err)
			continue
		case info.IsDir():
		case !info.Mode().IsRegular():
			fail(path, errors.New("it is neither a file nor a folder; a file is read twice, so save its content and import that"))
			continue
		default:
			add(path)
			continue
		}
		_ = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				fail(name, err) // a folder that cannot be read: the others go on
			} else if entry.Type().IsRegular() && recognised(name) {
				add(name)
			}
			return nil
		})
	}
	for i := range inputs {
		if inputs[i].spool {
			continue
		}
		for _, later := range inputs[i+1:] {
			if !later.spool && later.err == nil && len(inputs[i].following) < maxFollowing {
				inputs[i].following = append(inputs[i].following, later.path)
			}
		}
	}
	return inputs, nil
}

// recognised says whether a file found in a folder begins like one of the
// formats that are read: pcapng, pcap of both byte orders and resolutions,
// flow-tools, zstd, gzip. Files named by hand are always tried. What flow-tools
// and collectors still write is left alone.
func recognised(path string) bool {
	base := filepath.Base(path)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "tmp-v") || strings.HasSuffix(base, ".open") {
		return false
	}
	file, err := os.Open(path)
	if err != nil {
		return true // to be told why it cannot be read
	}
	defer file.Close()
	var head [4]byte
	if _, err := io.ReadFull(file, head[:]); err != nil {
		return false
	}
	switch string(head[:]) {
	case "\x0a\x0d\x0d\x0a", "\xa1\xb2\xc3\xd4", "\xd4\xc3\xb2\xa1", "\xa1\xb2\x3c\x4d", "\x4d\x3c\xb2\xa1", "\x28\xb5\x2f\xfd":
		return true
	}
	return head[0] == 0xcf && head[1] == 0x10 || head[0] == 0x1f && head[1] == 0x8b
}

// digest is a file's size and SHA-256.
func digest(ctx context.Context, path string) (size int64, sum [sha256.Size]byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, sum, err
	}
	defer file.Close()
	hash := sha256.New()
	if size, err = io.Copy(hash, reader{ctx, file}); err != nil {
		return 0, sum, err
	}
	hash.Sum(sum[:0])
	return size, sum, nil
}

// reader ends when it is told to: a file may be as big as a disk.
type reader struct {
	ctx  context.Context
	file *os.File
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.file.Read(p)
}

// within picks the spool files that can hold datagrams received from one moment
// to another.
func within(inputs []input, from, to time.Time) []input {
	return slices.DeleteFunc(slices.Clone(inputs), func(in input) bool {
		return !in.start.After(from.Add(-spool.SlotLength)) || !in.start.Before(to)
	})
}
