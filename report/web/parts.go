package web

import (
	"context"
	"maps"
	"net/netip"
	"slices"

	"nfacct/archive"
	"nfacct/report"
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

// estimated names the routers whose figures of days are extrapolated from sampling;
// "" when none are.
func (s *Server) estimated(ctx context.Context, store Store, from, to archive.Day) (string, error) {
	books, err := store.Books(ctx, from, to)
	if err != nil {
		return "", err
	}
	var u report.Usage
	for i := range books {
		if b := &books[i]; b.Estimated && !slices.Contains(u.Estimated, b.Router) {
			u.Estimated = append(u.Estimated, b.Router)
		}
	}
	return u.EstimatedText(s.deps.Words), nil
}

// namesOf are the names of hosts on a day: of those that were called otherwise when it
// began, both.
func (s *Server) namesOf(ctx context.Context, day archive.Day) (map[netip.Addr]string, error) {
	earlier, err := s.names(ctx, archive.SlotStart(day, 0, s.deps.Location))
	if err != nil {
		return nil, err
	}
	later, err := s.names(ctx, archive.SlotStart(day.Add(1), 0, s.deps.Location))
	if err != nil {
		return nil, err
	}
	names := make(map[netip.Addr]string, len(later))
	maps.Copy(names, later)
	for host, was := range earlier {
		switch is := names[host]; {
		case is == "":
			names[host] = was
		case is != was:
			names[host] = was + " → " + is
		}
	}
	return names, nil
}

// tolerated is the part of a download that may be another's without a word: as in
// package report, one in a thousand.
const tolerated = 1000
