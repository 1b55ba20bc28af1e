package squid

import (
	"net/netip"
	"time"

	"nfacct/archive"
)

// sums adds lines up by hour, client and user.
type sums struct {
	calendar *archive.Calendar
	hours    map[hour]map[string]*archive.ProxyUsage
	current  map[string]*archive.ProxyUsage // of the hour of the last line
	from, to int64                          // that hour
	key      []byte
	keys     int
}

type hour struct {
	day  archive.Day
	hour int
}

func newSums(loc *time.Location) *sums {
	return &sums{calendar: archive.NewCalendar(loc), hours: map[hour]map[string]*archive.ProxyUsage{}}
}

// add adds an entry. Its client and user are kept only as they first appear in
// an hour.
func (s *sums) add(e *Entry) {
	if e.Unix < s.from || e.Unix >= s.to {
		day, slot := s.calendar.SlotOfUnix(e.Unix)
		start := s.calendar.SlotStartUnix(day, archive.Slot(slot.Hour()*4))
		_, end := s.calendar.Bounds(day)
		s.from, s.to = start, min(start+3600, end.Unix())
		at := hour{day, slot.Hour()}
		if s.current = s.hours[at]; s.current == nil {
			s.current = map[string]*archive.ProxyUsage{}
			s.hours[at] = s.current
		}
	}
	s.key = append(append(append(s.key[:0], e.Client...), 0), e.User...)
	u := s.current[string(s.key)]
	if u == nil {
		day, slot := s.calendar.SlotOfUnix(e.Unix)
		u = &archive.ProxyUsage{Day: day, Hour: slot.Hour(), User: UserName(e.User)}
		if addr, err := netip.ParseAddr(string(e.Client)); err == nil {
			u.Host = addr.Unmap().WithZone("")
		}
		s.current[string(s.key)] = u
		s.keys++
	}
	if e.Denied {
		u.Denied++
		return
	}
	u.Bytes += e.Bytes
	u.Requests++
}

// rows are all sums; those that are the same host and user by other spellings
// are one.
func (s *sums) rows() []archive.ProxyUsage {
	type key struct {
		day  archive.Day
		hour int
		host netip.Addr
		user string
	}
	places := map[key]int{}
	rows := make([]archive.ProxyUsage, 0, s.keys)
	for _, users := range s.hours {
		for _, u := range users {
			at := key{u.Day, u.Hour, u.Host, u.User}
			if n, ok := places[at]; ok {
				rows[n].Bytes += u.Bytes
				rows[n].Requests += u.Requests
				rows[n].Denied += u.Denied
				continue
			}
			places[at] = len(rows)
			rows = append(rows, *u)
		}
	}
	return rows
}
