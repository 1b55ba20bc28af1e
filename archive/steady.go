package archive

import (
	"context"
	"errors"
	"fmt"
	"nfacct/archive/mariadb"
	"slices"
	"time"
)

// How long a reader waits for days that a writer is changing, and how often it looks.
const (
	steadyWait = 5 * time.Second
	steadyLook = 100 * time.Millisecond
)

// Unsettled lists those of the days from..to whose rows, books and sums are
// between what they were and what they will be: a file with something of them is
// being loaded, or what was loaded again is taking its place, or one of the two
// was cut short, which the next Lock puts right.
func (r Reader) Unsettled(ctx context.Context, from, to Day) ([]Day, error) {
	return r.a.days(ctx, `SELECT day FROM reloads WHERE day BETWEEN ? AND ?
UNION SELECT day FROM import_hours JOIN imports ON imports.id = import_hours.import WHERE state = 'loading' AND day BETWEEN ? AND ?
ORDER BY day`, from, to, from, to)
}

// Steadily calls read, which reads of the days, until nobody has changed them
// meanwhile, for some seconds at most. What a writer who died has left of them is
// put right before. It returns the days that were changing all the time: what was
// read last may be neither what they were nor what they will be. When read's error
// wraps ErrBusy, days cannot be read at present: they count as changing.
func (a *Archive) Steadily(ctx context.Context, days []Day, read func() error) ([]Day, error) {
	until := time.Now().Add(steadyWait)
	for {
		changing, err := a.settleDays(ctx, days, until)
		if err != nil {
			return nil, err
		}
		before, err := a.stamps(ctx, days)
		if err != nil {
			return nil, err
		}
		failed := read()
		if errors.Is(failed, ErrBusy) {
			if changing == nil { // it is rows of another day of the month that are loaded
				changing = slices.SortedFunc(slices.Values(days), Day.Compare)
			}
			return changing, nil
		}
		after, err := a.stamps(ctx, days)
		if err != nil {
			return nil, errors.Join(failed, err)
		}
		late, err := a.unsettledOf(ctx, days)
		if err != nil {
			return nil, errors.Join(failed, err)
		}
		changing = append(changing, late...)
		for _, day := range days {
			if before[day] != after[day] {
				changing = append(changing, day)
			}
		}
		slices.SortFunc(changing, Day.Compare)
		changing = slices.Compact(changing)
		if len(changing) == 0 {
			return nil, failed
		}
		if time.Now().After(until) {
			return changing, failed
		}
	}
}

// unsettledOf is Unsettled of some days.
func (a *Archive) unsettledOf(ctx context.Context, days []Day) ([]Day, error) {
	if len(days) == 0 {
		return nil, nil
	}
	found, err := a.Reader().Unsettled(ctx, slices.MinFunc(days, Day.Compare), slices.MaxFunc(days, Day.Compare))
	return slices.DeleteFunc(found, func(day Day) bool { return !slices.Contains(days, day) }), err
}

// settleDays waits until days are settled, and settles them itself if no writer
// is there to do it. It returns those that are not by then.
func (a *Archive) settleDays(ctx context.Context, days []Day, until time.Time) ([]Day, error) {
	for {
		changing, err := a.unsettledOf(ctx, days)
		if err != nil || len(changing) == 0 {
			return nil, err
		}
		w, err := a.Lock(ctx, 0)
		switch {
		case err == nil:
			w.Unlock()
		case !errors.Is(err, ErrLocked):
			return nil, fmt.Errorf("an import of %s was cut short: %w", changing[0], err)
		}
		if time.Now().After(until) {
			return a.unsettledOf(ctx, days)
		}
		if err == nil {
			continue
		}
		if err := mariadb.Sleep(ctx, steadyLook); err != nil {
			return nil, err
		}
	}
}

// stamps are a text for each of the days that changes when a file of it is
// loaded, loaded again or taken out.
func (a *Archive) stamps(ctx context.Context, days []Day) (map[Day]string, error) {
	if len(days) == 0 {
		return map[Day]string{}, nil
	}
	return mapped[Day, string](ctx, a.db, "read ledger", `SELECT day, CONCAT_WS(' ', COUNT(*), SUM(import), SUM(UNIX_TIMESTAMP(finished))) FROM books
JOIN imports ON imports.id = import WHERE state = 'loaded' AND day BETWEEN ? AND ? GROUP BY day`,
		slices.MinFunc(days, Day.Compare), slices.MaxFunc(days, Day.Compare))
}
