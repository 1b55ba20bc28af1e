package archive

import (
	"context"
	"net/netip"
	"time"
)

// UpsertHostName notes that a host was called so from an instant on, as a source
// (lease, dns, config) says. Nothing is written when it was called so already.
func (a *Archive) UpsertHostName(ctx context.Context, host netip.Addr, name, source string, from time.Time) error {
	panic("unwritten")
}

// NamesAt are the names of hosts that were valid at an instant, the newest of
// each source, sources in alphabetical order.
func (a *Archive) NamesAt(ctx context.Context, at time.Time) (map[netip.Addr][]string, error) {
	panic("unwritten")
}
