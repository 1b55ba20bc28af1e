package pack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"nfacct/archive"
)

// Unpack gives the days of a month tables of their own again. If the packed one is damaged, a copy of
// it is repaired and unpacked; the error is a *BooksError if rows of it are lost
// and Options.Accept is not set. It returns what is lost all the same, "" usually.
func (p *Packer) Unpack(ctx context.Context, m archive.Month, opts Options) (problem string, err error) {
	lock, err := p.a.LockPacking(ctx, opts.Wait)
	if err != nil {
		return "", err
	}
	defer lock.Unlock()
	if err := p.farRoom(ctx, m); err != nil {
		return "", fmt.Errorf("unpack %s: %w", m, err)
	}
	err = p.locked(ctx, opts.Wait, func(w *archive.Writer) error { return w.Unpack(ctx, m) })
	if !errors.Is(err, archive.ErrDamaged) {
		return "", err
	}
	p.log.Warn("a packed table is damaged: repairing a copy of it", "table", m.PackedTable(), "damage", err)
	problem, err = p.unpackMended(ctx, lock, m, opts, err)
	if err != nil {
		return problem, fmt.Errorf("unpack %s: %w", m, err)
	}
	return problem, nil
}

// farRoom looks whether the tables of days will fit on the disk of a server that is
// reached through Config.Command; of one that is here the archive looks itself.
func (p *Packer) farRoom(ctx context.Context, m archive.Month) error {
	place, err := p.a.Place(ctx)
	if err != nil || len(p.cfg.Command) == 0 {
		return err
	}
	_, t, err := p.choose(place)
	if err != nil || t == nil {
		return nil // without tools it can be unpacked all the same
	}
	size, err := p.a.Reader().SizeOf(ctx, m.PackedTable())
	if err != nil {
		return nil // that there is no such table, or that it is damaged, is said with its remedy
	}
	j := &job{Packer: p, month: m, tools: t}
	_, err = j.enough(ctx, t.database, size.Rows*archive.LiveRow)
	return err
}

// unpackMended unpacks a repaired copy of the packed table. Until all its days have
// their tables the packed one is left alone.
func (p *Packer) unpackMended(ctx context.Context, lock *archive.Packing, m archive.Month, opts Options, damage error) (problem string, err error) {
	place, err := p.a.Place(ctx)
	if err != nil {
		return "", err
	}
	j := &job{Packer: p, lock: lock, opts: opts, month: m}
	if _, j.tools, err = p.choose(place); err != nil {
		return "", fmt.Errorf("%w; and no copy of it can be repaired: %w", damage, err)
	}
	if j.tools == nil {
		return "", fmt.Errorf("%w; and no copy of it can be repaired, since archive.method is %s", damage, p.cfg.Method)
	}
	if err := j.recover(ctx); err != nil {
		return "", err
	}
	defer func() { // what is left behind here, the next attempt cleans
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, quietly(j.clean(after, m)))
	}()
	if err := j.mend(ctx); err != nil {
		return "", err
	}
	j.step("mended")
	lost, err := j.lost(ctx)
	if err != nil {
		return "", err
	}
	if lost != nil {
		wrong := &BooksError{Month: m, Damage: "what is packed cannot be read as it is", Problems: lost, Unpacking: true}
		if !opts.Accept {
			return "", wrong
		}
		p.log.Warn("unpacking what can be read of a damaged month", "month", m, "problem", wrong.what())
		problem = wrong.what()
	}
	return problem, p.locked(ctx, opts.Wait, func(w *archive.Writer) error { return w.UnpackMended(ctx, m) })
}

// mend makes the staging table from a copy of the packed one: with its keys made
// anew; if that is not enough, with the rows that can be read; and if it is the head
// of the index file that is gone, with one made for an empty table.
func (j *job) mend(ctx context.Context) error {
	t, packed := j.tools, j.month.PackedTable()
	folder := t.work + "/" + j.lock.Token()
	table := folder + "/" + j.month.StagingTable()
	if _, err := t.run(ctx, "mkdir", "-p", "-m", "0700", folder); err != nil {
		return err
	}
	size, err := j.a.Reader().SizeOf(ctx, packed)
	if err != nil {
		return err
	}
	if err := j.room(ctx, t.work, size.Data, size.Keys); err != nil {
		return err
	}
	if err := j.lock.Unstage(ctx, j.month); err != nil {
		return err
	}
	var failed error // of the first way, which says most about the damage
	for _, how := range []func(context.Context, string) error{
		func(ctx context.Context, table string) error { return j.rebuild(ctx, table, "-rq") },
		func(ctx context.Context, table string) error { return j.rebuild(ctx, table, "-r", "-f") },
		j.freshIndex,
	} {
		err := how(ctx, table)
		if err == nil {
			return j.move(ctx, table)
		}
		if ctx.Err() != nil || errors.Is(err, unix.ENOSPC) {
			return err
		}
		failed = cmp.Or(failed, err)
	}
	return fmt.Errorf("%s is damaged, and no copy of it can be repaired (%w): put its files back from a backup; or give it up (nfacct sql -e 'DROP TABLE %s') and load the month again as far as its files are there (nfacct import --from %s --to %s)",
		packed, failed, packed, j.month.First(), j.month.Last())
}

// rebuild repairs a copy of the packed table in one of myisamchk's ways.
func (j *job) rebuild(ctx context.Context, table string, how ...string) error {
	t := j.tools
	for _, ext := range []string{".MYD", ".MYI", ".frm"} {
		if _, err := t.run(ctx, "cp", "-p", t.database+"/"+j.month.PackedTable()+ext, table+ext); err != nil {
			return fmt.Errorf("copy the table: %w", err)
		}
	}
	j.step("packed copied")
	args := append(append([]string{"--no-defaults", "--silent"}, how...), "--sort_buffer_size="+sortMemory, "--tmpdir="+path.Dir(table), table)
	if _, err := t.run(ctx, "myisamchk", args...); err != nil {
		return err
	}
	_, err := t.run(ctx, "myisamchk", "--no-defaults", "--silent", "--medium-check", table)
	return err
}

// freshIndex puts the packed rows beside the definition and index file of an empty
// packed table, and has the keys made from them.
func (j *job) freshIndex(ctx context.Context, table string) error {
	t, staging := j.tools, j.month.StagingTable()
	if err := j.lock.DropStaging(ctx, j.month); err != nil {
		return err
	}
	if err := j.lock.MakeStaging(ctx, j.month, ""); err != nil {
		return err
	}
	for _, line := range [][]string{
		{"mv", t.database + "/" + staging + ".frm", table + ".frm"},
		{"mv", t.database + "/" + staging + ".MYI", table + ".MYI"},
		{"mv", t.database + "/" + staging + ".MYD", table + ".MYD"},
		{"myisampack", "--no-defaults", "--silent", "--force", table},
		{"cp", "-p", t.database + "/" + j.month.PackedTable() + ".MYD", table + ".MYD"},
		{"myisamchk", "--no-defaults", "--silent", "-rq", "--sort_buffer_size=" + sortMemory, "--tmpdir=" + path.Dir(table), table},
		{"myisamchk", "--no-defaults", "--silent", "--medium-check", table},
	} {
		if _, err := t.run(ctx, line[0], line[1:]...); err != nil {
			return err
		}
		j.step("index made")
	}
	return nil
}

// lost says what a repaired table does not hold of what was packed.
func (j *job) lost(ctx context.Context) (problems []string, err error) {
	table := j.month.StagingTable()
	kept, err := j.lock.Kept(ctx, j.whole(j.month.PackedTable()))
	if err != nil {
		return nil, err
	}
	if j.before, err = j.lock.Figures(ctx, j.whole(table)); err != nil {
		return nil, err
	}
	if j.sum, err = j.lock.Checksum(ctx, table); err != nil {
		return nil, err
	}
	if kept.Known && kept.Sum == j.sum && kept.Rows == j.before.total().Rows {
		return nil, nil // whatever else was accepted when it was packed
	}
	books, err := j.a.Reader().Loaded(ctx, j.month.First(), j.month.Last())
	if err != nil {
		return nil, err
	}
	problems = j.against(j.before, books)
	if altered := kept.Altered(j.before.total().Rows, j.sum); altered != "" {
		problems = append([]string{altered}, problems...)
	}
	if problems == nil && kept.Known && kept.Rows != j.before.total().Rows {
		problems = []string{fmt.Sprintf("%d rows were packed, and %d can be read", kept.Rows, j.before.total().Rows)}
	}
	return problems, nil
}
