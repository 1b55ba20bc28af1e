package web

import (
	"context"
	"net/netip"

	"nfacct/archive"
)

// partLine is what one of several routers charged to a host.
type partLine struct {
	Router          string
	Up, Down, Total uint64
}

// parts are the routers of the hosts that several charged, and the hosts whose
// downloads rest on rules by which they may be another's.
type parts struct {
	of   map[netip.Addr][]partLine
	weak map[netip.Addr]uint64
}

func readParts(ctx context.Context, store Store, from, to archive.Day, wanted func(netip.Addr) bool) (*parts, error) {
	p := &parts{of: map[netip.Addr][]partLine{}, weak: map[netip.Addr]uint64{}}
	var host netip.Addr
	var lines []partLine
	finish := func() {
		if len(lines) > 1 {
			p.of[host], lines = lines, nil
		}
		lines = lines[:0]
	}
	err := store.RouterHosts(ctx, from, to, func(h *archive.RouterHost) {
		if !wanted(h.Host) {
			return
		}
		if h.Host != host {
			finish()
			host = h.Host
		}
		lines = append(lines, partLine{clean(h.Router), h.UpBytes, h.DownBytes, h.UpBytes + h.DownBytes})
		if h.WeakBytes > 0 {
			p.weak[host] += h.WeakBytes
		}
	})
	finish()
	return p, err
}

// tolerated is the part of a download that may be another's without a word: as in
// package report, one in a thousand.
const tolerated = 1000
