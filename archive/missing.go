package archive

import (
	"context"
	"fmt"
	"slices"
)

// Missing lists the months of which books say that rows were loaded, but whose tables
// are gone, and not because their flows were dropped on purpose; the oldest first.
func (r Reader) Missing(ctx context.Context) ([]Month, error) {
	i, err := r.a.inventory(ctx)
	if err != nil {
		return nil, err
	}
	stand := i.months()
	dropped, err := r.a.dropped(ctx)
	if err != nil {
		return nil, err
	}
	missing, err := column[Month](ctx, r.a.db, "look for months without a table", `SELECT DISTINCT DATE_FORMAT(books.day, '%Y-%m') AS month FROM books JOIN imports ON imports.id = books.import
WHERE imports.state = 'loaded' AND loaded_rows > 0 ORDER BY month`)
	return slices.DeleteFunc(missing, func(m Month) bool { return slices.Contains(stand, m) || dropped[m] }), err
}

// Gone says what to do about a month that Missing lists.
func (m Month) Gone() string {
	return fmt.Sprintf("its table is gone, of which books say that rows were loaded: put its files back from a backup; or load its days again as far as their files are there (nfacct import --from %s --to %s); or give its flows up, of which sums and books stay (nfacct archive --month %s --accept)",
		m.First(), m.Last(), m)
}

// present returns an error if a day should have a table and has none: a new one
// would hide that rows are missing.
func (a *Archive) present(ctx context.Context, day Day) error {
	var rows uint64
	err := a.db.QueryRowContext(ctx, "SELECT "+sumOf("loaded_rows")+` FROM books JOIN imports ON imports.id = books.import
WHERE imports.state = 'loaded' AND books.day = ?`, day).Scan(&rows)
	if err != nil {
		return wrap("look for "+day.Table(), err)
	}
	if rows > 0 {
		return fmt.Errorf("%w: %s is gone, of which books say that rows were loaded: put its files back from a backup; or load the day again as far as its files are there (nfacct import --day %s)", ErrDamaged, day.Table(), day)
	}
	return nil
}
