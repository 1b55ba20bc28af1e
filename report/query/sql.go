package query

import (
	"fmt"
	"strings"
)

// Table is a table, or what it holds of the days, that a question reads.
type Table struct {
	Name  string // flows_2026_11, flows_2026_11_23 or flows_2026_10c
	Where string // selects the days, as archive's parts do
	Rows  uint64 // about how many it has
}

// Column is a column of an answer.
type Column struct {
	Name string `json:"name"`
	// Unit is address, port, protocol, service, router, ifindex, department, day,
	// hour, weekday, slot, bytes, packets, flows, rows or seconds.
	Unit string `json:"unit"`
}

// measure is a sum over rows.
type measure struct{ name, sum, unit string }

// directions lists the directions that a question reads, each by itself: one of
// both when it has no field of a single one.
func (q *Question) directions() []direction {
	directed := false
	for _, f := range q.Group {
		directed = directed || f.directed()
	}
	wanted := []direction{up, down}
	for _, c := range q.Conditions {
		directed = directed || c.directed()
		if c.kind == directions {
			wanted = c.keep(wanted)
		}
	}
	if !directed {
		return []direction{both}
	}
	return wanted
}

// keep leaves the directions that a condition on them allows.
func (c *Condition) keep(of []direction) (kept []direction) {
	for _, d := range of {
		has := false
		for _, v := range c.Values {
			has = has || v.low == uint64(d)
		}
		if has != c.Not {
			kept = append(kept, d)
		}
	}
	return kept
}

// measures are what is summed up of rows of a direction.
func (q *Question) measures(d direction) []measure {
	switch {
	case q.Count:
		return []measure{{"rows", "COUNT(*)", "rows"}}
	case d == up:
		return []measure{{"bytes", "SUM(`up_bytes`)", "bytes"}, {"packets", "SUM(`up_packets`)", "packets"}}
	case d == down:
		return []measure{{"bytes", "SUM(`down_bytes`)", "bytes"}, {"packets", "SUM(`down_packets`)", "packets"}}
	}
	return []measure{
		{"up_bytes", "SUM(`up_bytes`)", "bytes"}, {"down_bytes", "SUM(`down_bytes`)", "bytes"},
		{"bytes", "SUM(`up_bytes` + `down_bytes`)", "bytes"}, {"flows", "SUM(`flows`)", "flows"},
	}
}

// Columns are the columns of the question's answer, in order.
func (q *Question) Columns() (columns []Column) {
	directions := q.directions()
	if q.Rows {
		for _, c := range rowColumns {
			columns = append(columns, Column{c.name, c.unit})
		}
		return columns
	}
	for _, f := range q.Group {
		columns = append(columns, Column{f.String(), f.unit})
	}
	d := both
	if len(directions) > 0 {
		d = directions[0]
	}
	for _, m := range q.measures(d) {
		columns = append(columns, Column{m.name, m.unit})
	}
	return columns
}

// where are the conditions on a table's rows of one direction.
func (q *Question) where(t Table, d direction, s *Setting) string {
	conditions := []string{t.Where}
	if s.Bound {
		conditions = append(conditions, s.bound())
	}
	switch d {
	case up:
		conditions = append(conditions, "(`up_packets` > 0 OR `up_bytes` > 0)")
	case down:
		conditions = append(conditions, "(`down_packets` > 0 OR `down_bytes` > 0)")
	}
	for i := range q.Conditions {
		if c := &q.Conditions[i]; c.kind != directions {
			conditions = append(conditions, q.condition(c, d, s))
		}
	}
	if q.MinBytes > 0 {
		bytes, _ := find("bytes")
		conditions = append(conditions, fmt.Sprintf("%s >= %d", q.column(bytes, d, s), q.MinBytes))
	}
	return strings.Join(conditions, " AND ")
}

// group is the name of a bare column to group by.
func group(i int) string { return fmt.Sprintf("`g%d`", i+1) }

// branch is one table's groups, of one direction.
func (q *Question) branch(t Table, d direction, s *Setting) string {
	var columns, groups []string
	for i, f := range q.Group {
		columns = append(columns, q.grouped(f, d, s)+" AS "+group(i))
		groups = append(groups, group(i))
	}
	for _, m := range q.measures(d) {
		columns = append(columns, m.sum+" AS `"+m.name+"`")
	}
	text := "SELECT " + strings.Join(columns, ", ") + " FROM `" + t.Name + "` WHERE " + q.where(t, d, s)
	if len(groups) > 0 {
		text += " GROUP BY " + strings.Join(groups, ", ")
	}
	return text
}

// branches are the groups of all tables and directions.
func (q *Question) branches(tables []Table, s *Setting) (texts []string) {
	for _, t := range tables {
		for _, d := range q.directions() {
			if q.Rows {
				texts = append(texts, q.rowBranch(t, d, s))
			} else {
				texts = append(texts, q.branch(t, d, s))
			}
		}
	}
	return texts
}

// order is by the biggest first, then by the groups, so that the answer is the same
// each time.
func (q *Question) order() string {
	first := "`bytes` DESC"
	if q.Count {
		first = "`rows` DESC"
	}
	for i := range q.Group {
		first += ", " + group(i)
	}
	return " ORDER BY " + first
}

func (q *Question) limit() string {
	if q.Limit == 0 {
		return ""
	}
	return fmt.Sprintf(" LIMIT %d", q.Limit)
}

// SQL is the question as one statement over tables; empty when it has none, since
// no table holds its days or its conditions leave no direction. A person can paste
// it. It groups bare columns, and formats them in the outermost SELECT.
func (q *Question) SQL(tables []Table, s *Setting) string {
	branches := q.branches(tables, s)
	if len(branches) == 0 {
		return ""
	}
	if q.Rows {
		return q.rowSQL(branches)
	}
	inner := branches[0]
	measures := q.measures(q.directions()[0])
	if len(branches) > 1 {
		var columns, groups []string
		for i := range q.Group {
			columns = append(columns, group(i))
			groups = append(groups, group(i))
		}
		for _, m := range measures {
			columns = append(columns, "SUM(`"+m.name+"`) AS `"+m.name+"`")
		}
		inner = "SELECT " + strings.Join(columns, ", ") + "\n FROM (\n  " + strings.Join(branches, "\n  UNION ALL ") + "\n ) AS `parts`"
		if len(groups) > 0 {
			inner += "\n GROUP BY " + strings.Join(groups, ", ")
		}
	}
	var columns []string
	for i, f := range q.Group {
		columns = append(columns, shown(f, group(i), s)+" AS `"+f.String()+"`")
	}
	for _, m := range measures {
		columns = append(columns, "COALESCE(`"+m.name+"`, 0) AS `"+m.name+"`")
	}
	return "SELECT " + strings.Join(columns, ", ") + "\nFROM (\n " + inner + q.order() + q.limit() + "\n) AS `answer`" + q.order()
}
