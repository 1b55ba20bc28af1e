package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"nfacct/report"
)

// nowPage is who uses the line now.
type nowPage struct {
	Minutes  int
	Spans    []int
	By       string
	Fields   []string
	Hold     bool // it does not refresh itself
	From, To string
	Lines    []nowLine
	Others   nowLine
	Left     uint64
	Total    nowLine
}

type nowLine struct {
	Key            string
	Host           netip.Addr // by host
	Name           string
	Up, Down, Bits uint64
	Flows          uint64
}

// nowSpans are the minutes that can be asked for.
var nowSpans = []int{1, 5, 15}

const (
	nowLines = 50
	// nowFresh is for how long figures are shown again, and nowRefresh after how many
	// seconds the page asks for newer ones.
	nowFresh   = 5 * time.Second
	nowRefresh = 10
)

// nowMade are figures that were made a moment ago, by what was asked and who asked:
// many who look cost what one does.
type nowMade struct {
	mu   sync.Mutex
	made map[string]*report.Top
}

func (s *Server) now(r *http.Request) (string, *view, error) {
	words, query := s.deps.Words, r.URL.Query()
	out := &nowPage{Spans: nowSpans, Fields: report.TopFields, By: cmp.Or(query.Get("by"), "host"), Hold: query.Get("hold") == "yes"}
	var err error
	if out.Minutes, err = strconv.Atoi(cmp.Or(query.Get("minutes"), "5")); err != nil || !slices.Contains(nowSpans, out.Minutes) || !slices.Contains(report.TopFields, out.By) {
		return s.wrong(words.Text("web.bad_now"))
	}
	v := &view{Title: words.Text("web.now"), Nav: "now", Data: out}
	top, err := s.top(r.Context(), out.By, out.Minutes)
	if err != nil {
		return "", nil, err
	}
	if !out.Hold {
		v.Refresh = nowRefresh
	}
	out.From, out.To = top.From.In(s.deps.Location).Format("15:04:05"), top.Until.In(s.deps.Location).Format("15:04:05")
	rows, others, left := top.Rows(nowLines)
	names := map[netip.Addr]string{}
	if out.By == "host" {
		// A page of now does without names when the database is down.
		if names, err = s.names(r.Context(), top.Until); err != nil {
			s.deps.Log.Debug("no names", "err", err)
		}
	}
	for i := range rows {
		out.Lines = append(out.Lines, nowLineOf(&rows[i], names))
	}
	out.Others, out.Left = nowLineOf(&others, nil), uint64(left)
	for _, line := range append(slices.Clone(out.Lines), out.Others) {
		out.Total.Up, out.Total.Down, out.Total.Bits, out.Total.Flows = out.Total.Up+line.Up, out.Total.Down+line.Down, out.Total.Bits+line.Bits, out.Total.Flows+line.Flows
	}
	if len(out.Lines) == 0 {
		v.Trouble = &trouble{words.Text("web.now_silent"), "nfacct status"}
	}
	return "now", v, nil
}

func nowLineOf(row *report.TopRow, names map[netip.Addr]string) nowLine {
	return nowLine{Key: clean(row.Key), Host: row.Host, Name: clean(names[row.Host]), Up: row.UpBytes, Down: row.DownBytes, Bits: row.BitsPerSecond, Flows: row.Flows}
}

// top adds up what hosts that the visitor may see moved in the last minutes.
func (s *Server) top(ctx context.Context, by string, minutes int) (*report.Top, error) {
	key := fmt.Sprint(by, " ", minutes)
	if v := visitorOf(ctx); v.limited() && v != nil {
		key += " " + strings.Join(v.Departments, "\x00")
	}
	s.made.mu.Lock()
	defer s.made.mu.Unlock()
	until := s.deps.Now()
	for key, made := range s.made.made {
		if until.Sub(made.Until).Abs() > nowFresh {
			delete(s.made.made, key)
		}
	}
	if made := s.made.made[key]; made != nil {
		return made, nil
	}
	from := until.Add(-time.Duration(minutes) * time.Minute)
	top, err := report.NewTop(by, from, until)
	if err != nil {
		return nil, err
	}
	if err := s.live(ctx, from, top.Reset, top.Add); err != nil {
		return nil, err
	}
	if s.made.made == nil {
		s.made.made = map[string]*report.Top{}
	}
	s.made.made[key] = top
	return top, nil
}
