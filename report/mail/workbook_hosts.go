package mail

import (
	"strings"
	"time"

	"nfacct/report"
)

// hosts is every host.
func (w *workbook) hosts() error {
	s, err := w.sheet("hosts", []sheetColumn{
		{w.text("address"), plain, 18}, {w.text("name"), plain, 26}, {w.text("names"), plain, 20}, {w.text("group"), plain, 16},
		{w.text("down"), count, 16}, {w.text("up"), count, 16}, {w.text("total"), count, 16},
		{w.text("share"), percent, 9}, {w.text("cumulative"), percent, 11}, {w.text("flows"), count, 11}, {w.text("peers"), count, 9},
		{w.text("busiest"), moment, 17}, {w.text("offset"), plain, 10}, {w.text("busiest_bytes"), count, 15}, {w.text("peer"), plain, 40}, {w.text("service"), plain, 28},
		{w.text("proxied"), count, 16}, {w.text("direct"), percent, 11}, {w.text("users"), plain, 18},
		{w.text("new"), plain, 7}, {w.text("no_lease"), plain, 9},
		{w.text("quota"), plain, 16}, {w.text("quota_used"), count, 15}, {w.text("quota_share"), percent, 10}, {w.text("state"), plain, 18},
		{w.text("weak"), count, 16},
	})
	if err != nil {
		return err
	}
	err = w.u.EachHost(func(h *report.Host) error {
		name, others := "", joined("")
		if len(h.Names) > 0 {
			name, others = h.Names[0], w.list(h.Names[1:])
		}
		if changed := h.NamesByTime(&w.u.Period); changed != "" {
			others = joined(changed)
		}
		values := []any{h.Host, name, others, h.Group, h.DownBytes, h.UpBytes, h.Bytes(), h.Share, h.CumulativeShare, h.Flows, h.Peers,
			w.local(h.BusiestHour), nil, nil, w.topPeers(h), w.topServices(h), h.ProxiedBytes, h.DirectShare, w.list(h.ProxyUsers), w.yes(h.New), w.yes(h.NotInDHCP), nil, nil, nil, nil, bound(h.WeakBytes)}
		if h.BusiestHour != nil {
			values[12], values[13] = w.offset(*h.BusiestHour), h.BusiestHourBytes
		}
		if q := h.Quota; q != nil {
			values[21], values[22], values[23], values[24] = q.Quota, q.Used, q.Part(), w.state(q.State)
		}
		return s.add(values...)
	})
	if err != nil {
		return err
	}
	t := &w.u.Totals
	if err := s.total(w.words.Text("mail.total"), "", "", "", t.DownBytes, t.UpBytes, t.Bytes(), nil, nil, t.Flows, nil, nil, nil, nil, "", "", t.ProxiedBytes); err != nil {
		return err
	}
	return s.end(w.u.HostCount())
}

// hostsByRouter is what each router charged to the hosts that several did.
func (w *workbook) hostsByRouter() error {
	if len(w.u.SharedHosts) == 0 {
		return nil
	}
	s, err := w.sheet("hosts_routers", []sheetColumn{{w.text("address"), plain, 18}, {w.text("router"), plain, 24},
		{w.text("down"), count, 16}, {w.text("up"), count, 16}, {w.text("total"), count, 16}})
	if err != nil {
		return err
	}
	n := 0
	for i := range w.u.SharedHosts {
		h := &w.u.SharedHosts[i]
		for j := range h.Routers {
			p := &h.Routers[j]
			if err := s.add(h.Host, p.Router, p.DownBytes, p.UpBytes, p.Bytes()); err != nil {
				return err
			}
			n++
		}
	}
	return s.end(n)
}

// topPeers and topServices are the biggest of a host in a cell.
func (w *workbook) topPeers(h *report.Host) joined {
	var tops []string
	for i := range h.TopPeers {
		p := &h.TopPeers[i]
		name := p.Peer
		if p.Name != "" {
			name = short(p.Name, 30) + " (" + p.Peer + ")"
		}
		tops = append(tops, name+" "+w.words.Bytes(p.Bytes()))
	}
	return joined(strings.Join(tops, "; "))
}

func (w *workbook) topServices(h *report.Host) joined {
	var tops []string
	for i := range h.TopServices {
		s := &h.TopServices[i]
		tops = append(tops, short(s.Name, 30)+" "+w.words.Bytes(s.Bytes()))
	}
	return joined(strings.Join(tops, "; "))
}

// mostCell is how many letters a cell may hold: Excel takes 32,767.
const mostCell = 32_000

// joined is a text made of several, which a cell holds whole.
type joined string

// list is several names in a cell. What Excel has no room for is counted.
func (w *workbook) list(names []string) joined {
	var b strings.Builder
	for i, name := range names {
		if name = short(name, 60); i > 0 {
			name = ", " + name
		}
		if b.Len()+len(name) > mostCell {
			b.WriteString(", " + w.words.Plural("text.more", uint64(len(names)-i)))
			break
		}
		b.WriteString(name)
	}
	return joined(b.String())
}

func (w *workbook) yes(is bool) string {
	if is {
		return w.text("yes")
	}
	return ""
}

func (w *workbook) state(state string) string {
	if state == "" {
		return ""
	}
	return w.text(state)
}

// mostColumns is how many columns a sheet can have: 16,384.
const mostColumns = 1 << 14

// hostsByTime has a row for each host and a column for each hour or day.
func (w *workbook) hostsByTime() error {
	columns := []sheetColumn{{w.text("address"), plain, 18}, {w.text("name"), plain, 26}}
	seen := map[string]int{}
	for i := range w.u.Buckets[:min(len(w.u.Buckets), mostColumns-2)] {
		if w.u.ToCome(&w.u.Buckets[i]) {
			break
		}
		head := w.u.Buckets[i].Start
		if loc, err := time.LoadLocation(w.u.Timezone); err == nil {
			head = head.In(loc)
		}
		text := head.Format("2006-01-02")
		if w.u.Period.Kind == report.KindDay {
			text = report.Clock(head)
		}
		// When clocks go back an hour comes twice, and heads of a table are unique.
		if seen[text]++; seen[text] > 1 {
			text = head.Format("15:04 MST")
		}
		columns = append(columns, sheetColumn{text, count, 13})
	}
	s, err := w.sheet("hosts_hours", columns)
	if err != nil {
		return err
	}
	err = w.u.EachHost(func(h *report.Host) error {
		values := make([]any, 2, len(columns))
		values[0], values[1] = h.Host, ""
		if len(h.Names) > 0 {
			values[1] = h.Names[0]
		}
		for i, n := range h.Buckets[:min(len(h.Buckets), len(columns)-2)] {
			if w.u.Buckets[i].NoData {
				values = append(values, nil)
			} else {
				values = append(values, n)
			}
		}
		return s.add(values...)
	})
	if err != nil {
		return err
	}
	return s.end(w.u.HostCount())
}
