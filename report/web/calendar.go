package web

import (
	"context"
	"net/http"
	"time"

	"nfacct/archive"
	"nfacct/report/health"
)

// month is a month as the first page draws it.
type month struct {
	Title, Month     string
	Before, After    string // months beside it, with anything in them
	Weekdays         []string
	Weeks            [][]cell
	Total            uint64
	Up, Down         uint64
	Days             []dayLine
	Average, Biggest uint64
}

// cell is a day of the grid.
type cell struct {
	Day     string // empty: of another month
	Number  int
	Total   uint64
	Hosts   uint64
	Heat    int  // 0 to 5
	Missing bool // nothing is known of it, or not all
	Known   bool
}

// dayLine is a day of the list.
type dayLine struct {
	Day, Words      string
	Hosts           uint64
	Up, Down, Total uint64
	Average         uint64 // a host
}

func (s *Server) calendar(r *http.Request) (string, *view, error) {
	ctx := r.Context()
	store, _, err := s.archiveFor(ctx)
	if err != nil {
		return "", nil, err
	}
	first, last, err := store.DaySpan(ctx)
	if err != nil {
		return "", nil, err
	}
	if first.IsZero() {
		return s.nothing()
	}
	m := archive.MonthOf(last)
	if text := r.PathValue("month"); text != "" {
		if m, err = archive.ParseMonth(text); err != nil {
			return s.wrong(err.Error())
		}
	}
	v := &view{Title: s.deps.Words.Month(m.Month, m.Year), Nav: "calendar"}
	switch {
	case m.Last().Before(first):
		v.Trouble = &trouble{s.deps.Words.Text("web.before_data", first.String()), "nfacct migrate --help"}
		return "empty", v, nil
	case last.Before(m.First()):
		v.Trouble = &trouble{s.deps.Words.Text("web.not_imported", last.String()), "nfacct import"}
		return "empty", v, nil
	}
	data, err := s.month(ctx, store, m, first, last)
	if err != nil {
		return "", nil, err
	}
	data.Title = v.Title
	v.Data = data
	return "calendar", v, nil
}

// nothing says why there are no figures at all.
func (s *Server) nothing() (string, *view, error) {
	words := s.deps.Words
	v := &view{Title: words.Text("web.nothing"), Nav: "calendar"}
	if s.deps.Routers == 0 {
		v.Trouble = &trouble{words.Text("web.no_router"), "nfacct provision --help"}
		return "empty", v, nil
	}
	v.Trouble = &trouble{words.Text("web.nothing_text"), "nfacct import"}
	if found, err := s.findings(); err == nil {
		for _, f := range found {
			if f.Level != health.OK && f.Remedy != "" {
				v.Trouble = &trouble{f.Subject + ": " + f.Text, f.Remedy}
				break
			}
		}
	}
	return "empty", v, nil
}

func (s *Server) month(ctx context.Context, store Store, m archive.Month, first, last archive.Day) (*month, error) {
	totals, err := store.DayTotals(ctx, m.First(), m.Last())
	if err != nil {
		return nil, err
	}
	books, err := store.Books(ctx, m.First(), m.Last())
	if err != nil {
		return nil, err
	}
	lost := map[archive.Day]bool{}
	for i := range books {
		if books[i].LostRecords > 0 || books[i].KernelDropped > 0 || books[i].SpoolLost > 0 || books[i].NoTemplate > 0 {
			lost[books[i].Day] = true
		}
	}
	out := &month{Month: m.String()}
	byDay := map[archive.Day]archive.DayTotal{}
	for _, t := range totals {
		byDay[t.Day] = t
		total := t.UpBytes + t.DownBytes
		out.Up, out.Down, out.Total = out.Up+t.UpBytes, out.Down+t.DownBytes, out.Total+total
		out.Biggest = max(out.Biggest, total)
		line := dayLine{Day: t.Day.String(), Words: s.dayWords(t.Day), Hosts: t.Hosts, Up: t.UpBytes, Down: t.DownBytes, Total: total}
		if t.Hosts > 0 {
			line.Average = total / t.Hosts
		}
		out.Days = append(out.Days, line)
	}
	if len(totals) > 0 {
		out.Average = out.Total / uint64(len(totals))
	}
	if first.Before(m.First()) {
		out.Before = archive.MonthOf(m.First().Add(-1)).String()
	}
	if m.Last().Before(last) {
		out.After = archive.MonthOf(m.Last().Add(1)).String()
	}
	for i := 1; i <= 7; i++ {
		out.Weekdays = append(out.Weekdays, s.deps.Words.Weekday(time.Weekday(i%7)))
	}
	today := archive.DayOf(s.deps.Now().In(s.deps.Location))
	begin := (int(time.Date(m.Year, m.Month, 1, 12, 0, 0, 0, time.UTC).Weekday()) + 6) % 7
	week := make([]cell, begin)
	for d := m.First(); !m.Last().Before(d); d = d.Add(1) {
		t, known := byDay[d]
		c := cell{Number: d.Day, Known: known}
		if known {
			c.Day, c.Total, c.Hosts = d.String(), t.UpBytes+t.DownBytes, t.Hosts
			c.Heat = 1 + int(4*share(c.Total, out.Biggest))
		}
		between := !d.Before(first) && d.Before(today)
		c.Missing = between && !known || lost[d] || known && d == today
		if week = append(week, c); len(week) == 7 {
			out.Weeks, week = append(out.Weeks, week), nil
		}
	}
	if len(week) > 0 {
		out.Weeks = append(out.Weeks, append(week, make([]cell, 7-len(week))...))
	}
	return out, nil
}
