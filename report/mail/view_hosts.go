package mail

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"strings"

	"nfacct/report"
	"nfacct/report/chart"
)

// offenders are those over their quotas.
func (v *view) offenders() {
	list := v.Usage.Offenders
	if len(list) == 0 {
		return
	}
	t := &table{Heading: v.text("over"), Columns: head(v.text("over.who"), v.text("over.used"), v.text("over.bound"), "")}
	for i := range list[:min(len(list), mostOffenders)] {
		o := &list[i]
		name, note := short(o.Name, 40), ""
		if len(o.Names) > 0 {
			name, note = short(o.Names[0], 40), short(o.Name, 40)
		}
		bound := o.Bound()
		note = join(note, group(o.Group), v.text("over."+o.Subject), v.text("over.per_"+o.QuotaState.Period, short(o.Quota, 40)), o.MonthText(&v.Usage.Period, v.words))
		if o.State != "" {
			note = join(note, v.words.Text("sheet."+o.State))
		}
		if o.QuotaState.Period == "day" && v.Usage.Period.Kind != report.KindDay {
			note = join(note, v.text("over.worst", o.Day))
		}
		if o.Days > 1 {
			note = join(note, v.words.Plural("days", uint64(o.Days)))
		}
		share := ""
		if bound > 0 {
			share = v.words.Percent(o.Part())
		}
		t.Rows = append(t.Rows, row{Name: name, Note: note, Cells: []cell{
			{Text: v.bytes(o.Used)}, {Text: v.bytes(bound)}, {Text: share, Bad: o.State == report.QuotaHard},
		}})
	}
	if n := len(list) - mostOffenders; n > 0 {
		t.More = v.more(n)
	}
	v.Offenders = t
}

// join puts notes beside each other.
func join(parts ...string) string {
	var full []string
	for _, part := range parts {
		if part != "" {
			full = append(full, part)
		}
	}
	return strings.Join(full, " · ")
}

func group(name *string) string {
	if name == nil {
		return ""
	}
	return short(*name, 40)
}

// called is what a host is shown as: its name and beside it the address, or the
// address alone.
func called(h *report.Host) (name, note string) {
	for _, candidate := range h.Names {
		if name = short(candidate, 40); name != "" {
			return name, short(h.Host, 45)
		}
	}
	return short(h.Host, 45), "–"
}

// hosts is the table of the biggest hosts, with Others and the total.
func (v *view) hosts() error {
	u := v.Usage
	t := &table{Heading: v.text("hosts.heading"), Columns: head(v.text("host"), v.text("down"), v.text("up"), v.text("total"))}
	if u.HostCount() > v.rows {
		t.Heading = v.text("hosts.top", v.number(uint64(v.rows)), v.number(uint64(u.HostCount())))
	}
	top := u.Hosts[0].Bytes()
	shown := min(len(u.Hosts), v.rows)
	others := u.Others(shown)
	for i := range u.Hosts[:shown] {
		h := &u.Hosts[i]
		name, address := called(h)
		r := row{Name: name, Note: join(address, short(h.NamesByTime(&u.Period), 200), group(h.Group)), Habits: v.habits(h), Color: rgb(chart.Others), Cells: v.figures(h.DownBytes, h.UpBytes, false)}
		if i < len(chart.Series) {
			r.Color = rgb(chart.Series[i])
		}
		if top > 0 {
			r.Bar = max(1, int(math.Round(100*float64(h.Bytes())/float64(top))))
		}
		r.Badges = v.badges(h)
		t.Rows = append(t.Rows, r)
		v.parts(t, h)
	}
	if n := u.HostCount() - shown; n > 0 {
		t.Rows = append(t.Rows, row{Name: v.plural("others", n), Cells: v.figures(others.DownBytes, others.UpBytes, false)})
	}
	t.Rows = append(t.Rows, row{Name: v.text("total"), Cells: v.figures(u.Totals.DownBytes, u.Totals.UpBytes, true)})
	if n := len(u.SharedHosts); n > 0 {
		t.More = v.words.Plural("text.shared", uint64(n))
	}
	v.Hosts = t
	return v.topHosts(t)
}

// parts are the rows below a host that several routers charged.
func (v *view) parts(t *table, h *report.Host) {
	for i := range h.Routers {
		p := &h.Routers[i]
		if i == mostOf {
			t.Rows = append(t.Rows, row{Name: v.more(len(h.Routers) - i)})
			break
		}
		t.Rows = append(t.Rows, row{Name: "– " + short(h.Host, 45), Note: short(p.Router, 40), Cells: v.figures(p.DownBytes, p.UpBytes, false)})
	}
}

// figures are the cells of a host: down, up, total with its share.
func (v *view) figures(down, up uint64, total bool) []cell {
	share := ""
	if all := v.Totals.Bytes(); all > 0 && !total {
		share = v.words.Percent(float64(down+up) / float64(all))
	}
	return []cell{{Text: v.bytes(down)}, {Text: v.bytes(up)}, {Text: v.bytes(down + up), Note: share, Bold: true}}
}

// mostTops is how many top peers and services of a host are shown.
const mostTops = 3

// habits are lines that say when and with what a host was busiest, and with whom.
func (v *view) habits(h *report.Host) []string {
	var lines []string
	add := func(parts ...string) {
		if line := join(parts...); line != "" {
			lines = append(lines, line)
		}
	}
	busiest, direct := "", ""
	if h.BusiestHour != nil {
		busiest = v.text("busiest", v.clock(*h.BusiestHour))
	}
	if h.ProxiedBytes != nil && h.DirectShare != nil && *h.ProxiedBytes > 0 {
		direct = v.text("direct", v.words.Percent(*h.DirectShare))
	}
	add(busiest, direct, v.words.Plural("flows", h.Flows), v.words.Plural("peers", h.Peers), v.text("cumulative", v.words.Percent(h.CumulativeShare)))
	var tops []string
	for i := range h.TopServices[:min(mostTops, len(h.TopServices))] {
		if s := &h.TopServices[i]; h.Bytes() > 0 {
			tops = append(tops, short(s.Name, 20)+noBreak+v.words.Percent(float64(s.Bytes())/float64(h.Bytes())))
		}
	}
	add(tops...)
	tops = nil
	for i := range h.TopPeers[:min(mostTops, len(h.TopPeers))] {
		p := &h.TopPeers[i]
		tops = append(tops, short(cmp.Or(p.Name, p.Peer), 45)+noBreak+v.bytes(p.Bytes()))
	}
	add(tops...)
	return lines
}

func (v *view) badges(h *report.Host) []string {
	var badges []string
	if h.New {
		badges = append(badges, v.text("badge.new"))
	}
	if h.NotInDHCP {
		badges = append(badges, v.text("badge.no_lease"))
	}
	if h.Quota != nil && h.Quota.State != report.QuotaKept && h.Quota.State != "" {
		badges = append(badges, v.text("badge.over"))
	}
	if h.WeakDownload() {
		badges = append(badges, v.text("badge.weak"))
	}
	return badges
}

func rgb(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
