package archive

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// BalanceError says which routers' days do not balance, and by how much.
type BalanceError struct{ Problems []string }

func (e *BalanceError) Error() string { return strings.Join(e.Problems, "; ") }

// Commit finishes the load: rows counted, rollups and books written, balance
// checked, ledger `loaded`. Books are of routers named as to Routers.ID; their
// Loaded.Rows are filled in. A *BalanceError says that the file is loaded, but
// that books do not balance; after any other error the load is undone by Abort.
func (l *Load) Commit(ctx context.Context, books []Book) error {
	problems, err := l.commit(ctx, books)
	if err != nil {
		return fmt.Errorf("load %s: %w", l.file.Name, err)
	}
	l.over = true
	if problems != nil {
		return &BalanceError{problems}
	}
	return nil
}

func (l *Load) commit(ctx context.Context, books []Book) (problems []string, err error) {
	if l.err != nil {
		return nil, l.err
	}
	if l.over {
		return nil, fmt.Errorf("the load is over already")
	}
	if err := l.finishAll(ctx); err != nil {
		return nil, l.fail(err)
	}
	if err := l.a.held(ctx); err != nil {
		return nil, err
	}
	for _, day := range slices.SortedFunc(maps.Keys(l.rows), Day.Compare) {
		table := l.table(day)
		n, err := l.a.count(ctx, table)
		if err != nil {
			return nil, err
		}
		if want := l.before[day] + l.rows[day]; n != want {
			return nil, fmt.Errorf("%s has %d rows, but %d before and %d loaded make %d", table, n, l.before[day], l.rows[day], want)
		}
		if l.reload != nil { // whose end is when they must be on disk
			continue
		}
		if err := l.a.sync(table); err != nil {
			return nil, err
		}
		l.a.step("day on disk")
	}
	if l.reload != nil {
		return nil, l.stage(ctx, books)
	}
	if l.made { // with a statement under way that fills a day it would have to wait
		if err := l.a.showAll(ctx); err != nil {
			return nil, err
		}
	}
	if err := l.writeBooks(ctx, "books", books); err != nil {
		return nil, err
	}
	l.a.step("books written")
	if problems, err = l.balance(ctx, books); err != nil {
		return nil, err
	}
	if err := l.close(ctx, problems); err != nil {
		return nil, err
	}
	for day := range l.rows {
		l.a.touched[day] = true
	}
	l.a.step("loaded")
	return problems, nil
}

// hours are those that rows were appended for.
func (l *Load) hours() map[Day]uint64 {
	hours := map[Day]uint64{}
	for key, t := range l.tallies {
		hours[key.day] |= t.hours
	}
	return hours
}

// finishAll ends the streams, and adds what was summed to the rollups while the
// server is busy with the last rows.
func (l *Load) finishAll(ctx context.Context) error {
	if err := l.noteHours(ctx); err != nil {
		return err
	}
	group, adding := errgroup.WithContext(ctx)
	group.Go(func() error { return l.a.addUsage(adding, &l.usage) })
	group.Go(func() error {
		for len(l.streams) > 0 {
			if err := l.finish(l.streams[0]); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	l.a.step("streams finished")
	return nil
}

// addUsage adds what was summed so far to the rollups.
func (l *Load) addUsage(ctx context.Context) error {
	if err := l.noteHours(ctx); err != nil {
		return err
	}
	return l.a.addUsage(ctx, &l.usage)
}

// noteHours writes down which hours the load changes, before it changes them.
func (l *Load) noteHours(ctx context.Context) error {
	if l.reload != nil {
		return nil
	}
	if err := l.a.noteHours(ctx, l.id, l.hours()); err != nil {
		return err
	}
	l.a.step("hours noted")
	return nil
}

// writeBooks stores the file's books, and an empty one for a router's day that
// has rows but no book, so that the balance is looked at.
func (l *Load) writeBooks(ctx context.Context, table string, books []Book) error {
	missing := maps.Clone(l.tallies)
	merged := map[tallyKey]Book{}
	for _, b := range books {
		id, err := l.a.Routers().ID(ctx, b.Router)
		if err != nil {
			return err
		}
		key := tallyKey{b.Day, id}
		if before, ok := merged[key]; ok {
			before.Add(b)
			b = before
		}
		b.Loaded.Rows = 0
		if t := l.tallies[key]; t != nil {
			b.Loaded.Rows = t.rows
		}
		merged[key] = b
		delete(missing, key)
	}
	for key, t := range missing {
		merged[key] = Book{Day: key.day, Loaded: Loaded{Rows: t.rows}}
	}
	keys := slices.SortedFunc(maps.Keys(merged), func(a, b tallyKey) int {
		return cmp.Or(a.day.Compare(b.day), cmp.Compare(a.router, b.router))
	})
	for _, key := range keys {
		if err := l.a.writeBook(ctx, table, l.id, key.router, merged[key]); err != nil {
			return err
		}
	}
	return nil
}

// stage ends the file of a day that is loaded again. Here books must balance: the
// day stays as it was if they do not.
func (l *Load) stage(ctx context.Context, books []Book) error {
	books = slices.DeleteFunc(slices.Clone(books), func(b Book) bool { return b.Day != l.reload.day })
	for _, b := range books {
		if err := b.Check(); err != nil {
			return l.fail(err)
		}
	}
	if err := l.writeBooks(ctx, "reload_books", books); err != nil {
		return l.fail(err)
	}
	l.a.step("books staged")
	if err := l.a.exec(ctx, "note file", "INSERT INTO reload_files (import, memory) VALUES (?, ?)", l.id, l.memory); err != nil {
		return l.fail(err)
	}
	for _, n := range l.rows {
		l.reload.rows += n
	}
	delete(l.reload.files, l.id)
	l.a.step("file staged")
	return nil
}

// balance compares the load's books in themselves, and the days they belong to
// against the tables.
func (l *Load) balance(ctx context.Context, books []Book) (problems []string, err error) {
	days := map[Day]bool{}
	for _, b := range books {
		days[b.Day] = true
		if err := b.Check(); err != nil {
			problems = append(problems, err.Error())
		}
	}
	for key := range l.tallies {
		days[key.day] = true
	}
	for _, day := range slices.SortedFunc(maps.Keys(days), Day.Compare) {
		off, err := l.a.compareTables(ctx, day, l.id)
		if err != nil {
			return nil, err
		}
		for _, router := range slices.Sorted(maps.Keys(off)) {
			problems = append(problems, fmt.Sprintf("%s %s: %s", router, day, off[router].tables()))
		}
	}
	return problems, nil
}

// close says `loaded`: from here on the file is in the archive.
func (l *Load) close(ctx context.Context, problems []string) error {
	l.a.step("before loaded")
	if err := l.a.sumUp(ctx, l.id, ", memory = ?", strings.Join(problems, "; "), l.memory); err != nil {
		return err
	}
	// The rest is tidying; recovery does it too.
	if err := l.a.forget(ctx, l.id); err != nil {
		l.a.log.Debug("ledger not tidied", "file", l.file.Name, "err", err)
	}
	return nil
}
