package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/report"
	"nfacct/report/query"
	"nfacct/report/sheet"
)

// queryPage is the form of a question with its answer.
type queryPage struct {
	Form      map[string]string
	Fields    []formField
	Groups    []string
	Group     [2]string
	Shows     []string
	Problem   string
	Asked     bool
	Dense     bool   // many columns
	Limited   bool   // how many rows there are is of all hosts, and not said
	Estimate  uint64 // rows that will be read, about
	Seconds   uint64
	Confirm   string // the address that asks it although it takes long
	Answer    *query.Answer
	Rows      [][]rowCell
	Permalink string
	Exports   []ask
}

type formField struct{ Name, Value, Example string }

type rowCell struct {
	Text, Exact, Link string
	Number            bool
}

// examples stand in the fields of the form.
var examples = map[string]string{
	"host": "192.168.88.0/24", "peer": "!203.0.113.7", "src": "192.168.88.10", "dst": "203.0.113.0/24",
	"src_port": "1024-65535", "dst_port": "443,8443", "host_port": "3389", "peer_port": "!443", "proto": "tcp",
	"service": "!https", "router": "gw-1", "wan": "2", "department": "sales", "day": "2026-11-01..2026-11-05",
	"hour": "9-17", "weekday": "mon-fri", "slot": "0-3", "direction": "up", "bytes": ">10MiB",
}

// rowsASecond is how fast rows are read and grouped, for the estimate: a million packed
// rows grouped by host and peer took 2.1 to 2.7 s.
const rowsASecond = 400_000

// longWait is from when on a question is asked twice.
const longWait = 10

// shownMost is how many lines a page has; exports have all.
const shownMost = 5000

// values are the question of a form: group2 is the second field to group by, and
// what is of the page is not of the question.
func questionValues(form url.Values) url.Values {
	v := url.Values{}
	for key, texts := range form {
		switch key {
		case "ask", "group", "group2":
		default:
			v[key] = texts
		}
	}
	var groups []string
	for _, key := range []string{"group", "group2"} {
		for _, text := range form[key] {
			if text != "" {
				groups = append(groups, text)
			}
		}
	}
	if len(groups) > 0 {
		v.Set("group", strings.Join(groups, ","))
	}
	return v
}

func (s *Server) query(r *http.Request) (string, *view, error) {
	ctx := r.Context()
	form := r.URL.Query()
	out := &queryPage{Form: map[string]string{}, Groups: query.Groupable(), Shows: []string{"bytes", "count", "rows"}}
	for key := range form {
		out.Form[key] = strings.Join(form[key], ",")
	}
	for _, name := range query.Names() {
		out.Fields = append(out.Fields, formField{name, form.Get(name), examples[name]})
	}
	values := questionValues(form)
	one, two, _ := strings.Cut(values.Get("group"), ",")
	out.Group = [2]string{one, two}
	v := &view{Title: s.deps.Words.Text("web.query"), Nav: "query", Data: out}
	if len(form) == 0 {
		now := s.deps.Now().In(s.deps.Location)
		out.Form["month"] = archive.MonthOf(archive.DayOf(now)).String()
		out.Group[0] = "host"
		return "query", v, nil
	}
	out.Asked, out.Limited = true, visitorOf(ctx).limited()
	store, asker, err := s.archiveFor(ctx)
	if err != nil {
		return "", nil, err
	}
	setting, err := s.setting(ctx)
	if err != nil {
		return "", nil, err
	}
	q, err := query.Parse(values, setting)
	if err != nil {
		out.Problem, v.Code = err.Error(), http.StatusBadRequest
		return "query", v, nil
	}
	if q.Limit == 0 || q.Limit > shownMost {
		q.Limit = shownMost
	}
	prepared, tables, err := q.Prepare(ctx, asker, setting)
	if errors.Is(err, query.ErrNoTables) {
		v.Trouble, err = s.whyEmpty(ctx, store, q.From)
		return "query", v, err
	}
	if err != nil {
		return "", nil, err
	}
	out.Permalink = "/query?" + q.Values().Encode()
	for _, kind := range []string{"csv", "xlsx", "json"} {
		all := q.Values()
		all.Set("limit", "0")
		out.Exports = append(out.Exports, ask{strings.ToUpper(kind), "/query/answer." + kind + "?" + all.Encode()})
	}
	for _, t := range tables {
		out.Estimate += t.Rows
	}
	out.Seconds = out.Estimate / rowsASecond
	if out.Seconds >= longWait && form.Get("ask") == "" {
		again := q.Values()
		again.Set("ask", "yes")
		out.Confirm, out.Answer = "/query?"+again.Encode(), prepared
		return "query", v, nil
	}
	return "query", v, s.ask(ctx, q, asker, setting, out, v)
}

// ask runs a question for its page. Questions wait for their turn, and end when nobody
// waits for them any more.
func (s *Server) ask(ctx context.Context, q *query.Question, asker query.Asker, setting *query.Setting, out *queryPage, v *view) error {
	if err := s.heavy.Acquire(ctx, 1); err != nil {
		return err
	}
	defer s.heavy.Release(1)
	names, err := s.names(ctx, archive.SlotStart(q.To.Add(1), 0, s.deps.Location))
	if err != nil {
		return err
	}
	columns := q.Columns()
	out.Dense = q.Rows
	out.Answer, err = q.Run(ctx, asker, setting, func(values []any) error {
		line := make([]rowCell, len(values))
		for i, value := range values {
			line[i] = s.cell(columns[i].Unit, value, names, q.From, q.To)
		}
		out.Rows = append(out.Rows, line)
		return nil
	})
	if err == nil && len(out.Rows) == 0 {
		v.Trouble = &trouble{Text: s.deps.Words.Text("web.no_match")}
	}
	return err
}

// protocols are those that people know by name, as a condition takes them.
var protocols = map[uint64]string{1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "icmp6", 132: "sctp"}

// cell writes a value.
func (s *Server) cell(unit string, value any, names map[netip.Addr]string, from, to archive.Day) rowCell {
	switch v := value.(type) {
	case nil:
		return rowCell{Text: "–"}
	case uint64:
		c := rowCell{Text: fmt.Sprint(v), Exact: fmt.Sprint(v), Number: true}
		switch unit {
		case "protocol":
			if name := protocols[v]; name != "" {
				return rowCell{Text: name}
			}
			c.Number = false
		case "bytes":
			c.Text = s.deps.Words.Bytes(v)
		case "packets", "flows", "rows":
			c.Text = s.deps.Words.Number(v)
		}
		return c
	case string:
		switch unit {
		case "address":
			c := rowCell{Text: clean(v)}
			if addr, err := netip.ParseAddr(v); err == nil {
				if name := names[addr]; name != "" {
					c.Text += " (" + clean(name) + ")"
				}
				if addr.IsPrivate() {
					c.Link = "/host/" + addr.String()
				} else { // the other way: which hosts had to do with it
					c.Link = "/query?" + url.Values{"from": {from.String()}, "to": {to.String()}, "peer": {addr.String()}, "group": {"host"}}.Encode()
				}
			}
			return c
		case "service":
			var code report.ServiceCode
			if _, err := fmt.Sscanf(v, "%d/%d", &code.Proto, &code.Port); err == nil {
				return rowCell{Text: report.ServiceName(code)}
			}
		}
		return rowCell{Text: clean(v)}
	}
	return rowCell{Text: fmt.Sprint(value), Number: true}
}

// export streams the whole answer. One that breaks off has no last line, so that a
// reader sees it.
func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	kind, ok := strings.CutPrefix(r.PathValue("file"), "answer.")
	if !ok || !slices.Contains([]string{"csv", "xlsx", "json"}, kind) {
		http.NotFound(w, r)
		return
	}
	refuse := func(err error, code int) { http.Error(w, err.Error(), code) }
	_, asker, err := s.archiveFor(ctx)
	if err != nil {
		refuse(err, http.StatusServiceUnavailable)
		return
	}
	setting, err := s.setting(ctx)
	if err != nil {
		refuse(err, http.StatusServiceUnavailable)
		return
	}
	q, err := query.Parse(questionValues(r.URL.Query()), setting)
	if err != nil {
		refuse(err, http.StatusBadRequest)
		return
	}
	prepared, _, err := q.Prepare(ctx, asker, setting)
	if err != nil {
		refuse(err, http.StatusNotFound)
		return
	}
	if err := s.heavy.Acquire(ctx, 1); err != nil {
		return
	}
	defer s.heavy.Release(1)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="nfacct-%s-%s.%s"`, q.From, q.To, kind))
	w.Header().Set("Content-Type", map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/json",
		"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}[kind])
	if err := s.write(ctx, w, kind, q, prepared, asker, setting); err != nil && ctx.Err() == nil {
		s.deps.Log.Warn("export", "question", q.Values().Encode(), "err", err)
		panic(http.ErrAbortHandler) // the browser sees that the file is cut
	}
}

func (s *Server) write(ctx context.Context, w http.ResponseWriter, kind string, q *query.Question, prepared *query.Answer, asker query.Asker, setting *query.Setting) error {
	head := sheet.Head{Title: q.Title(), Facts: []sheet.Fact{
		{Name: "Days", Text: q.From.String() + " to " + q.To.String() + ", " + s.deps.Location.String()},
		{Name: "Question", Text: q.Values().Encode()},
		{Name: "SQL", Text: prepared.Ran},
		{Name: "Unit", Text: "bytes, packets and rows, exact"},
		{Name: "Asked", Text: s.deps.Now().In(s.deps.Location).Format(time.RFC3339)},
	}}
	var columns []sheet.Column
	for _, c := range prepared.Columns {
		columns = append(columns, sheet.Column(c))
	}
	var rows sheet.Writer
	var err error
	switch kind {
	case "csv":
		rows, err = sheet.NewCSV(w, head, columns)
	case "xlsx":
		rows, err = sheet.NewXLSX(w, head, columns)
	default:
		rows = &jsonRows{out: w, head: head, columns: prepared.Columns}
	}
	if err != nil {
		return err
	}
	if _, err := q.Run(ctx, asker, setting, rows.Row); err != nil {
		return err
	}
	return rows.Close()
}
