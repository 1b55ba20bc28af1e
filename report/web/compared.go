package web

import (
	"context"
	"net/netip"

	"nfacct/archive"
)

// compared is a host's month against the month before: of those days of the month that
// are known in both, since a day of which nothing is known is not one without traffic.
type compared struct {
	Days        int
	Now, Before uint64
	Change      string
}

func (s *Server) compare(ctx context.Context, store Store, m archive.Month, days []archive.HostDay) (*compared, error) {
	earlier := archive.MonthOf(m.First().Add(-1))
	totals, err := store.DayTotals(ctx, earlier.First(), m.Last())
	if err != nil {
		return nil, err
	}
	known, of := map[archive.Day]bool{}, map[archive.Day]uint64{}
	for _, t := range totals {
		known[t.Day] = true
	}
	for i := range days {
		of[days[i].Day] = days[i].UpBytes + days[i].DownBytes
	}
	c := &compared{}
	today := archive.DayOf(s.deps.Now().In(s.deps.Location))
	for n := range min(m.Last().Day, earlier.Last().Day) {
		is, was := m.First().Add(n), earlier.First().Add(n)
		if known[is] && known[was] && is != today {
			c.Days, c.Now, c.Before = c.Days+1, c.Now+of[is], c.Before+of[was]
		}
	}
	if c.Days == 0 {
		return nil, nil
	}
	if c.Before > 0 {
		c.Change = s.deps.Words.Change(float64(c.Now)/float64(c.Before) - 1)
	}
	return c, nil
}

// nameLine is a name that a host had, and from when.
type nameLine struct{ Name, Source, From string }

// namesOver are the names that a host had in a month, if they changed.
func (s *Server) namesOver(ctx context.Context, host netip.Addr, m archive.Month) ([]nameLine, error) {
	if s.deps.History == nil {
		return nil, nil
	}
	had, err := s.history(ctx, host, archive.SlotStart(m.First(), 0, s.deps.Location), archive.SlotStart(m.Last().Add(1), 0, s.deps.Location))
	if err != nil || len(had) < 2 {
		return nil, err
	}
	var lines []nameLine
	for _, n := range had {
		lines = append(lines, nameLine{clean(n.Name), n.Source, n.From.In(s.deps.Location).Format("2006-01-02 15:04")})
	}
	return lines, nil
}
