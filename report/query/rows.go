package query

import "strings"

// rowColumn is a column of a row as it is listed: of a month table, written for
// people.
type rowColumn struct{ name, expression, unit string }

var rowColumns = []rowColumn{
	{"day", "`day`", "day"}, {"slot", "`slot`", "slot"}, {"first", "`first`", "seconds"}, {"duration", "`duration`", "seconds"},
	{"router", "(SELECT `name` FROM `routers` WHERE `id` = `rows`.`router`)", "router"}, {"wan", "`wan`", "ifindex"},
	{"host", "INET6_NTOA(`host`)", "address"}, {"host_port", "`host_port`", "port"},
	{"peer", "INET6_NTOA(`peer`)", "address"}, {"peer_port", "`peer_port`", "port"}, {"proto", "`proto`", "protocol"},
	{"up_packets", "`up_packets`", "packets"}, {"down_packets", "`down_packets`", "packets"},
	{"up_bytes", "`up_bytes`", "bytes"}, {"down_bytes", "`down_bytes`", "bytes"}, {"flows", "`flows`", "flows"},
}

// mostSorted is the longest answer of rows that is sorted: a longer one comes as the
// tables hold it, so that a million rows stream.
const mostSorted = 10_000

// bare lists the columns of rows as a table has them.
func bare() string {
	var names []string
	for _, c := range rowColumns {
		names = append(names, "`"+c.name+"`")
	}
	return strings.Join(names, ", ")
}

// rowBranch are one table's rows. A row of both directions that matches in one of
// them is listed once: the other direction's rows leave it out.
func (q *Question) rowBranch(t Table, d direction, s *Setting) string {
	text := "SELECT " + bare() + " FROM `" + t.Name + "` WHERE " + q.where(t, d, s)
	if d == down && len(q.directions()) == 2 {
		text += " AND NOT (" + q.where(Table{Where: "TRUE"}, up, s) + ")"
	}
	return text
}

// rowSQL lists rows, in the order of time when there are few of them.
func (q *Question) rowSQL(branches []string) string {
	var columns []string
	for _, c := range rowColumns {
		columns = append(columns, c.expression+" AS `"+c.name+"`")
	}
	order := ""
	if q.Limit > 0 && q.Limit <= mostSorted {
		order = " ORDER BY " + bare()
	}
	inner := branches[0]
	if len(branches) > 1 {
		inner = strings.Join(branches, "\n UNION ALL ")
	}
	again := ""
	if order != "" {
		again = " ORDER BY " + qualified()
	}
	return "SELECT " + strings.Join(columns, ", ") + "\nFROM (\n " + inner + order + q.limit() + "\n) AS `rows`" + again
}

// qualified lists the bare columns of the listed rows, not the formatted ones of the
// same name.
func qualified() string {
	var names []string
	for _, c := range rowColumns {
		names = append(names, "`rows`.`"+c.name+"`")
	}
	return strings.Join(names, ", ")
}
