package live

import (
	"math"
	"math/bits"
	"net/netip"
	"time"

	"nfacct/archive"
	"nfacct/importer"
)

// step is how fine the time of Rows is.
const step = int64(5 * time.Second)

// Bounds of what is kept of all files together, so that a flood of made-up addresses
// takes no more memory: some 60 MB, see TestFlood. Beyond mostTalks it is not known with
// whom a host talked, and beyond mostHosts not which host it was; no byte is lost.
const (
	mostTalks = 1 << 17
	mostHosts = 1 << 16
	mostHours = 1 << 17
)

// talk is who talked with whom: a row without its times.
type talk struct {
	host, peer         netip.Addr
	hostPort, peerPort uint16
	router             uint16
	proto              uint8
}

// hour is a host's hour by a router.
type hour struct {
	day    archive.Day
	hour   uint8
	router uint16
	host   netip.Addr
}

type sum struct{ up, down, flows uint64 }

func (s sum) plus(up, down, flows uint64) sum {
	return sum{plus(s.up, up), plus(s.down, down), plus(s.flows, flows)}
}

func plus(a, b uint64) uint64 {
	n, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return math.MaxUint64
	}
	return n
}

// figures are what is known of a file.
type figures struct {
	room  room
	since int64                  // steps before are not kept
	steps map[int64]map[talk]sum // by the step that the datagram came in
	at    int64                  // the step of the last piece
	last  map[talk]sum           // and its talks
	hours map[hour]sum
	seen  int64
}

// room is how much may be added.
type room struct{ talks, hosts, hours int }

func newFigures(r room, since time.Time) figures {
	return figures{room: r, since: since.UnixNano() / step, steps: map[int64]map[talk]sum{}, hours: map[hour]sum{}, at: math.MinInt64}
}

// room is what the other files leave.
func (l *Live) room(name string) room {
	r := room{mostTalks, mostHosts, mostHours}
	for other, f := range l.files {
		if other == name {
			continue
		}
		for _, talks := range f.steps {
			for t := range talks {
				if t.peer.IsValid() {
					r.talks--
				} else {
					r.hosts--
				}
			}
		}
		r.hours -= len(f.hours)
	}
	return r
}

// add adds a piece. It allocates only for what was not known.
func (f *figures) add(p *importer.Piece) {
	f.seen = max(f.seen, p.Received)
	at := hour{p.Day, uint8(p.Slot.Hour()), uint16(p.Router), p.Host}
	s, known := f.hours[at]
	if !known && len(f.hours) >= f.room.hours {
		at.host = netip.Addr{}
		s = f.hours[at]
	}
	f.hours[at] = s.plus(p.Up, p.Down, uint64(p.Flows))

	now := p.Received / step
	if now < f.since {
		return
	}
	if now != f.at {
		f.at, f.last = now, f.steps[now]
		if f.last == nil {
			f.last = map[talk]sum{}
			f.steps[now] = f.last
		}
	}
	t := talk{p.Host, p.Peer, p.HostPort, p.PeerPort, uint16(p.Router), p.Proto}
	s, known = f.last[t]
	if !known {
		switch {
		case f.room.talks > 0:
			f.room.talks--
		default:
			t = talk{host: p.Host, router: t.router}
			if s, known = f.last[t]; !known && f.room.hosts <= 0 {
				t.host = netip.Addr{}
				s = f.last[t]
			} else if !known {
				f.room.hosts--
			}
		}
	}
	f.last[t] = s.plus(p.Up, p.Down, uint64(p.Flows))
}

// forget leaves what came before a time.
func (f *figures) forget(since time.Time) {
	f.since = since.UnixNano() / step
	for at, talks := range f.steps {
		if at >= f.since {
			continue
		}
		for t := range talks {
			if t.peer.IsValid() {
				f.room.talks++
			} else {
				f.room.hosts++
			}
		}
		delete(f.steps, at)
		if at == f.at {
			f.at, f.last = math.MinInt64, nil
		}
	}
}

// newest is when the newest datagram with a piece came.
func (f *figures) newest() time.Time {
	if f.seen == 0 {
		return time.Time{}
	}
	return time.Unix(0, f.seen)
}
