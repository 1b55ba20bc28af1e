package web

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"nfacct/archive"
	"nfacct/report/chart"
)

// dayPage is a day with its hosts.
type dayPage struct {
	Day, Before, After string
	Sort               string
	Top                int // 0: all
	Tops               []int
	Lines              []hostLine
	Others             *hostLine
	Total              hostLine
	Chart              template.HTML
	Hours              []hourLine
	Weak, Shared       bool // a host of Lines is
	Estimated          string
}

// hostLine is a host of a table.
type hostLine struct {
	named
	Up, Down, Total, Flows uint64
	Share, Running         float64
	Hosts                  int // of others
	Parts                  []partLine
	Weak                   bool
}

type hourLine struct {
	Clock           string
	Up, Down, Total uint64
}

// tops are how many hosts a table may show.
var tops = []int{10, 25, 50, 100, 0}

func (s *Server) day(r *http.Request) (string, *view, error) {
	ctx := r.Context()
	day, err := archive.ParseDay(r.PathValue("day"), s.deps.Now(), s.deps.Location)
	if err != nil {
		return s.wrong(err.Error())
	}
	form := r.URL.Query()
	out := &dayPage{Day: day.String(), Before: day.Add(-1).String(), After: day.Add(1).String(), Sort: form.Get("sort"), Top: 50, Tops: tops}
	if text := form.Get("top"); text != "" {
		if out.Top, err = strconv.Atoi(text); err != nil || !slices.Contains(tops, out.Top) {
			return s.wrong(s.deps.Words.Text("web.bad_top"))
		}
	}
	if out.Sort == "" {
		out.Sort = "total"
	}
	if !slices.Contains([]string{"total", "up", "down", "flows", "host", "name"}, out.Sort) {
		return s.wrong(s.deps.Words.Text("web.bad_sort"))
	}
	store, _, err := s.archiveFor(ctx)
	if err != nil {
		return "", nil, err
	}
	v := &view{Title: s.dayWords(day), Nav: "calendar", Data: out}
	if err := s.fillHosts(ctx, store, day, out); err != nil {
		return "", nil, err
	}
	if out.Total.Hosts == 0 {
		v.Trouble, err = s.whyEmpty(ctx, store, day)
		return "empty", v, err
	}
	var hours [25]hourLine
	most := 0
	if err := store.HostHours(ctx, day, func(h *archive.HostHour) {
		if h.Hour >= 0 && h.Hour < len(hours) {
			hours[h.Hour].Up += h.UpBytes
			hours[h.Hour].Down += h.DownBytes
			most = max(most, h.Hour)
		}
	}); err != nil {
		return "", nil, err
	}
	out.Hours, out.Chart = s.drawHours(day, hours, most, v.Title)
	return "day", v, nil
}

// fillHosts reads a day's hosts, sorts and cuts them.
func (s *Server) fillHosts(ctx context.Context, store Store, day archive.Day, out *dayPage) error {
	names, err := s.namesOf(ctx, day)
	if err != nil {
		return err
	}
	if out.Estimated, err = s.estimated(ctx, store, day, day); err != nil {
		return err
	}
	var all []hostLine
	if err := store.HostDays(ctx, day, day, func(h *archive.HostDay) {
		l := hostLine{named: named{h.Host, clean(names[h.Host])}, Up: h.UpBytes, Down: h.DownBytes, Total: h.UpBytes + h.DownBytes, Flows: h.Flows}
		all = append(all, l)
		out.Total.add(&l)
	}); err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b hostLine) int {
		by := 0
		switch out.Sort {
		case "up":
			by = cmp.Compare(b.Up, a.Up)
		case "down":
			by = cmp.Compare(b.Down, a.Down)
		case "flows":
			by = cmp.Compare(b.Flows, a.Flows)
		case "name":
			by = cmp.Or(cmp.Compare(btoi(a.Name == ""), btoi(b.Name == "")), cmp.Compare(a.Name, b.Name))
		case "total":
			by = cmp.Compare(b.Total, a.Total)
		}
		return cmp.Or(by, a.Host.Compare(b.Host))
	})
	var running uint64
	for i := range all {
		running += all[i].Total
		all[i].Share, all[i].Running = share(all[i].Total, out.Total.Total), share(running, out.Total.Total)
	}
	if out.Top > 0 && len(all) > out.Top {
		out.Others = &hostLine{}
		for i := range all[out.Top:] {
			out.Others.add(&all[out.Top+i])
		}
		out.Others.Share = share(out.Others.Total, out.Total.Total)
		all = all[:out.Top]
	}
	shown := map[netip.Addr]bool{}
	for i := range all {
		shown[all[i].Host] = true
	}
	parts, err := readParts(ctx, store, day, day, func(host netip.Addr) bool { return shown[host] })
	if err != nil {
		return err
	}
	for i := range all {
		l := &all[i]
		l.Parts, l.Weak = parts.of[l.Host], parts.weak[l.Host] > l.Down/tolerated
		out.Weak, out.Shared = out.Weak || l.Weak, out.Shared || l.Parts != nil
	}
	out.Lines = all
	return nil
}

func (l *hostLine) add(o *hostLine) {
	l.Hosts++
	l.Up, l.Down, l.Total, l.Flows = l.Up+o.Up, l.Down+o.Down, l.Total+o.Total, l.Flows+o.Flows
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// whyEmpty says why a day has no figures.
func (s *Server) whyEmpty(ctx context.Context, store Store, day archive.Day) (*trouble, error) {
	words := s.deps.Words
	first, last, err := store.DaySpan(ctx)
	if err != nil {
		return nil, err
	}
	books, err := store.Books(ctx, day, day)
	if err != nil {
		return nil, err
	}
	var records, templates, excluded uint64
	for i := range books {
		records += books[i].Records
		templates += books[i].NoTemplate
		for _, c := range books[i].Excluded {
			excluded += c.Bytes
		}
	}
	command := "nfacct books --day " + day.String()
	switch {
	case s.deps.Routers == 0 && first.IsZero():
		return &trouble{words.Text("web.no_router"), "nfacct provision --help"}, nil
	case archive.DayOf(s.deps.Now().In(s.deps.Location)).Before(day):
		return &trouble{Text: words.Text("web.to_come")}, nil
	case len(books) > 0 && excluded > 0:
		return &trouble{words.Text("web.all_excluded", words.Bytes(excluded)), command}, nil
	case len(books) > 0 && records == 0 && templates > 0:
		return &trouble{words.Text("web.no_templates", words.Number(templates)), command}, nil
	case len(books) > 0:
		return &trouble{words.Text("web.silent"), command}, nil
	case !first.IsZero() && day.Before(first):
		return &trouble{words.Text("web.before_data", first.String()), "nfacct migrate --help"}, nil
	case !first.IsZero() && day.Before(last):
		return &trouble{words.Text("web.gap"), "nfacct status"}, nil
	}
	return &trouble{words.Text("web.day_not_imported"), "nfacct import"}, nil
}

// drawHours draws the hours of a day, of which there are 23 to 25.
func (s *Server) drawHours(day archive.Day, hours [25]hourLine, most int, title string) ([]hourLine, template.HTML) {
	start, end := archive.NewCalendar(s.deps.Location).Bounds(day)
	count := max(int((end.Sub(start)+time.Hour-1)/time.Hour), most+1)
	bars := chart.Bars{Width: 900, Height: 220, Unit: s.deps.Words.Bytes, Stacks: []chart.Stack{
		{Name: s.deps.Words.Text("web.down_bytes"), Color: chart.Down}, {Name: s.deps.Words.Text("web.up_bytes"), Color: chart.Up}}}
	lines := hours[:count]
	for i := range lines {
		l := &lines[i]
		l.Total = l.Up + l.Down
		l.Clock = start.Add(time.Duration(i) * time.Hour).In(s.deps.Location).Format("15:04")
		label := ""
		if i%3 == 0 {
			label = l.Clock
		}
		bars.Labels = append(bars.Labels, label)
		bars.Stacks[0].Values = append(bars.Stacks[0].Values, l.Down)
		bars.Stacks[1].Values = append(bars.Stacks[1].Values, l.Up)
	}
	return lines, s.svg(bars, title)
}

// svg is a chart for a page. The drawing escapes its texts itself.
func (s *Server) svg(bars chart.Bars, title string) template.HTML {
	return template.HTML(bars.Layout().SVG(title))
}

// addressOf reads a host of an address line.
func addressOf(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%q is no address", text)
	}
	return addr.Unmap(), nil
}
