package archive

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// UpsertHostName notes that a host is called so from a day on, as a source
// (lease, dns, config) says. Nothing is written when it was called so already.
// Names are of 1 to 190 characters; longer ones are cut.
func (a *Archive) UpsertHostName(ctx context.Context, host netip.Addr, name, source string, from Day) error {
	if !host.IsValid() || name == "" || source == "" {
		return fmt.Errorf("name of host: %q of %v says nothing", name, host)
	}
	if runes := []rune(name); len(runes) > 190 {
		name = string(runes[:190])
	}
	address := host.Unmap().AsSlice()
	var newest string
	err := a.db.QueryRowContext(ctx, "SELECT name FROM host_names WHERE host = ? AND source = ? AND valid_from <= ? ORDER BY valid_from DESC, id DESC LIMIT 1",
		address, source, from).Scan(&newest)
	switch {
	case err == nil && newest == name:
		return nil
	case err != nil && !errors.Is(err, errNoRows):
		return wrap("name of "+host.String(), err)
	}
	// A name that comes back on the same day becomes the newest again.
	return a.exec(ctx, "name of "+host.String(), "REPLACE INTO host_names (host, source, valid_from, name) VALUES (?, ?, ?, ?)",
		address, source, from, name)
}

// NamesAt are the names that hosts had on a day, each host's sorted and without
// doubles. A host whose name changed on that day has the new and the old one.
func (a *Archive) NamesAt(ctx context.Context, day Day) (map[netip.Addr][]string, error) {
	rows, err := a.db.QueryContext(ctx, "SELECT host, source, name, valid_from FROM host_names WHERE valid_from <= ? ORDER BY host, source, valid_from DESC, id DESC", day)
	if err != nil {
		return nil, wrap("names of hosts", err)
	}
	defer rows.Close()
	names := map[netip.Addr][]string{}
	var host netip.Addr
	var source string
	done := false
	for rows.Next() {
		var address []byte
		var said, name string
		var from Day
		if err := rows.Scan(&address, &said, &name, &from); err != nil {
			return nil, wrap("names of hosts", err)
		}
		addr, ok := netip.AddrFromSlice(address)
		if !ok {
			return nil, fmt.Errorf("names of hosts: an address of %d bytes", len(address))
		}
		if addr != host || said != source {
			host, source, done = addr, said, false
		}
		if done {
			continue
		}
		done = from != day // the one that was valid as the day began, or newer
		if !slices.Contains(names[addr], name) {
			names[addr] = append(names[addr], name)
		}
	}
	for addr := range names {
		slices.Sort(names[addr])
	}
	return names, wrap("names of hosts", rows.Err())
}
