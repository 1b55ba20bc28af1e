package live

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"nfacct/archive"
)

// Rows gives take who talked with whom in records that were received since a time, to
// five seconds, imported or not, each with the name of its router. A row without a peer
// is of those that there was no room for, and one without a host too. reset is called
// before the first.
func (l *Live) Rows(ctx context.Context, since time.Time, reset func(), take func(router string, row *archive.Row) error) error {
	return l.do(ctx, func() error {
		if err := l.refresh(ctx, nil, archive.Day{}); err != nil {
			return err
		}
		reset()
		first := (since.UnixNano() + step/2) / step
		for _, f := range l.files {
			for at, talks := range f.steps {
				if at < first {
					continue
				}
				for t, s := range talks {
					row := archive.Row{Host: t.host, Peer: t.peer, HostPort: t.hostPort, PeerPort: t.peerPort, Proto: t.proto, UpBytes: s.up, DownBytes: s.down, Flows: s.flows}
					if err := take(f.router(int(t.router)), &row); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// Rest is what is received and not imported yet.
type Rest struct {
	Hours []Hour
	// Until is when the newest datagram of it came; zero without any.
	Until time.Time
	// Files are the files of the spool that it is of, Failed those of them that could
	// not be read, or not wholly.
	Files, Failed []string
}

// Hour is the traffic of a host in an hour of a day, as archive.HostHour counts them,
// by one router. A zero Host is those that there was no room for.
type Hour struct {
	Day    archive.Day
	Hour   int
	Router string
	Host   netip.Addr

	UpBytes, DownBytes, Flows uint64
}

// Rest is what is received of the days from a day on and not loaded: neither named by
// loaded nor read in part. Hours are in order of hosts.
func (l *Live) Rest(ctx context.Context, loaded []string, from archive.Day) (*Rest, error) {
	names := make(map[string]bool, len(loaded))
	for _, name := range loaded {
		names[name] = true
	}
	rest := &Rest{}
	err := l.do(ctx, func() error {
		if err := l.refresh(ctx, names, from); err != nil {
			return err
		}
		for name, f := range l.files {
			if names[name] || f.Start.Before(archive.SlotStart(from, 0, l.cfg.Location)) {
				continue
			}
			rest.Files = append(rest.Files, name)
			if f.err != nil {
				rest.Failed = append(rest.Failed, name)
			}
			if f.until.After(rest.Until) {
				rest.Until = f.until.In(l.cfg.Location)
			}
			for at, s := range f.hours {
				if !at.day.Before(from) {
					rest.Hours = append(rest.Hours, Hour{at.day, int(at.hour), f.router(int(at.router)), at.host, s.up, s.down, s.flows})
				}
			}
		}
		return nil
	})
	slices.Sort(rest.Files)
	slices.Sort(rest.Failed)
	slices.SortFunc(rest.Hours, func(a, b Hour) int {
		return cmp.Or(a.Host.Compare(b.Host), a.Day.Compare(b.Day), cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Router, b.Router))
	})
	return rest, err
}
