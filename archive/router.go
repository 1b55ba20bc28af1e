package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// RouterID is the number of a router in the tables, given out at the first
// question. Names are of 1 to 190 characters, without space around them, and
// compared byte by byte.
func (a *Archive) RouterID(ctx context.Context, name string) (uint16, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id, ok := a.routers[name]; ok {
		return id, nil
	}
	// Databases ignore spaces at the end when they compare.
	if name == "" || strings.TrimSpace(name) != name || !utf8.ValidString(name) || utf8.RuneCountInString(name) > 190 {
		return 0, fmt.Errorf("%q cannot be a router's name: use 1 to 190 characters without space around them", name)
	}
	doing := "number of router " + name
	for range 2 {
		var id uint16
		err := a.db.QueryRowContext(ctx, "SELECT id FROM routers WHERE name = ?", name).Scan(&id)
		if err == nil {
			a.routers[name] = id
			return id, nil
		}
		if !errors.Is(err, errNoRows) {
			return 0, wrap(doing, err)
		}
		// Another process may be faster: then it is found the second time.
		if _, err := a.db.ExecContext(ctx, "INSERT INTO routers (name) VALUES (?)", name); err != nil && !isError(err, errDuplicate) {
			return 0, wrap(doing, err)
		}
	}
	return 0, fmt.Errorf("%s: it vanishes as soon as it is written", doing)
}

// Routers are the names of all routers that tables and books know, by number.
func (a *Archive) Routers(ctx context.Context) (map[uint16]string, error) {
	return mapped[uint16, string](ctx, a.db, "list routers", "SELECT id, name FROM routers")
}
