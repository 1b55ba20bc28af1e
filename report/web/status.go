package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"nfacct/archive"
	"nfacct/report/health"
)

// statusPage is how nfacct does.
type statusPage struct {
	Findings []finding
	Excluded []excluded
	Span     string // days of the books below
	Down     string // why the database does not answer
}

type finding struct {
	health.Finding
	When string
}

type excluded struct {
	Rule           string
	Bytes, Records uint64
}

// lookBack is how many days the books of the page go back.
const lookBack = 30

// statusWait is how long the page of the state waits for a database, which it can do
// without.
const statusWait = 2 * time.Second

// status needs no database: what the collector sees is known without.
func (s *Server) status(r *http.Request) (string, *view, error) {
	out := &statusPage{}
	v := &view{Title: s.deps.Words.Text("web.status"), Nav: "status", Data: out}
	found, err := s.findings()
	if err != nil {
		found = append(found, health.Finding{ID: "status", Level: health.Fail, Subject: "status", Text: err.Error(), Remedy: "nfacct status"})
	}
	for _, f := range found {
		line := finding{Finding: f}
		if !f.Since.IsZero() {
			line.When = f.Since.In(s.deps.Location).Format("2006-01-02 15:04:05")
		}
		out.Findings = append(out.Findings, line)
	}
	ctx, cancel := context.WithTimeout(r.Context(), statusWait)
	defer cancel()
	if err := s.books(ctx, out); err != nil {
		out.Down = err.Error()
		if ctx.Err() != nil {
			out.Down = s.deps.Words.Text("web.no_answer", statusWait.String())
		}
	}
	return "status", v, nil
}

func (s *Server) books(ctx context.Context, out *statusPage) error {
	store, _, err := s.archiveFor(ctx)
	if err != nil {
		return err
	}
	to := archive.DayOf(s.deps.Now().In(s.deps.Location))
	from := to.Add(-lookBack)
	if visitorOf(ctx).limited() {
		return nil // what rules leave out is of all hosts
	}
	out.Span = from.String() + " – " + to.String()
	books, err := store.Books(ctx, from, to)
	if err != nil {
		return err
	}
	rules := map[string]archive.Counts{}
	for i := range books {
		for rule, c := range books[i].Excluded {
			rules[rule] = rules[rule].Plus(c)
		}
	}
	for rule, c := range rules {
		out.Excluded = append(out.Excluded, excluded{rule, c.Bytes, c.Records})
	}
	slices.SortFunc(out.Excluded, func(a, b excluded) int {
		if a.Bytes != b.Bytes {
			return map[bool]int{true: -1, false: 1}[a.Bytes > b.Bytes]
		}
		return map[bool]int{true: -1, false: 1}[a.Rule < b.Rule]
	})
	return nil
}
