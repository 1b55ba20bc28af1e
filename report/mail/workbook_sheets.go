package mail

import (
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/report"
)

// hosts is every host.
func (w *workbook) hosts() error {
	s, err := w.sheet("hosts", []sheetColumn{
		{w.text("address"), plain, 18}, {w.text("name"), plain, 26}, {w.text("names"), plain, 20}, {w.text("group"), plain, 16},
		{w.text("down"), count, 16}, {w.text("up"), count, 16}, {w.text("total"), count, 16},
		{w.text("share"), percent, 9}, {w.text("cumulative"), percent, 11}, {w.text("flows"), count, 11}, {w.text("peers"), count, 9},
		{w.text("busiest"), moment, 17}, {w.text("busiest_bytes"), count, 15}, {w.text("peer"), plain, 24}, {w.text("service"), plain, 14},
		{w.text("proxied"), count, 16}, {w.text("direct"), percent, 11}, {w.text("users"), plain, 18},
		{w.text("new"), plain, 7}, {w.text("no_lease"), plain, 9},
		{w.text("quota"), plain, 16}, {w.text("quota_used"), count, 15}, {w.text("quota_share"), percent, 10}, {w.text("state"), plain, 18},
	})
	if err != nil {
		return err
	}
	for i := range w.u.Hosts {
		h := &w.u.Hosts[i]
		name, others := "", ""
		if len(h.Names) > 0 {
			name, others = h.Names[0], list(h.Names[1:])
		}
		values := []any{h.Host, name, others, h.Group, h.DownBytes, h.UpBytes, h.Bytes(), h.Share, h.CumulativeShare, h.Flows, h.Peers,
			w.local(h.BusiestHour), nil, "", "", h.ProxiedBytes, h.DirectShare, list(h.ProxyUsers), w.yes(h.New), w.yes(h.NotInDHCP), nil, nil, nil, nil}
		if h.BusiestHour != nil {
			values[12] = h.BusiestHourBytes
		}
		if len(h.TopPeers) > 0 {
			values[13] = h.TopPeers[0].Peer
			if name := h.TopPeers[0].Name; name != "" {
				values[13] = name + " (" + h.TopPeers[0].Peer + ")"
			}
		}
		if len(h.TopServices) > 0 {
			values[14] = h.TopServices[0].Name
		}
		if q := h.Quota; q != nil {
			values[20], values[21], values[22], values[23] = q.Quota, q.Used, q.Share, w.state(q.State)
		}
		if err := s.add(values...); err != nil {
			return err
		}
	}
	t := &w.u.Totals
	if err := s.total(w.words.Text("mail.total"), "", "", "", t.DownBytes, t.UpBytes, t.Bytes(), nil, nil, t.Flows, nil, nil, nil, "", "", t.ProxiedBytes); err != nil {
		return err
	}
	return s.end(len(w.u.Hosts))
}

// list is several names in a cell.
func list(names []string) string {
	if len(names) > 5 {
		names = names[:5]
	}
	cut := make([]string, len(names))
	for i, name := range names {
		cut[i] = short(name, 60)
	}
	return strings.Join(cut, ", ")
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

// local is an instant on the clock of the report.
func (w *workbook) local(t *time.Time) any {
	if t == nil || t.IsZero() {
		return nil
	}
	if loc, err := time.LoadLocation(w.u.Timezone); err == nil {
		return t.In(loc)
	}
	return *t
}

// course is the whole traffic by hour or day.
func (w *workbook) course() error {
	s, err := w.sheet("hours", []sheetColumn{{w.text("start"), moment, 18}, {w.text("down"), count, 16}, {w.text("up"), count, 16},
		{w.text("total"), count, 16}, {w.text("proxied"), count, 16}, {w.text("offset"), plain, 10}})
	if err != nil {
		return err
	}
	for i := range w.u.Buckets {
		b := &w.u.Buckets[i]
		var proxied any
		if w.u.Proxy != nil {
			proxied = b.ProxiedBytes
		}
		if err := s.add(w.local(&b.Start), b.DownBytes, b.UpBytes, b.Bytes(), proxied, w.offset(b.Start)); err != nil {
			return err
		}
	}
	return s.end(len(w.u.Buckets))
}

// mostColumns is how many columns a sheet can have: 16,384.
const mostColumns = 1 << 14

// hostsByTime has a row for each host and a column for each hour or day.
func (w *workbook) hostsByTime() error {
	columns := []sheetColumn{{w.text("address"), plain, 18}, {w.text("name"), plain, 26}}
	seen := map[string]int{}
	for i := range w.u.Buckets[:min(len(w.u.Buckets), mostColumns-2)] {
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
	for i := range w.u.Hosts {
		h := &w.u.Hosts[i]
		values := make([]any, 2, len(columns))
		values[0], values[1] = h.Host, ""
		if len(h.Names) > 0 {
			values[1] = h.Names[0]
		}
		for _, n := range h.Buckets[:min(len(h.Buckets), len(columns)-2)] {
			values = append(values, n)
		}
		if err := s.add(values...); err != nil {
			return err
		}
	}
	return s.end(len(w.u.Hosts))
}

func (w *workbook) departments() error {
	s, err := w.sheet("groups", []sheetColumn{{w.text("group"), plain, 24}, {w.words.Text("mail.hosts"), count, 9}, {w.text("down"), count, 16}, {w.text("up"), count, 16},
		{w.text("total"), count, 16}, {w.text("share"), percent, 9}, {w.text("proxied"), count, 16}, {w.text("quota"), plain, 16},
		{w.text("quota_used"), count, 15}, {w.text("quota_share"), percent, 10}, {w.text("state"), plain, 18}})
	if err != nil {
		return err
	}
	for i := range w.u.Departments {
		d := &w.u.Departments[i]
		name := d.Name
		if name == "" {
			name = w.words.Text("mail.group.none")
		}
		values := []any{name, uint64(d.Hosts), d.DownBytes, d.UpBytes, d.Bytes(), d.Share, d.ProxiedBytes, nil, nil, nil, nil}
		if q := d.Quota; q != nil {
			values[7], values[8], values[9], values[10] = q.Quota, q.Used, q.Share, w.state(q.State)
		}
		if err := s.add(values...); err != nil {
			return err
		}
	}
	return s.end(len(w.u.Departments))
}

func (w *workbook) offenders() error {
	s, err := w.sheet("over", []sheetColumn{{w.text("who"), plain, 24}, {w.text("name"), plain, 26}, {w.text("kind"), plain, 14}, {w.text("group"), plain, 16}, {w.text("quota"), plain, 16},
		{w.text("quota_used"), count, 16}, {w.text("soft_bound"), count, 16}, {w.text("hard_bound"), count, 16}, {w.text("quota_share"), percent, 10},
		{w.text("state"), plain, 18}, {w.text("day"), plain, 12}, {w.text("days_over"), count, 8}})
	if err != nil {
		return err
	}
	for i := range w.u.Offenders {
		o := &w.u.Offenders[i]
		err := s.add(o.Name, list(o.Names), w.words.Text("mail.over."+o.Subject), o.Group, o.Quota, o.Used, bound(o.Soft), bound(o.Hard), o.Share, w.state(o.State), o.Day, o.Days)
		if err != nil {
			return err
		}
	}
	return s.end(len(w.u.Offenders))
}

// bound is a quota's; 0 is none.
func bound(n uint64) any {
	if n == 0 {
		return nil
	}
	return n
}

func (w *workbook) books() error {
	columns := []sheetColumn{{w.text("day"), date, 12}, {w.text("router"), plain, 18}}
	for _, key := range []string{"datagrams", "records", "bytes", "lost", "dropped", "unspooled", "rejected", "class_up", "class_down", "router_local", "internal", "transit", "unattributed", "left_out", "loaded", "loaded_bytes"} {
		columns = append(columns, sheetColumn{w.text(key), count, 15})
	}
	s, err := w.sheet("books", append(columns, sheetColumn{w.text("difference"), plain, 30}))
	if err != nil {
		return err
	}
	for i := range w.u.Books {
		b := &w.u.Books[i]
		var rejected uint64
		for _, n := range b.Rejected {
			rejected += n
		}
		var excluded archive.Counts
		for _, n := range b.Excluded {
			excluded = excluded.Plus(n)
		}
		c := &b.Classes
		day := time.Date(b.Day.Year, b.Day.Month, b.Day.Day, 0, 0, 0, 0, time.UTC)
		err := s.add(day, b.Router, b.Datagrams, b.Records, b.Bytes, b.LostRecords, b.KernelDropped, b.SpoolLost, rejected, c.Up.Records, c.Down.Records,
			c.RouterLocal.Records, c.Internal.Records, c.Transit.Records, c.Unattributed.Records, excluded.Records, b.Loaded.Records, b.Loaded.Bytes, report.DifferenceText(b, w.words))
		if err != nil {
			return err
		}
	}
	return s.end(len(w.u.Books))
}

// coverage holds flows against the routers' counters, where they are known.
func (w *workbook) coverage() error {
	if len(w.u.Coverage) == 0 {
		return nil
	}
	s, err := w.sheet("coverage", []sheetColumn{{w.text("router"), plain, 18}, {w.text("interface"), plain, 18}, {w.text("start"), moment, 18}, {w.text("end"), moment, 18},
		{w.text("flow_bytes"), count, 18}, {w.text("counter_bytes"), count, 18}, {w.text("share"), percent, 10}})
	if err != nil {
		return err
	}
	for i := range w.u.Coverage {
		c := &w.u.Coverage[i]
		if err := s.add(c.Router, c.Interface, w.local(&c.From), w.local(&c.To), c.FlowBytes, c.CounterBytes, c.Share); err != nil {
			return err
		}
	}
	return s.end(len(w.u.Coverage))
}

// onlyProxied are hosts without traffic past the proxy.
func (w *workbook) onlyProxied() error {
	if w.u.Proxy == nil || len(w.u.Proxy.Only) == 0 {
		return nil
	}
	s, err := w.sheet("proxy_only", []sheetColumn{{w.text("address"), plain, 18}, {w.text("name"), plain, 26}, {w.text("names"), plain, 20}, {w.text("group"), plain, 16}, {w.text("proxied"), count, 18}})
	if err != nil {
		return err
	}
	only := w.u.Proxy.Only
	for i := range only {
		name, others := "", ""
		if len(only[i].Names) > 0 {
			name, others = only[i].Names[0], list(only[i].Names[1:])
		}
		if err := s.add(only[i].Host, name, others, only[i].Group, only[i].Bytes); err != nil {
			return err
		}
	}
	return s.end(len(only))
}

func (w *workbook) excluded() error {
	s, err := w.sheet("excluded", []sheetColumn{{w.text("rule"), plain, 24}, {w.text("records"), count, 15}, {w.text("bytes"), count, 18}})
	if err != nil {
		return err
	}
	for _, e := range w.u.Excluded {
		if err := s.add(e.Rule, e.Records, e.Bytes); err != nil {
			return err
		}
	}
	return s.end(len(w.u.Excluded))
}

// facts say what the figures are.
func (w *workbook) facts() error {
	s, err := w.sheet("facts", []sheetColumn{{w.text("fact"), plain, 24}, {w.text("value"), plain, 90}})
	if err != nil {
		return err
	}
	u := w.u
	complete := w.text("yes")
	if !u.Complete {
		complete = w.text("no")
	}
	rows := [][2]string{
		{w.text("range"), w.text("range." + u.Period.Kind)}, {w.text("from"), u.Period.From.String()}, {w.text("to"), u.Period.To.String()},
		{w.text("start"), u.Period.Start.Format(time.RFC3339)}, {w.text("zone"), u.Timezone},
		{w.text("group"), u.Group}, {w.text("complete"), complete},
	}
	if len(u.Doubts) > 0 {
		for _, doubt := range u.Doubts {
			rows = append(rows, [2]string{w.text("reason"), doubt.Text(w.words)})
		}
	} else {
		for _, reason := range u.Incomplete {
			rows = append(rows, [2]string{w.text("reason"), reason})
		}
	}
	for i := range u.OldTables {
		rows = append(rows, [2]string{w.text("old_table"), u.OldTables[i].Text(w.words)})
	}
	if u.Proxy != nil && len(u.Proxy.Unwritten) > 0 {
		rows = append(rows, [2]string{w.words.Text("mail.proxy"), u.Proxy.UnwrittenText(w.words)})
	}
	for _, rule := range u.Facts.Rules {
		rows = append(rows, [2]string{w.text("rule"), rule.Name + ": " + rule.In(w.words)})
	}
	var sources []string
	for _, source := range u.Facts.Sources {
		sources = append(sources, w.text("source."+source))
	}
	tops := w.text("tops_exact")
	if u.TopsAtLeast {
		tops = w.words.Text("mail.tops")
	}
	rows = append(rows,
		[2]string{w.text("routers"), strings.Join(u.Facts.Routers, ", ")},
		[2]string{w.text("sources"), strings.Join(sources, ", ")},
		[2]string{w.text("unit"), w.text("unit_text")},
		[2]string{w.text("tops"), tops},
		[2]string{w.text("version"), u.Facts.Version},
		[2]string{w.text("generated"), u.Facts.Generated.Format(time.RFC3339)},
	)
	for _, row := range rows {
		if err := s.add(row[0], row[1]); err != nil {
			return err
		}
	}
	return s.end(0)
}

// offset is the zone's, which tells hours apart that come twice.
func (w *workbook) offset(t time.Time) string {
	if loc, err := time.LoadLocation(w.u.Timezone); err == nil {
		t = t.In(loc)
	}
	return t.Format("UTC-07:00")
}
