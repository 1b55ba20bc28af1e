package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Settle ends the loading of files: what was loaded since Lock is
// closed and made durable, and the checksums of its days are noted. If Settle is not
// called, or fails, the next Lock sees to it.
func (w *Writer) Settle(ctx context.Context) error {
	if err := errors.Join(w.held(ctx), w.idle(ctx)); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	days, err := w.noteSums(ctx)
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	for _, day := range days {
		if err := w.settle(ctx, day.Table()); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		w.step("day settled")
	}
	return nil
}

// CloseDays ends days: no file of them is expected any more. Their keys
// are made, once, by sorting, and their rows are compared with the rollups. It closes
// the days before over, and those before today that this writer loaded nothing into:
// an import that brings nothing of a past day shows that the day is over. A
// *BalanceError says which days' rows and rollups differ, and by how much; they are
// closed all the same.
func (w *Writer) CloseDays(ctx context.Context, over, today Day) error {
	if err := errors.Join(w.held(ctx), w.idle(ctx)); err != nil {
		return fmt.Errorf("close days: %w", err)
	}
	days, err := w.days(ctx, "SELECT day FROM day_tables WHERE key_state = 'off' AND day < ? ORDER BY day", today)
	if err != nil {
		return fmt.Errorf("close days: %w", err)
	}
	var problems []string
	for _, day := range days {
		if !day.Before(over) && w.touched[day] {
			continue
		}
		problem, err := w.compareRows(ctx, day)
		if err == nil {
			err = w.makeKeys(ctx, day)
		}
		if err != nil {
			return fmt.Errorf("close %s: %w", day, err)
		}
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	if problems != nil {
		return &BalanceError{problems}
	}
	return nil
}

// makeKeys makes the keys of a day's table. Its checksum was noted before: making
// keys sums the rows up anew.
func (a *Archive) makeKeys(ctx context.Context, day Day) error {
	set := func(state string) error {
		return a.exec(ctx, "note keys of "+day.String(), "UPDATE day_tables SET key_state = ? WHERE day = ?", state, day)
	}
	table := day.Table()
	if a.storage().keysLast {
		if err := a.roomFor(ctx, table); err != nil { // keys take less, and sorting them as much
			return err
		}
		if err := set("making"); err != nil {
			return err
		}
		a.step("keys begun")
		if err := a.exec(ctx, "make keys of "+table, mark+"ALTER TABLE "+table+" ENABLE KEYS"); err != nil {
			return err
		}
		a.step("keys made")
		if err := a.settle(ctx, table); err != nil {
			return err
		}
	}
	if err := set("on"); err != nil {
		return err
	}
	a.step("day closed")
	return nil
}

// finishKeys makes the keys that were being made when something was cut short.
func (a *Archive) finishKeys(ctx context.Context) error {
	days, err := a.days(ctx, "SELECT day FROM day_tables WHERE key_state = 'making' ORDER BY day")
	if err != nil {
		return err
	}
	for _, day := range days {
		if err := a.makeKeys(ctx, day); err != nil {
			return err
		}
	}
	return nil
}

// keyed reports whether a day's keys are made.
func (a *Archive) keyed(ctx context.Context, day Day) (bool, error) {
	days, err := a.days(ctx, "SELECT day FROM day_tables WHERE day = ? AND key_state <> 'off'", day)
	return slices.Contains(days, day), err
}

// compareRows compares a day's rows with its rollups.
func (a *Archive) compareRows(ctx context.Context, day Day) (problem string, err error) {
	const doing = "compare rows and sums"
	var sums, rows Counts
	err = a.db.QueryRowContext(ctx, "SELECT "+sumOf("flows")+", "+sumOf("up_bytes", "down_bytes")+" FROM usage_hourly WHERE day = ?", day).Scan(&sums.Records, &sums.Bytes)
	if err != nil {
		return "", wrap(doing, err)
	}
	parts, err := a.Reader().Parts(ctx, day, day)
	if err != nil {
		return "", err
	}
	for _, p := range parts {
		var part Counts
		err := a.db.QueryRowContext(ctx, "SELECT "+sumOf("`flows`")+", "+sumOf("`up_bytes`", "`down_bytes`")+" FROM "+p.Table+" WHERE "+p.Where()).Scan(&part.Records, &part.Bytes)
		if err != nil {
			return "", wrap(doing, err)
		}
		rows = rows.Plus(part)
	}
	if rows == sums {
		return "", nil
	}
	return fmt.Sprintf("%s: the rows hold %v, but usage_hourly says %v: %s", day, rows, sums, difference(rows, sums)), nil
}
