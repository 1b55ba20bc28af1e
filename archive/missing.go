package archive

import (
	"context"
	"fmt"
)

// Missing lists the months of which books say that rows were loaded, but whose table
// is gone, and not because their flows were dropped on purpose; the oldest first.
func (a *Archive) Missing(ctx context.Context) ([]Month, error) {
	tables, err := a.tables(ctx)
	if err != nil {
		return nil, err
	}
	dropped, err := a.dropped(ctx)
	if err != nil {
		return nil, err
	}
	const doing = "look for months without a table"
	rows, err := a.db.QueryContext(ctx, `SELECT DISTINCT DATE_FORMAT(books.day, '%Y-%m') AS month FROM books JOIN imports ON imports.id = books.import
WHERE imports.state = 'loaded' AND loaded_rows > 0 ORDER BY month`)
	if err != nil {
		return nil, wrap(doing, err)
	}
	defer rows.Close()
	var missing []Month
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, wrap(doing, err)
		}
		m, err := ParseMonth(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		if !tables[m.Table()] && !tables[m.PackedTable()] && !dropped[m] {
			missing = append(missing, m)
		}
	}
	return missing, wrap(doing, rows.Err())
}

// Gone says what to do about a month that Missing lists.
func (m Month) Gone() string {
	return fmt.Sprintf("its table is gone, of which books say that rows were loaded: put its files back from a backup; or load its days again as far as their files are there (nfacct import --from %s --to %s); or give its flows up, of which sums and books stay (nfacct archive --month %s --accept)",
		m.First(), m.Last(), m)
}

// present returns an error if a month should have a table and has none: a new one
// would hide that rows are missing, and be written over what is left of the old.
func (a *Archive) present(ctx context.Context, m Month) error {
	tables, err := a.tables(ctx)
	if err != nil || tables[m.Table()] {
		return err
	}
	var rows uint64
	err = a.db.QueryRowContext(ctx, "SELECT "+sumOf("loaded_rows")+` FROM books JOIN imports ON imports.id = books.import
WHERE imports.state = 'loaded' AND books.day BETWEEN ? AND ?`, m.First(), m.Last()).Scan(&rows)
	if err != nil {
		return wrap("look for "+m.Table(), err)
	}
	if rows > 0 {
		return fmt.Errorf("%w: %s: %s", ErrDamaged, m, m.Gone())
	}
	return nil
}
