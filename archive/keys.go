package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Entering rows into keys that exist costs far more than making keys anew by
// sorting, once for all rows: measured, 14 µs a row against 1.5 µs. So when much
// is loaded into a month, its keys are switched off before the first row and
// made again at the session's end, by Settle. Meanwhile readers scan the table,
// and get the same answers. A session that was cut short leaves a mark on the
// month, and the next Lock makes the keys.
//
// Tried: a thread for each key (myisam_repair_threads = 2) takes as long, 1.06 s
// instead of 1.02 s for a million rows, the best of ten each while other work held
// the two cores.

// keyShare says when keys are switched off: when the rows that come are at
// least this part of those that are there.
const keyShare = 10

// session is what a writer remembers from Lock to Settle. It has a lock of its
// own only because several goroutines may hold the archive.
type session struct {
	mu      sync.Mutex
	coming  uint64           // rows, as Expect was told
	keyed   map[Month]uint64 // rows loaded with keys on
	keyless map[Month]bool   // keys are off
	hours   map[Day]uint64   // loaded into, not compared yet
	day     Day              // that is being loaded again
	pairs   map[Day]*dayPairs
	held    int    // pairs of all days
	most    int    // that may be held
	begun   uint64 // how often a load began with a day
}

func (s *session) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.coming, s.day = 0, Day{}
	s.keyed, s.keyless, s.hours = map[Month]uint64{}, map[Month]bool{}, map[Day]uint64{}
	s.pairs, s.held = map[Day]*dayPairs{}, 0
	s.most = cmp.Or(s.most, maxPairs)
}

// reload notes which day is being loaded again; the zero Day is none.
func (s *session) reload(day Day) {
	s.mu.Lock()
	s.day = day
	s.mu.Unlock()
}

func (s *session) reloading() Day {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.day
}

// Expect tells about how many rows the files to come will make, after Lock and
// before the first of them. It decides how keys are kept, not what is right.
func (a *Archive) Expect(rows uint64) {
	a.session.mu.Lock()
	a.session.coming = rows
	a.session.mu.Unlock()
}

// chooseKeys switches a month's keys off if that is quicker. The table has n rows.
func (a *Archive) chooseKeys(ctx context.Context, m Month, n uint64) error {
	s := &a.session
	s.mu.Lock()
	leave := s.keyless[m] || (s.keyed[m]+s.coming)*keyShare < n
	s.mu.Unlock()
	if leave {
		return nil
	}
	if err := a.exec(ctx, "mark "+m.Table(), "INSERT IGNORE INTO keyless_months (month) VALUES (?)", m.String()); err != nil {
		return err
	}
	a.step("month marked")
	if err := a.exec(ctx, "switch keys off", mark+"ALTER TABLE "+m.Table()+" DISABLE KEYS"); err != nil {
		return err
	}
	a.step("keys off")
	s.mu.Lock()
	s.keyless[m] = true
	s.mu.Unlock()
	return nil
}

// keysOn notes that a table was made anew, with its keys.
func (s *session) keysOn(table string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.keyless, func(m Month, _ bool) bool { return m.Table() == table })
}

// loaded notes what a load has done.
func (s *session) loaded(rows map[Month]uint64, hours map[Day]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for m, n := range rows {
		if !s.keyless[m] {
			s.keyed[m] += n
		}
	}
	for day, set := range hours {
		s.hours[day] |= set
	}
}

// Settle ends the loading of files, under the lock: tables are closed, keys that
// were switched off are made again, what was loaded since Lock is compared, rows with
// rollups, and whom its hosts talk with is kept.
// A *BalanceError says that they differ, and by how much. If Settle is not
// called, or fails, the next Lock sees to the keys.
func (a *Archive) Settle(ctx context.Context) error {
	if err := errors.Join(a.held(ctx), a.idle(ctx)); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	if err := a.noteSums(ctx); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	if err := a.makeKeys(ctx); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	a.session.mu.Lock()
	hours, keyed := a.session.hours, slices.SortedFunc(maps.Keys(a.session.keyed), Month.Compare)
	a.session.mu.Unlock()
	for _, m := range keyed {
		if err := a.settle(ctx, m.Table()); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		a.step("month settled")
	}
	var problems []string
	for _, day := range slices.SortedFunc(maps.Keys(hours), Day.Compare) {
		problem, err := a.compareRows(ctx, day, hours[day])
		if err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		if problem != "" {
			problems = append(problems, problem)
			a.session.take(day)
		}
	}
	if err := a.keepLoaded(ctx, 0); err != nil {
		return fmt.Errorf("settle: keep peers: %w", err)
	}
	a.session.reset()
	if problems != nil {
		return &BalanceError{problems}
	}
	return nil
}

// makeKeys makes the keys of all months that are marked.
func (a *Archive) makeKeys(ctx context.Context) error {
	months, err := a.keyless(ctx)
	if err != nil || len(months) == 0 {
		return err
	}
	tables, err := a.tables(ctx)
	if err != nil {
		return err
	}
	for _, m := range months {
		table := m.Table()
		if tables[table] {
			if err := a.exec(ctx, "make keys of "+table, mark+"ALTER TABLE "+table+" ENABLE KEYS"); err != nil {
				return err
			}
			a.step("keys made")
			if err := a.settle(ctx, table); err != nil {
				return err
			}
		}
		if err := a.exec(ctx, "remove mark of "+table, "DELETE FROM keyless_months WHERE month = ?", m.String()); err != nil {
			return err
		}
		a.session.keysOn(table)
		a.step("keys on")
	}
	return nil
}

// keyless are the months that are marked.
func (a *Archive) keyless(ctx context.Context) ([]Month, error) {
	rows, err := a.db.QueryContext(ctx, "SELECT month FROM keyless_months ORDER BY month")
	if err != nil {
		return nil, wrap("read ledger", err)
	}
	defer rows.Close()
	var months []Month
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, wrap("read ledger", err)
		}
		m, err := ParseMonth(text)
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		months = append(months, m)
	}
	return months, wrap("read ledger", rows.Err())
}

// compareRows compares hours of a day, the rows with the rollups.
func (a *Archive) compareRows(ctx context.Context, day Day, hours uint64) (problem string, err error) {
	tables, err := a.FlowTables(ctx, day, day)
	if err != nil {
		return "", err
	}
	list, slots := hourLists(hours)
	doing := "compare rows and sums"
	sum := func(query string) (c Counts, err error) {
		err = a.db.QueryRowContext(ctx, query, day).Scan(&c.Records, &c.Bytes)
		return c, wrap(doing, err)
	}
	sums, err := sum("SELECT " + sumOf("flows") + ", " + sumOf("up_bytes", "down_bytes") + " FROM usage_hourly WHERE day = ? AND hour IN (" + list + ")")
	if err != nil {
		return "", err
	}
	var rows Counts
	for _, table := range tables {
		part, err := sum("SELECT " + sumOf("`flows`") + ", " + sumOf("`up_bytes`", "`down_bytes`") + " FROM " + table + " WHERE `day` = ? AND (" + slots + ")")
		if err != nil {
			return "", err
		}
		rows = rows.Plus(part)
	}
	if rows == sums {
		return "", nil
	}
	return fmt.Sprintf("%s: the rows of hours %s hold %v, but usage_hourly says %v: %s", day, list, rows, sums, difference(rows, sums)), nil
}
