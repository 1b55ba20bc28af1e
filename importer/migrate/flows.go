package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
	"nfacct/importer"
)

// flowFile is a file of flow-tools.
type flowFile struct {
	path  string
	start time.Time
}

// flowName is how flow-capture names files: the local time of their beginning,
// and its offset, perhaps compressed since. The folders above say the same (-N)
// and are not needed.
var flowName = regexp.MustCompile(`^(ft|tmp)-v\d\d(?:m\d\d)?\.(\d{4}-\d\d-\d\d\.\d{6}[+-]\d{4})(?:\.(?:gz|zst|bz2|xz|lzma|lz4|Z|zip))?$`)

// Errors of files that are named like those of flow-tools.
var (
	errForeign = errors.New("it has the name of a flow-tools file, and does not begin like one")
	errPacked  = errors.New("it is compressed in a way that is not read; unpack it, or compress it with gzip or zstd")
)

// packers are how files begin that gzip's and zstd's kin have made.
var packers = []string{"BZ", "\xfd7", "\x5d\x00", "\x04\x22", "\x1f\x9d", "PK"}

// abandoned is the age from which on a file that flow-capture seems to write is
// taken for one that a crash left: it is rotated at least daily.
const abandoned = 25 * time.Hour

// flowFile recognises a file of flow-tools by how it begins. One that is still
// written is not taken, and why is told.
func (m *Migrator) flowFile(path string) (_ flowFile, why string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return flowFile{}, "", err
	}
	defer file.Close()
	parts := flowName.FindStringSubmatch(filepath.Base(path))
	var head [2]byte
	_, err = io.ReadFull(file, head[:])
	switch short := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); {
	case err != nil && !short:
		return flowFile{}, "", err
	case !short && head == [2]byte{0xcf, 0x10}:
	case parts == nil:
		return flowFile{}, "", nil
	case !short && (head == [2]byte{0x1f, 0x8b} || head == [2]byte{0x28, 0xb5}): // gzip, zstd
	case slices.Contains(packers, string(head[:])):
		return flowFile{}, "", errPacked
	case short:
		return flowFile{}, "it is empty", nil
	default:
		return flowFile{}, "", errForeign
	}
	info, err := file.Stat()
	if err != nil {
		return flowFile{}, "", err
	}
	f := flowFile{path: path, start: info.ModTime()}
	if parts != nil {
		if start, err := time.Parse("2006-01-02.150405-0700", parts[2]); err == nil {
			f.start = start
		}
		if age := m.opts.Now().Sub(info.ModTime()); parts[1] == "tmp" && age < abandoned {
			return flowFile{}, "flow-capture may still write it; it is taken when nothing has come for a day", nil
		}
	} else if reader, err := spool.Open(path); err == nil {
		if start := reader.Info().Start; !start.IsZero() {
			f.start = start
		}
		reader.Close()
	}
	return f, "", nil
}

// Flows imports flow-tools files in the order of time, through the ordinary
// importer: they hold the datagrams' own records. Days that were migrated from
// tables are left out. What became of files is in the summary, and faults of
// theirs are among its own.
func (m *Migrator) Flows(ctx context.Context, files []string, summary *Summary) error {
	covered := map[archive.Day]string{}
	var wanted, left []string
	for _, path := range files {
		why, err := m.covered(ctx, path, covered)
		if err != nil {
			return err
		}
		if why != "" {
			summary.LeftFiles = append(summary.LeftFiles, Ignored{path, why})
			left = append(left, path)
			continue
		}
		wanted = append(wanted, path)
	}
	if len(left) > 0 {
		m.log.Warn("files were left, since the archive has their days from tables; --beside loads them too", "files", len(left), "first", left[0])
	}
	known := 0
	if m.opts.DryRun && m.archive != nil {
		fresh := wanted[:0]
		for _, path := range wanted {
			loaded, err := m.importer.Known(ctx, path)
			if err != nil {
				return err
			}
			if loaded {
				known++
				continue
			}
			fresh = append(fresh, path)
		}
		wanted = fresh
	}
	if known > 0 && len(wanted) == 0 {
		summary.Files = &importer.Summary{Known: known}
	}
	if len(wanted) == 0 {
		return nil
	}
	opts := importer.Options{Wait: m.opts.Wait, Others: m.opts.Others, Progress: func(done, all int64) { m.opts.Progress("flow-tools", done, all) }}
	var done importer.Summary
	var err error
	if m.opts.DryRun {
		done, err = m.importer.Preview(ctx, wanted, archive.Day{}, opts)
	} else {
		done, err = m.importer.Import(ctx, wanted, opts)
	}
	done.Known += known
	summary.Files = &done
	if errors.Is(err, importer.ErrPartial) || errors.Is(err, importer.ErrFiles) { // tables may do better
		summary.flows, err = err, nil
	}
	return err
}

// covered says whether the day of a file came from a table.
func (m *Migrator) covered(ctx context.Context, path string, known map[archive.Day]string) (string, error) {
	if m.archive == nil || m.opts.Beside {
		return "", nil
	}
	f, _, err := m.flowFile(path)
	if err != nil {
		return "", err
	}
	day := archive.DayOf(f.start.In(m.opts.Location))
	if why, ok := known[day]; ok {
		return why, nil
	}
	files, err := m.archive.Reader().FilesOfDay(ctx, day)
	if err != nil {
		return "", err
	}
	known[day] = ""
	for _, f := range files {
		if strings.HasPrefix(f.Name, prefix) {
			known[day] = fmt.Sprintf("%s was migrated from a table already: %s", day, f.Name)
		}
	}
	return known[day], nil
}
