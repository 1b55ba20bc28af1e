package archive

import (
	"context"
	"errors"
	"fmt"
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
func (a *Archive) Unsettled(ctx context.Context, from, to Day) ([]Day, error) {
	return a.days(ctx, `SELECT day FROM reloads WHERE day BETWEEN ? AND ?
UNION SELECT day FROM import_hours JOIN imports ON imports.id = import_hours.import WHERE state = 'loading' AND day BETWEEN ? AND ?
ORDER BY day`, from, to, from, to)
}

// Steadily calls read, which reads of the days from..to, until nobody has changed
// them meanwhile, for some seconds at most. What a writer who died has left of
// them is put right before. It returns the days that were changing all the time:
// what was read last may be neither what they were nor what they will be.
func (a *Archive) Steadily(ctx context.Context, from, to Day, read func() error) ([]Day, error) {
	until := time.Now().Add(steadyWait)
	for {
		changing, err := a.settleDays(ctx, from, to, until)
		if err != nil {
			return nil, err
		}
		before, err := a.stamp(ctx, from, to)
		if err != nil {
			return nil, err
		}
		failed := read()
		after, err := a.stamp(ctx, from, to)
		if err != nil {
			return nil, errors.Join(failed, err)
		}
		late, err := a.Unsettled(ctx, from, to)
		if err != nil {
			return nil, errors.Join(failed, err)
		}
		if len(changing) == 0 {
			changing = late
		}
		if len(changing) == 0 && before == after {
			return nil, failed
		}
		if time.Now().After(until) {
			if len(changing) == 0 { // files of some of them came one after the other
				for day := from; !to.Before(day); day = day.Add(1) {
					changing = append(changing, day)
				}
			}
			return changing, failed
		}
	}
}

// settleDays waits until days are settled, and settles them itself if no writer
// is there to do it. It returns those that are not by then.
func (a *Archive) settleDays(ctx context.Context, from, to Day, until time.Time) ([]Day, error) {
	for {
		days, err := a.Unsettled(ctx, from, to)
		if err != nil || len(days) == 0 {
			return nil, err
		}
		unlock, err := a.Lock(ctx, 0)
		switch {
		case err == nil:
			unlock()
		case !errors.Is(err, ErrLocked):
			return nil, fmt.Errorf("an import of %s was cut short: %w", days[0], err)
		case time.Now().After(until):
			return days, nil
		default:
			if err := sleep(ctx, steadyLook); err != nil {
				return nil, err
			}
		}
	}
}

// stamp changes when a file of the days is loaded, or loaded again.
func (a *Archive) stamp(ctx context.Context, from, to Day) (stamp string, err error) {
	err = a.db.QueryRowContext(ctx, `SELECT CONCAT(COUNT(*), ' ', COALESCE(SUM(UNIX_TIMESTAMP(finished)), 0)) FROM imports
WHERE state = 'loaded' AND id IN (SELECT import FROM books WHERE day BETWEEN ? AND ?)`, from, to).Scan(&stamp)
	return stamp, wrap("read ledger", err)
}
