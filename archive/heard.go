package archive

import "context"

// Heard says that something came from a router: in a file, or, where Hour is
// not negative, flows of an hour of a day.
type Heard struct {
	Day    Day
	Router string
	File   string
	Hour   int
}

// RoutersHeard lists when something came from routers on the days from..to.
func (a *Archive) RoutersHeard(ctx context.Context, from, to Day) ([]Heard, error) {
	const doing = "read when routers were heard"
	rows, err := a.db.QueryContext(ctx, `SELECT books.day, COALESCE(routers.name, CONCAT('(router ', books.router, ')')), imports.file, -1
FROM books JOIN imports ON imports.id = books.import LEFT JOIN routers ON routers.id = books.router
WHERE books.day BETWEEN ? AND ? AND imports.state = 'loaded' AND books.records > 0
UNION ALL
SELECT hours.day, COALESCE(routers.name, CONCAT('(router ', hours.router, ')')), '', hours.hour
FROM (SELECT DISTINCT day, hour, router FROM usage_hourly WHERE day BETWEEN ? AND ?) AS hours LEFT JOIN routers ON routers.id = hours.router`, from, to, from, to)
	if err != nil {
		return nil, wrap(doing, err)
	}
	defer rows.Close()
	var heard []Heard
	for rows.Next() {
		var h Heard
		if err := rows.Scan(&h.Day, &h.Router, &h.File, &h.Hour); err != nil {
			return nil, wrap(doing, err)
		}
		heard = append(heard, h)
	}
	return heard, wrap(doing, rows.Err())
}
