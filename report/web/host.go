package web

import (
	"html/template"
	"net/http"
	"net/netip"
	"net/url"

	"nfacct/archive"
	"nfacct/report/chart"
)

// hostPage is a host in a month.
type hostPage struct {
	named
	Month, Before, After string
	Lines                []dayLine
	Up, Down, Total      uint64
	Compared             *compared
	Names                []nameLine // when it had more than one
	Chart                template.HTML
	Asks                 []ask // questions about it
	Estimated            string
	Parts                []partLine
	Weak                 bool
}

// ask is a question that is ready to be asked.
type ask struct{ Text, URL string }

func (s *Server) host(r *http.Request) (string, *view, error) {
	ctx := r.Context()
	addr, err := addressOf(r.PathValue("host"))
	if err != nil {
		return s.wrong(err.Error())
	}
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
	if text := r.URL.Query().Get("month"); text != "" {
		if m, err = archive.ParseMonth(text); err != nil {
			return s.wrong(err.Error())
		}
	}
	names, err := s.names(ctx, archive.SlotStart(m.Last().Add(1), 0, s.deps.Location))
	if err != nil {
		return "", nil, err
	}
	out := &hostPage{named: named{addr, clean(names[addr])}, Month: m.String()}
	if first.Before(m.First()) {
		out.Before = archive.MonthOf(m.First().Add(-1)).String()
	}
	if m.Last().Before(last) {
		out.After = archive.MonthOf(m.Last().Add(1)).String()
	}
	title := addr.String()
	if out.Name != "" {
		title = out.Name + " · " + title
	}
	v := &view{Title: title, Nav: "calendar", Data: out}
	from := archive.MonthOf(m.First().Add(-1)).First()
	days, err := store.DaysOfHost(ctx, addr, from, m.Last())
	if err != nil {
		return "", nil, err
	}
	bars := chart.Bars{Width: 900, Height: 200, Unit: s.deps.Words.Bytes, Stacks: []chart.Stack{
		{Color: chart.Down, Values: make([]uint64, m.Last().Day)}, {Color: chart.Up, Values: make([]uint64, m.Last().Day)}}}
	for d := m.First(); !m.Last().Before(d); d = d.Add(1) {
		label := ""
		if d.Day == 1 || d.Day%5 == 0 {
			label = d.String()[8:]
		}
		bars.Labels = append(bars.Labels, label)
	}
	for _, d := range days {
		total := d.UpBytes + d.DownBytes
		if d.Day.Before(m.First()) {
			continue
		}
		out.Up, out.Down, out.Total = out.Up+d.UpBytes, out.Down+d.DownBytes, out.Total+total
		out.Lines = append(out.Lines, dayLine{Day: d.Day.String(), Words: s.dayWords(d.Day), Up: d.UpBytes, Down: d.DownBytes, Total: total})
		bars.Stacks[0].Values[d.Day.Day-1], bars.Stacks[1].Values[d.Day.Day-1] = d.DownBytes, d.UpBytes
	}
	if len(out.Lines) == 0 {
		v.Trouble = &trouble{s.deps.Words.Text("web.host_unknown", addr.String(), m.String()), "nfacct query --month " + m.String() + " --group-by host"}
		return "empty", v, nil
	}
	if out.Estimated, err = s.estimated(ctx, store, m.First(), m.Last()); err != nil {
		return "", nil, err
	}
	parts, err := readParts(ctx, store, m.First(), m.Last(), func(host netip.Addr) bool { return host == addr })
	if err != nil {
		return "", nil, err
	}
	out.Parts, out.Weak = parts.of[addr], parts.weak[addr] > out.Down/tolerated
	out.Chart = s.svg(bars, title)
	if out.Compared, err = s.compare(ctx, store, m, days); err != nil {
		return "", nil, err
	}
	if out.Names, err = s.namesOver(ctx, addr, m); err != nil {
		return "", nil, err
	}
	for _, by := range []string{"peer", "service", "day,hour", "proto", "peer,peer_port"} {
		q := url.Values{"month": {m.String()}, "host": {addr.String()}, "group": {by}, "limit": {"100"}}
		out.Asks = append(out.Asks, ask{by, "/query?" + q.Encode()})
	}
	rows := url.Values{"month": {m.String()}, "host": {addr.String()}, "show": {"rows"}}
	out.Asks = append(out.Asks, ask{s.deps.Words.Text("web.show_rows"), "/query?" + rows.Encode()})
	return "host", v, nil
}
