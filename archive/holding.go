package archive

import "context"

// ImportsOf lists the files that have records in the book of a router's day, by
// name.
func (r Reader) ImportsOf(ctx context.Context, day Day, router string) ([]Import, error) {
	return r.a.imports(ctx, `WHERE state = 'loaded' AND id IN (SELECT books.import FROM books
	JOIN routers ON routers.id = books.router
	WHERE books.day = ? AND routers.name = ? AND books.records > 0) ORDER BY file, id`, day, router)
}
