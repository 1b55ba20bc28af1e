package archive

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// UpsertHostName notes that a host is called so from an instant on, as a source
// (lease, dns, config) says. Nothing is written when it was called so already.
// Names are of 1 to 190 characters; longer ones are cut.
func (r Routers) UpsertHostName(ctx context.Context, host netip.Addr, name, source string, from time.Time) error {
	if !host.IsValid() || name == "" || source == "" {
		return fmt.Errorf("name of host: %q of %v says nothing", name, host)
	}
	if runes := []rune(name); len(runes) > 190 {
		name = string(runes[:190])
	}
	address := host.Unmap().AsSlice()
	var newest string
	err := r.a.db.QueryRowContext(ctx, "SELECT name FROM host_names WHERE host = ? AND source = ? AND valid_from <= ? ORDER BY valid_from DESC LIMIT 1",
		address, source, from.UTC()).Scan(&newest)
	switch {
	case err == nil && newest == name:
		return nil
	case err != nil && !errors.Is(err, errNoRows):
		return wrap("name of "+host.String(), err)
	}
	return r.a.exec(ctx, "name of "+host.String(), "REPLACE INTO host_names (host, source, valid_from, name) VALUES (?, ?, ?, ?)",
		address, source, from.UTC(), name)
}

// NamesAt are the names that hosts had at an instant: of each source the newest,
// sources in alphabetical order, a name that several give only once.
func (r Routers) NamesAt(ctx context.Context, at time.Time) (map[netip.Addr][]string, error) {
	names := map[netip.Addr][]string{}
	err := each(ctx, r.a.db, "names of hosts", `SELECT host, name FROM host_names AS named
WHERE valid_from = (SELECT MAX(valid_from) FROM host_names WHERE host = named.host AND source = named.source AND valid_from <= ?)
ORDER BY host, source`, func(n *HostName) []any { return []any{(*address)(&n.Host), &n.Name} }, func(n *HostName) error {
		if !slices.Contains(names[n.Host], n.Name) {
			names[n.Host] = append(names[n.Host], n.Name)
		}
		return nil
	}, at.UTC())
	return names, err
}
