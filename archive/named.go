package archive

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// HostName is what a source called a host for some time.
type HostName struct {
	Host   netip.Addr
	Source string
	Name   string
	From   time.Time // UTC
}

// NamesDuring are the names that hosts had at any time from start up to, but not
// at, end: for each host and source the newest first. A name ends with the next one of
// the same source, or a day after it was last seen.
func (a *Archive) NamesDuring(ctx context.Context, start, end time.Time) ([]HostName, error) {
	rows, err := a.db.QueryContext(ctx, `SELECT host, source, name, valid_from FROM host_names AS named
WHERE valid_from < ? AND (valid_to IS NULL OR valid_to >= ?) AND (valid_from >= ? OR valid_from =
	(SELECT MAX(valid_from) FROM host_names WHERE host = named.host AND source = named.source AND valid_from <= ?))
ORDER BY host, source, valid_from DESC`, end.UTC(), start.Add(-nameGrace).UTC(), start.UTC(), start.UTC())
	if err != nil {
		return nil, wrap("names of hosts", err)
	}
	defer rows.Close()
	var names []HostName
	for rows.Next() {
		var n HostName
		var address []byte
		if err := rows.Scan(&address, &n.Source, &n.Name, &n.From); err != nil {
			return nil, wrap("names of hosts", err)
		}
		var ok bool
		if n.Host, ok = netip.AddrFromSlice(address); !ok {
			return nil, fmt.Errorf("names of hosts: an address of %d bytes", len(address))
		}
		names = append(names, n)
	}
	return names, wrap("names of hosts", rows.Err())
}
