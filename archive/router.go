package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Routers is what is known of routers over time: their facts, counters, lists, and the
// names of interfaces and hosts.
type Routers struct{ a *Archive }

// Routers is what is known of routers over time.
func (a *Archive) Routers() Routers { return Routers{a} }

// ID is the number of a router in the tables, given out at the first
// question. Names are of 1 to 190 characters, without space around them, and
// compared byte by byte.
func (r Routers) ID(ctx context.Context, name string) (uint16, error) {
	r.a.mu.Lock()
	defer r.a.mu.Unlock()
	if id, ok := r.a.routers[name]; ok {
		return id, nil
	}
	// Databases ignore spaces at the end when they compare.
	if name == "" || strings.TrimSpace(name) != name || !utf8.ValidString(name) || utf8.RuneCountInString(name) > 190 {
		return 0, fmt.Errorf("%q cannot be a router's name: use 1 to 190 characters without space around them", name)
	}
	doing := "number of router " + name
	for range 2 {
		var id uint16
		err := r.a.db.QueryRowContext(ctx, "SELECT id FROM routers WHERE name = ?", name).Scan(&id)
		if err == nil {
			r.a.routers[name] = id
			return id, nil
		}
		if !errors.Is(err, errNoRows) {
			return 0, wrap(doing, err)
		}
		// Another process may be faster: then it is found the second time.
		if _, err := r.a.db.ExecContext(ctx, "INSERT INTO routers (name) VALUES (?)", name); err != nil && !isError(err, errDuplicate) {
			return 0, wrap(doing, err)
		}
	}
	return 0, fmt.Errorf("%s: it vanishes as soon as it is written", doing)
}

// Names are those of all routers that tables and books know, by number.
func (r Routers) Names(ctx context.Context) (map[uint16]string, error) {
	return mapped[uint16, string](ctx, r.a.db, "list routers", "SELECT id, name FROM routers")
}
