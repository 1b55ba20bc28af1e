package migrate

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Found is what lies in folders that are given to migrate.
type Found struct {
	Tables []string // folders with tables
	Flows  []string // flow-tools files, the oldest first
	Left   []Ignored
	// Bad are files and folders that cannot be read, and files that have the name
	// of flow-tools files and are none.
	Bad []Ignored
}

// Nothing reports whether a search found neither old data nor a fault.
func (f Found) Nothing() bool { return len(f.Tables)+len(f.Flows)+len(f.Left)+len(f.Bad) == 0 }

// Look goes through files and folders, and follows links, as a disk that was
// full has its older years elsewhere. What flow-capture may still write is left,
// and what is neither a table nor of flow-tools is not looked at further. What
// cannot be read does not keep the rest from being found.
func (m *Migrator) Look(paths []string) (Found, error) {
	l := look{m: m, tables: map[string]bool{}, folders: map[string]bool{}}
	for _, path := range paths {
		path, err := filepath.Abs(path)
		if err != nil {
			return l.found, err
		}
		l.walk(path)
	}
	l.found.Tables = slices.Sorted(maps.Keys(l.tables))
	slices.SortStableFunc(l.flows, func(a, b flowFile) int { return a.start.Compare(b.start) })
	seen := map[string]bool{}
	for _, f := range l.flows {
		if !seen[f.path] {
			l.found.Flows = append(l.found.Flows, f.path)
		}
		seen[f.path] = true
	}
	return l.found, nil
}

// look is a search.
type look struct {
	m       *Migrator
	found   Found
	flows   []flowFile
	tables  map[string]bool // folders
	folders map[string]bool // that were gone through, without links in their paths: links may lead in circles
}

// walk goes through what a path, which may be a link, leads to.
func (l *look) walk(path string) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		l.bad(path, err)
		return
	}
	info, err := os.Stat(real)
	switch {
	case err != nil:
		l.bad(path, err)
		return
	case !info.IsDir():
		l.file(path, info.Mode()) // a link's own name says when the file began
		return
	}
	_ = filepath.WalkDir(real, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			l.bad(name, err)
		case entry.IsDir() && l.folders[name]:
			return fs.SkipDir
		case entry.IsDir():
			l.folders[name] = true
		case entry.Type() == fs.ModeSymlink:
			l.walk(name)
		default:
			l.file(name, entry.Type())
		}
		return nil
	})
}

// file looks at one file.
func (l *look) file(name string, mode fs.FileMode) {
	if !mode.IsRegular() {
		return
	}
	if filepath.Ext(name) == ".MYD" {
		l.tables[filepath.Dir(name)] = true
		return
	}
	file, why, err := l.m.flowFile(name)
	switch {
	case err != nil:
		l.bad(name, err)
	case why != "":
		l.found.Left = append(l.found.Left, Ignored{name, why})
	case file.path != "":
		l.flows = append(l.flows, file)
	}
}

func (l *look) bad(name string, err error) {
	if lost := (*fs.PathError)(nil); errors.As(err, &lost) {
		err = lost.Err // the name is said already
	}
	l.found.Bad = append(l.found.Bad, Ignored{name, err.Error()})
}
