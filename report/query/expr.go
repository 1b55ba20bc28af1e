package query

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"nfacct/archive"
)

// direction is whose columns an expression takes.
type direction uint8

const (
	both direction = iota
	up
	down
)

// column is the expression of a field over a month table's rows.
func (q *Question) column(s *spec, d direction, setting *Setting) string {
	switch {
	case s.name == "hour":
		return q.hourColumn(setting)
	case s.kind == departments:
		return departmentColumn(setting.Departments)
	case s.kind == sizes && d == both:
		return "`up_bytes` + `down_bytes`"
	case d == down:
		return s.down
	}
	return s.up
}

// grouped is the expression of a field to group by, with its prefix.
func (q *Question) grouped(f Field, d direction, setting *Setting) string {
	column := q.column(f.spec, d, setting)
	if f.Bits == 0 {
		return column
	}
	four, six := f.Bits, f.Bits
	if f.Bits > 32 {
		four = 32
	} else {
		six = 64
	}
	return fmt.Sprintf("IF(LENGTH(%s) = 4, %s, %s)", column, prefixOf(column, four, 4), prefixOf(column, six, 16))
}

// prefixOf is the network of an address of so many bytes: its first bytes, a part of
// one, and zeros.
func prefixOf(column string, bits, bytes int) string {
	if bits == 8*bytes {
		return column
	}
	whole, rest := bits/8, bits%8
	var parts []string
	if whole > 0 {
		parts = append(parts, fmt.Sprintf("LEFT(%s, %d)", column, whole))
	}
	if rest > 0 {
		parts = append(parts, fmt.Sprintf("CHAR(ORD(SUBSTRING(%s, %d, 1)) & %d)", column, whole+1, 0xff&^(0xff>>rest)))
		whole++
	}
	if whole < bytes {
		parts = append(parts, fmt.Sprintf("REPEAT(CHAR(0), %d)", bytes-whole))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "CONCAT(" + strings.Join(parts, ", ") + ")"
}

// shown is how a field's group is written in the answer, from its bare column.
func shown(f Field, column string, setting *Setting) string {
	switch f.kind {
	case addresses:
		if f.Bits == 0 {
			return "INET6_NTOA(" + column + ")"
		}
		four, six := min(f.Bits, 32), f.Bits
		if f.Bits <= 32 {
			six = 64
		}
		return fmt.Sprintf("CONCAT(INET6_NTOA(%[1]s), IF(LENGTH(%[1]s) = 4, '/%[2]d', '/%[3]d'))", column, four, six)
	case services:
		return fmt.Sprintf("CONCAT(%[1]s DIV 65536, '/', %[1]s MOD 65536)", column)
	case routers:
		return "(SELECT `name` FROM `routers` WHERE `id` = " + column + ")"
	case departments:
		names := []string{literal("-")}
		for _, d := range setting.Departments {
			names = append(names, literal(d.Name))
		}
		return "ELT(" + column + " + 1, " + strings.Join(names, ", ") + ")"
	}
	return column
}

// literal writes a name of the configuration as SQL. Letters, digits and the signs
// that names have stand as they are, anything else in hexadecimal.
func literal(text string) string {
	for _, r := range text {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" -_.&/", r)
		if !plain {
			return fmt.Sprintf("_utf8mb4 X'%X'", text)
		}
	}
	return "'" + text + "'"
}

// departmentColumn is the place of an address's department, counted from 1; 0 is none.
func departmentColumn(list []Department) string {
	var b strings.Builder
	for i, d := range list {
		var ranges []string
		for _, r := range d.Ranges {
			ranges = append(ranges, between("`host`", r.From, r.To))
		}
		if len(ranges) > 0 {
			fmt.Fprintf(&b, " WHEN %s THEN %d", strings.Join(ranges, " OR "), i+1)
		}
	}
	if b.Len() == 0 {
		return "0"
	}
	return "CASE" + b.String() + " ELSE 0 END"
}

// between is a condition on an address. IPv4 addresses have 4 bytes and IPv6 ones 16,
// and bytes are compared from the left.
func between(column string, from, to netip.Addr) string {
	if from == to {
		return column + " = INET6_ATON('" + from.String() + "')"
	}
	return fmt.Sprintf("(%s BETWEEN INET6_ATON('%s') AND INET6_ATON('%s') AND LENGTH(%s) = %d)", column, from, to, column, from.BitLen()/8)
}

// hourColumn is the hour that the clock showed. A slot is a quarter-hour since the
// day began, so that on the days when clocks change those behind the change are
// shifted.
func (q *Question) hourColumn(s *Setting) string {
	const plain = "`slot` DIV 4"
	var changes strings.Builder
	calendar := archive.NewCalendar(s.Location)
	for day := q.From; !q.To.Before(day); day = day.Add(1) {
		start, end := calendar.Bounds(day)
		if end.Sub(start).Hours() == 24 || start.Equal(end) {
			continue
		}
		for slot := archive.Slot(0); slot < 100; slot++ {
			at := calendar.SlotStart(day, slot)
			clock := at.Hour()*4 + at.Minute()/15
			if shift := clock - int(slot); shift != 0 {
				fmt.Fprintf(&changes, " WHEN '%s' THEN (`slot` + IF(`slot` >= %d, %d, 0)) DIV 4", day, slot, shift)
				break
			}
		}
	}
	if changes.Len() == 0 {
		return plain
	}
	return "CASE `day`" + changes.String() + " ELSE " + plain + " END"
}

// condition is a condition as SQL.
func (q *Question) condition(c *Condition, d direction, setting *Setting) string {
	column := q.column(c.spec, d, setting)
	if c.kind == services || c.kind == departments || c.kind == weekdays {
		column = "(" + column + ")"
	}
	var parts, single []string
	for _, v := range c.Values {
		switch {
		case c.kind == addresses:
			parts = append(parts, between(column, v.from, v.to))
		case c.kind == days && v.low == v.high:
			single = append(single, "'"+dayOf(v.low).String()+"'")
		case c.kind == days:
			parts = append(parts, fmt.Sprintf("%s BETWEEN '%s' AND '%s'", column, dayOf(v.low), dayOf(v.high)))
		case v.low == v.high:
			single = append(single, strconv.FormatUint(v.low, 10))
		default:
			parts = append(parts, fmt.Sprintf("%s BETWEEN %d AND %d", column, v.low, v.high))
		}
	}
	switch len(single) {
	case 0:
	case 1:
		parts = append(parts, column+" = "+single[0])
	default:
		parts = append(parts, column+" IN ("+strings.Join(single, ", ")+")")
	}
	text := strings.Join(parts, " OR ")
	switch {
	case c.Not:
		return "NOT (" + text + ")"
	case len(parts) > 1:
		return "(" + text + ")"
	}
	return text
}
