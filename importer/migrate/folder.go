package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
)

// copies is the database that copies of tables are looked at in.
const copies = "old"

// tableFiles are the extensions of a MyISAM table's files, the one that makes
// it appear last.
var tableFiles = [...]string{".MYD", ".MYI", ".frm"}

// plainFile is how a file's name is its table's: others have characters that
// servers write in codes.
var plainFile = regexp.MustCompile(`^[0-9A-Za-z_]{1,64}$`)

// OpenFolder reads the MyISAM tables whose files lie in a folder of a server that
// is stopped, or of a backup. Servers write into the files of tables that they
// only read, so each table is copied, one after the other, and looked at by a
// private server of its own in the folder work, which is removed at the end.
func OpenFolder(ctx context.Context, folder, work string, cfg archive.Config, log *slog.Logger) (_ *Source, err error) {
	folder, err = filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	server := archive.DefaultConfig()
	server.Folder, server.Mariadbd = work, cfg.Mariadbd
	a, err := archive.Open(ctx, server, log)
	if err != nil {
		return nil, fmt.Errorf("server for copies of tables: %w", err)
	}
	// Whoever else migrates would remove our copies. One that was killed keeps its
	// lock until the server notices.
	lock, err := a.Lock(ctx, 5*time.Second)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("another nfacct migrate uses %s: %w", work, err), a.Close())
	}
	s := &Source{name: filepath.Base(folder), db: a.DB(), quote: copies + ".", log: log, instants: true}
	f := &copier{source: s, folder: folder, into: filepath.Join(work, "data", copies)}
	s.list, s.fetch, s.drop = f.list, f.fetch, f.drop
	s.close = func() error {
		lock.Unlock()
		return errors.Join(a.Close(), discard(work))
	}
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + copies, "CREATE DATABASE " + copies} {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("server for copies of tables: %w", err), s.Close())
		}
	}
	return s, nil
}

// discard removes a server's folder. Killed half way it would leave a data folder
// that no server starts from, so that one first takes a name of those that
// archive.Open removes, as it does what is left of an installation.
func discard(work string) error {
	err := os.Rename(filepath.Join(work, "data"), filepath.Join(work, "install-over"))
	return errors.Join(err, os.RemoveAll(work))
}

// copier brings the tables of a folder to the private server.
type copier struct {
	source *Source
	folder string
	into   string
}

// list names the tables in the folder.
func (f *copier) list(context.Context) ([]string, error) {
	entries, err := os.ReadDir(f.folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), ".MYD"); ok && plainFile.MatchString(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// fetch copies a table, has it checked, repairs the copy if need be, and
// completes what is known of it. Remarks say what was wrong.
func (f *copier) fetch(ctx context.Context, t *table) (remarks []string, err error) {
	defer func() {
		if err != nil {
			f.drop(*t)
			err = fmt.Errorf("copy %s: %w", t.name, err)
		}
	}()
	if err := f.room(t.name); err != nil {
		return nil, err
	}
	for _, ext := range tableFiles {
		if err := f.copy(ctx, t.name+ext); err != nil {
			if errors.Is(err, fs.ErrNotExist) && ext == ".frm" {
				return nil, fmt.Errorf("%w: MySQL 8 keeps no .frm; let nfacct read such tables from the running server (--dsn-file)", err)
			}
			return nil, err
		}
	}
	if remarks, err = f.check(ctx, t.name); err != nil {
		return nil, err
	}
	found, ignored, err := f.source.describe(ctx, "?", copies)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(found, func(o table) bool { return o.name == t.name })
	if at < 0 {
		for _, i := range ignored {
			if i.Table == t.name && i.Why != errLayout.Error() {
				return nil, errors.New(i.Why)
			}
		}
		return nil, errLayout
	}
	t.layout, t.packed, t.engine, t.bytes = found[at].layout, found[at].packed, found[at].engine, found[at].bytes
	return remarks, nil
}

// room asks for place for a copy, and for one more, which a repair makes.
func (f *copier) room(name string) error {
	var size uint64
	for _, ext := range tableFiles {
		if info, err := os.Stat(filepath.Join(f.folder, name+ext)); err == nil {
			size += uint64(info.Size())
		}
	}
	free, err := archive.FreeBytes(filepath.Dir(f.into))
	if err != nil {
		return err
	}
	if want := 2*size + 256<<20; free < want {
		return fmt.Errorf("%d MiB are free for %s, but %d MiB are needed", free>>20, f.into, want>>20)
	}
	return nil
}

// copy copies one file, and refuses one that is written meanwhile.
func (f *copier) copy(ctx context.Context, name string) (err error) {
	in, err := os.Open(filepath.Join(f.folder, name))
	if err != nil {
		return err
	}
	defer in.Close()
	before, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(filepath.Join(f.into, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o660)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	// The private server of root's runs as another user.
	if err := spool.Own(out.Name()); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.CopyN(out, in, 64<<20); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	after, err := os.Stat(in.Name())
	if err != nil {
		return err
	}
	if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return fmt.Errorf("%s is being written: stop the old server, or let nfacct read from it (--dsn-file)", in.Name())
	}
	return nil
}

// drop removes a table's copy.
func (f *copier) drop(t table) {
	ctx := context.Background()
	_, err := f.source.db.ExecContext(ctx, "DROP TABLE IF EXISTS "+copies+".`"+t.name+"`")
	for _, ext := range tableFiles {
		err = errors.Join(err, removed(filepath.Join(f.into, t.name+ext)))
	}
	if err != nil {
		f.source.log.Debug("copy not removed", "table", t.name, "err", err)
	}
}

func removed(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
