package query

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"nfacct/archive"
)

// Asker is the archive as questions see it. It can only read.
type Asker interface {
	// FlowTables lists what holds the flows of days: the tables that are read, and
	// those that a person would name.
	FlowTables(ctx context.Context, from, to archive.Day) (read, named []Table, err error)
	// Settings are the statements that a question begins with, as they can be pasted.
	Settings() string
	// Ask runs one statement under these settings, and hands over its rows. A value
	// that is NULL is nil. The bytes are the asker's own: they are to be copied.
	// Examined is how many rows the server has read for it. When ctx ends, so does the
	// statement in the server.
	Ask(ctx context.Context, statement string, row func(values [][]byte) error) (examined uint64, err error)
}

// Answer is what became of a question, beside its rows.
type Answer struct {
	SQL      string        // as a person would write it
	Ran      string        // as it ran
	Elapsed  time.Duration // in the server and on the way
	Examined uint64        // rows that the server has read
	Tables   []string      // that were read
	Columns  []Column
	Lines    int  // rows of the answer
	More     bool // the limit has cut it
}

// ErrNoTables says that no table holds the days of a question.
var ErrNoTables = errors.New("no flows of these days are in the database")

// Prepare finds the tables of a question and writes its texts. Nothing is read yet.
func (q *Question) Prepare(ctx context.Context, a Asker, s *Setting) (*Answer, []Table, error) {
	read, named, err := a.FlowTables(ctx, q.From, q.To)
	if err != nil {
		return nil, nil, err
	}
	answer := &Answer{Columns: q.Columns(), SQL: q.SQL(named, s), Ran: q.SQL(read, s)}
	for _, t := range read {
		answer.Tables = append(answer.Tables, t.Name)
	}
	if len(read) == 0 {
		return answer, nil, ErrNoTables
	}
	answer.Ran = a.Settings() + answer.Ran
	return answer, read, nil
}

// Run asks a question and hands over its rows: texts, numbers (uint64, int64 where
// they may be negative) and nil. The rows are those of the statement in Ran, pasted
// into a shell. Groups of several tables are summed on as many connections as there
// are processors.
func (q *Question) Run(ctx context.Context, a Asker, s *Setting, row func([]any) error) (*Answer, error) {
	began := time.Now()
	answer, tables, err := q.Prepare(ctx, a, s)
	if err != nil {
		return answer, err
	}
	defer func() { answer.Elapsed = time.Since(began) }()
	branches := q.branches(tables, s)
	if len(branches) == 0 { // the conditions leave no direction
		answer.SQL, answer.Ran = "", ""
		return answer, nil
	}
	if len(branches) > 1 && len(q.Group) > 0 && runtime.GOMAXPROCS(0) > 1 {
		lines, err := q.split(ctx, a, s, branches, answer)
		if err == nil {
			return answer, q.hand(lines, answer, row)
		}
		if !errors.Is(err, errManyGroups) {
			return answer, err
		}
	}
	return answer, q.whole(ctx, a, s, tables, answer, row)
}

// whole asks the one statement. A line more than the limit shows that there are more.
func (q *Question) whole(ctx context.Context, a Asker, s *Setting, tables []Table, answer *Answer, row func([]any) error) error {
	one := *q
	if q.Limit > 0 {
		one.Limit++
	}
	examined, err := a.Ask(ctx, one.SQL(tables, s), func(values [][]byte) error {
		if q.Limit > 0 && answer.Lines == q.Limit {
			answer.More = true
			return nil
		}
		answer.Lines++
		line := make([]any, len(values))
		for i, value := range values {
			line[i] = answer.Columns[i].read(value)
		}
		return row(line)
	})
	answer.Examined += examined
	return err
}

// read is a value of the column as text or number.
func (c *Column) read(value []byte) any {
	if value == nil {
		return nil
	}
	switch c.Unit {
	case "address", "day", "router", "service", "department":
		return string(value)
	}
	if n, err := strconv.ParseUint(string(value), 10, 64); err == nil {
		return n
	}
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return n
	}
	return string(value) // a sum beyond 64 bits
}

// hand hands over the first lines.
func (q *Question) hand(lines []line, answer *Answer, row func([]any) error) error {
	if q.Limit > 0 && len(lines) > q.Limit {
		lines, answer.More = lines[:q.Limit], true
	}
	for i := range lines {
		answer.Lines++
		if err := row(lines[i].values()); err != nil {
			return err
		}
	}
	return nil
}

// mostMerged bounds the groups that are merged here; beyond it the server does it,
// on one connection.
const mostMerged = 500_000

var errManyGroups = fmt.Errorf("more than %d groups", mostMerged)

// split sums the branches side by side and merges their groups.
func (q *Question) split(ctx context.Context, a Asker, s *Setting, branches []string, answer *Answer) ([]line, error) {
	work := make(chan string, len(branches))
	for _, text := range branches {
		work <- text
	}
	close(work)
	group, ctx := errgroup.WithContext(ctx)
	workers := min(runtime.GOMAXPROCS(0), len(branches))
	merged := make([]*merger, workers)
	examined := make([]uint64, workers)
	for n := range workers {
		m := newMerger(q)
		merged[n] = m
		group.Go(func() error {
			for text := range work {
				rows, err := a.Ask(ctx, text, m.add)
				if examined[n] += rows; err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for n, m := range merged[1:] {
		examined[0] += examined[n+1]
		if err := merged[0].merge(m); err != nil {
			return nil, err
		}
	}
	answer.Examined += examined[0]
	return merged[0].lines(q, s), nil
}

// Title names the question for exports and mails.
func (q *Question) Title() string {
	text := q.From.String()
	if q.To != q.From {
		text += " to " + q.To.String()
	}
	for _, c := range q.Conditions {
		text += ", " + c.name + " " + c.String()
	}
	var names []string
	for _, f := range q.Group {
		names = append(names, f.String())
	}
	switch {
	case q.Rows:
		text += ", rows"
	case len(names) > 0:
		text += " by " + strings.Join(names, " and ")
	}
	return text
}
