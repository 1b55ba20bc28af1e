package archive

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Reload loads a day again beside its table: its files are loaded into a new one, and
// their books are kept apart. Nothing that anybody reads has changed by then, and
// nothing does when it is given up, or cut short. Commit sets a mark once all of
// it is on disk; from then on the new takes the place of the old, and if that is
// cut short, the next Lock finishes it. The new table is the whole day, also in a
// month that is packed: whoever reads leaves out the packed rows of the day.
//
// It is used by one goroutine, and ended by Commit or Abort.
type Reload struct {
	a     *Writer
	day   Day
	files map[uint32]Import // of the day, that are not loaded again yet
	rows  uint64            // in the new table
	load  *Load             // under way
	over  bool
	err   error // of a file; nothing but Abort works after it
}

// BeginReload begins to load a day again, from all the files of FilesOfDay but
// those without, of which nothing is in the day then. Until
// Commit or Abort no other load can begin.
func (w *Writer) BeginReload(ctx context.Context, day Day, without ...uint32) (*Reload, error) {
	r := &Reload{a: w, day: day, files: map[uint32]Import{}}
	if err := r.begin(ctx, without); err != nil {
		return nil, fmt.Errorf("load %s again: %w", day, err)
	}
	return r, nil
}

func (r *Reload) begin(ctx context.Context, without []uint32) error {
	a := r.a
	if err := a.ready(ctx); err != nil {
		return err
	}
	if err := a.open(ctx, MonthOf(r.day)); err != nil {
		return err
	}
	files, err := a.Reader().FilesOfDay(ctx, r.day)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !slices.Contains(without, f.ID) {
			r.files[f.ID] = f
		}
	}
	a.reloading = r.day
	if err := r.make(ctx); err != nil {
		return giveUp(ctx, r, err)
	}
	return nil
}

// giveUp aborts after an error.
func giveUp(ctx context.Context, r *Reload, err error) error {
	if aborting := r.Abort(context.WithoutCancel(ctx)); aborting != nil {
		return fmt.Errorf("%w; and then: %w", err, aborting)
	}
	return err
}

// table is where the day is made anew.
func (r *Reload) table() string { return r.day.Table() + "_new" }

// make makes the new table.
func (r *Reload) make(ctx context.Context) error {
	if err := r.a.clearStage(ctx); err != nil {
		return err
	}
	if err := r.a.exec(ctx, "make "+r.table(), "DROP TABLE IF EXISTS "+r.table()); err != nil {
		return err
	}
	if err := r.a.makeDay(ctx, r.table(), commentWhole); err != nil {
		return err
	}
	r.a.step("new table")
	return nil
}

// BeginFile begins to load one of the day's files. Rows and books of other days
// are left out by the Load itself. When the Load fails or is aborted, so is the
// reload: its Abort is all that is left.
func (r *Reload) BeginFile(ctx context.Context, f File) (*Load, error) {
	doing := fmt.Sprintf("begin load of %s for %s", f.Name, r.day)
	switch {
	case r.err != nil:
		return nil, r.err
	case r.over || r.load != nil && !r.load.over:
		return nil, fmt.Errorf("%s: the load before it, or all of the day, is not what it should be: begin again", doing)
	}
	if err := r.a.held(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	known, err := r.a.Reader().ImportByDigest(ctx, f.Digest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if known == nil {
		return nil, fmt.Errorf("%s: the file was never loaded, or has changed since (SHA-256 is %s)", doing, hex.EncodeToString(f.Digest[:]))
	}
	if _, waits := r.files[known.ID]; !waits {
		return nil, fmt.Errorf("%s: the day holds nothing of the file, or it is loaded again already", doing)
	}
	r.load = r.a.newLoad(ctx, known.ID, f)
	r.load.reload = r
	return r.load, nil
}

// Commit puts the new rows and books in the place of the old. An error that
// wraps ErrUnfinished says that this was begun and will be finished by the next
// Lock; after any other error nothing has changed.
func (r *Reload) Commit(ctx context.Context) error {
	doing := fmt.Sprintf("load %s again", r.day)
	if err := r.prepare(ctx); err != nil {
		return fmt.Errorf("%s: %w", doing, giveUp(ctx, r, err))
	}
	// Told to stop from here on, finishing is the shorter way to an archive in order.
	ctx = context.WithoutCancel(ctx)
	if err := r.a.exec(ctx, "mark day", "INSERT INTO reloads (day, started) VALUES (?, UTC_TIMESTAMP())", r.day); err != nil {
		// An error does not say that nothing was written.
		if days, reading := r.a.marked(ctx); reading == nil && len(days) == 0 {
			return fmt.Errorf("%s: %w", doing, giveUp(ctx, r, err))
		}
		return fmt.Errorf("%s: %w: %w", doing, ErrUnfinished, err)
	}
	r.over = true
	r.a.step("day marked")
	if err := r.a.finishReload(ctx, r.day); err != nil {
		return fmt.Errorf("%s: %w: %w", doing, ErrUnfinished, err)
	}
	r.a.reloading = Day{}
	return nil
}

// prepare sees to it that what is new is whole, right and on disk.
func (r *Reload) prepare(ctx context.Context) error {
	a, fresh := r.a, r.table()
	if r.err != nil {
		return r.err
	}
	if r.over {
		return fmt.Errorf("it is over already")
	}
	if len(r.files) > 0 {
		var names []string
		for _, f := range r.files {
			names = append(names, f.Name)
		}
		slices.Sort(names)
		return fmt.Errorf("%d files are not loaded again: %s", len(names), strings.Join(names, ", "))
	}
	n, err := a.count(ctx, fresh)
	if err != nil {
		return err
	}
	if n != r.rows {
		return fmt.Errorf("%s has %d rows, but %d were written to it", fresh, n, r.rows)
	}
	if err := r.compare(ctx); err != nil {
		return err
	}
	if err := a.settle(ctx, fresh); err != nil {
		return err
	}
	a.step("new table settled")
	return a.held(ctx)
}

// compare compares the day's new rows with its new books.
func (r *Reload) compare(ctx context.Context) error {
	rows, err := r.a.countsOf(ctx, "SELECT `router`, "+sumOf("`flows`")+", "+sumOf("`up_bytes`", "`down_bytes`")+" FROM "+r.table()+" GROUP BY `router`")
	if err != nil {
		return err
	}
	books, err := r.a.countsOf(ctx, "SELECT router, "+sumOf("loaded_records")+", "+sumOf("loaded_bytes")+" FROM reload_books GROUP BY router")
	if err != nil {
		return err
	}
	var off []string
	for router := range books {
		rows[router] = rows[router].Plus(Counts{})
	}
	names, err := r.a.Routers().Names(ctx)
	if err != nil {
		return err
	}
	for _, router := range slices.Sorted(maps.Keys(rows)) {
		if rows[router] != books[router] {
			off = append(off, fmt.Sprintf("the new rows of %s hold %v, but the books say %v: %s",
				names[router], rows[router], books[router], difference(rows[router], books[router])))
		}
	}
	if off != nil {
		return &BalanceError{off}
	}
	return nil
}

// countsOf reads records and bytes by router.
func (a *Archive) countsOf(ctx context.Context, query string, args ...any) (map[uint16]Counts, error) {
	rows, err := a.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, wrap("compare books and rows", err)
	}
	defer rows.Close()
	sums := map[uint16]Counts{}
	for rows.Next() {
		var router uint16
		var c Counts
		if err := rows.Scan(&router, &c.Records, &c.Bytes); err != nil {
			return nil, wrap("compare books and rows", err)
		}
		sums[router] = c
	}
	return sums, wrap("compare books and rows", rows.Err())
}

// Abort gives the reload up: nothing has changed. After Commit it does nothing,
// so it can be deferred. If it returns an error, the next Lock tidies up.
func (r *Reload) Abort(ctx context.Context) error {
	if r.over {
		return nil
	}
	r.over = true
	if r.load != nil {
		if err := r.load.Abort(ctx); err != nil {
			return err
		}
	}
	err := r.a.held(ctx)
	if err == nil {
		err = r.a.quiesce(ctx)
	}
	if err == nil {
		err = r.a.exec(ctx, "drop "+r.table(), "DROP TABLE IF EXISTS "+r.table())
	}
	if err == nil {
		err = r.a.clearStage(ctx)
	}
	if err != nil {
		return fmt.Errorf("give up loading %s again: %w", r.day, err)
	}
	r.a.reloading = Day{}
	return nil
}

// clearStage empties what was staged.
func (a *Archive) clearStage(ctx context.Context) error {
	for _, table := range []string{"reload_books", "reload_files"} {
		if err := a.exec(ctx, "empty "+table, "DELETE FROM "+table); err != nil {
			return err
		}
		a.step("stage emptied")
	}
	return nil
}
