package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"nfacct/collector/spool"
)

// strikesMost is how many imports a file may end, the last of them alone.
const strikesMost = 2

// roundsMost bounds how often one run of the job begins anew.
const roundsMost = 50

// Import runs imports until one ends well, or fails for a reason that is no file's
// fault. A child that reaches its memory limit, makes no progress or crashes names
// the files that it was at: each of them is tried once more, alone, and one that ends
// that import too is set aside. A kill from outside is nobody's strike the first
// time: it only makes its files be tried alone.
func (p *Parent) Import(ctx context.Context, folder string, task func(files ...string) Task) error {
	for range roundsMost {
		if err := p.suspects(ctx, folder, task); err != nil {
			return err
		}
		err := p.Run(ctx, task())
		var fault *Fault
		if !errors.As(err, &fault) || !fault.Own() && fault.Cause != Killed || len(fault.Files) == 0 {
			return err
		}
		p.Log.Error("an import was ended: the files that it was at are tried alone", "err", err, "files", fault.Files)
		for _, file := range fault.Files {
			if err := p.strike(folder, file, fault, false); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("import: %d children were ended one after the other; see the log", roundsMost)
}

// suspects tries each file alone that has ended an import before.
func (p *Parent) suspects(ctx context.Context, folder string, task func(files ...string) Task) error {
	list, err := spool.ReadAside(folder)
	if err != nil {
		return err
	}
	for _, entry := range list {
		if entry.Set {
			continue
		}
		err := p.Run(ctx, task(filepath.Join(folder, filepath.FromSlash(entry.File))))
		var fault *Fault
		switch {
		case err == nil:
			if err := change(folder, entry.File, nil); err != nil { // the import has done so, if it could
				return err
			}
		case errors.As(err, &fault) && (fault.Own() || fault.Cause == Killed):
			if err := p.strike(folder, entry.File, fault, true); err != nil {
				return err
			}
			if !fault.Own() {
				return err
			}
		case errors.As(err, &fault) && (fault.Code == 1 || fault.Code == 3):
			// It fails in good order, as any file may: no suspicion is left.
			return errors.Join(err, change(folder, entry.File, nil))
		default:
			return err
		}
	}
	return ctx.Err()
}

// strike counts an end of an import against a file.
func (p *Parent) strike(folder, file string, fault *Fault, alone bool) error {
	return change(folder, file, func(entry *spool.Aside) {
		entry.Since, entry.Reason = time.Now().UTC().Truncate(time.Second), fault.Error()
		if fault.Own() || alone {
			entry.Strikes++
		}
		if alone && entry.Strikes >= strikesMost {
			entry.Set = true
			p.Log.Error("a file is set aside: it ended its import twice, the second time alone; it is kept, and nfacct import FILE tries it again",
				"file", file, "why", entry.Reason)
		}
	})
}

// change alters a file's entry in the list, or makes it; nil takes it out.
func change(folder, file string, how func(*spool.Aside)) error {
	list, err := spool.ReadAside(folder)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(a spool.Aside) bool { return a.File == file })
	switch {
	case how == nil && i < 0:
		return nil
	case how == nil:
		list = slices.Delete(list, i, i+1)
	case i < 0:
		entry := spool.Aside{File: file}
		how(&entry)
		list = append(list, entry)
	default:
		how(&list[i])
	}
	return spool.WriteAside(folder, list)
}
