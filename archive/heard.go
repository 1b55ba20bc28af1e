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

// TablePrefix begins the ledger's name of what came from a table of another
// database, not from a file of flows (see package importer/migrate).
const TablePrefix = "mysql:"

// Heard lists when something came from routers on the days from..to. Hours
// are listed only of files whose names do not say when they are from: those that
// records of any class ended in, or, of books from before that was noted, those with
// flows that a host is charged with.
func (r Routers) Heard(ctx context.Context, from, to Day) ([]Heard, error) {
	type row struct {
		Heard
		hours uint32
	}
	var heard []Heard
	err := each(ctx, r.a.db, "read when routers were heard", `SELECT books.day, COALESCE(routers.name, CONCAT('(router ', books.router, ')')), imports.file, -1, IF(imports.file LIKE '%T______Z%.pcapng.zst', 0, books.heard_hours)
FROM books JOIN imports ON imports.id = books.import LEFT JOIN routers ON routers.id = books.router
WHERE books.day BETWEEN ? AND ? AND imports.state = 'loaded' AND books.records > 0
UNION ALL
SELECT hours.day, COALESCE(routers.name, CONCAT('(router ', hours.router, ')')), '', hours.hour, 0
FROM (SELECT DISTINCT day, hour, router FROM usage_hourly WHERE day BETWEEN ? AND ? AND day IN
	(SELECT books.day FROM books JOIN imports ON imports.id = books.import WHERE imports.file NOT LIKE '%T______Z%.pcapng.zst')) AS hours LEFT JOIN routers ON routers.id = hours.router`, func(r *row) []any { return []any{&r.Day, &r.Router, &r.File, &r.Hour, &r.hours} }, func(r *row) error {
		heard = append(heard, r.Heard)
		for hour := range 32 {
			if r.hours&(1<<hour) != 0 {
				heard = append(heard, Heard{Day: r.Day, Router: r.Router, Hour: hour})
			}
		}
		return nil
	}, from, to, from, to)
	return heard, err
}

// FirstHeard are the first days on which anything came from each router.
func (r Routers) FirstHeard(ctx context.Context) (map[string]Day, error) {
	return mapped[string, Day](ctx, r.a.db, "read when routers were heard first", `SELECT routers.name, MIN(books.day) FROM books JOIN imports ON imports.id = books.import JOIN routers ON routers.id = books.router
WHERE imports.state = 'loaded' AND books.records > 0 GROUP BY routers.name`)
}
