package migrate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// layout is how a predecessor kept a flow. Queries read these columns in the
// order of the constants below.
type layout struct {
	name    string
	columns []string // as expressions that give text
	needs   []string // names of columns, by which a table is known
	day     string   // the expression of the day that rows are loaded by
	where   string   // selects a day, given as often as there are question marks
	// clock is one more column: what the clock read, beside the instant.
	clock string
}

// The order of the columns of both layouts.
const (
	colSrc = iota
	colSrcPort
	colDst
	colDstPort
	colProto
	colPackets
	colBytes
	colTime // time of day, or Unix seconds
	rowColumns
	colClock = rowColumns // of stamped, when asked for
)

// layouts are those that are known.
var layouts = [...]*layout{texts, stamped}

// texts is the layout of 2018.
var texts = &layout{
	name:    "2018 text",
	columns: []string{"ip_from", "s_port", "ip_to", "d_port", "proto", "packets", "bytes", "time_ins"},
	needs:   []string{"ip_from", "s_port", "ip_to", "d_port", "proto", "packets", "bytes", "date_ins", "time_ins"},
	day:     "date_ins",
	where:   "date_ins = ?",
}

// stamped is the layout of 2024. The session's time zone is UTC, so days are
// UTC's; scripts wrote the clock's reading as the server's local time, which
// gives it back.
var stamped = &layout{
	name:    "2024 integers",
	columns: []string{"src_ip", "src_port", "dst_ip", "dst_port", "proto", "packets", "bytes", "UNIX_TIMESTAMP(utime)"},
	needs:   []string{"src_ip", "src_port", "dst_ip", "dst_port", "proto", "packets", "bytes", "utime"},
	day:     "DATE(utime)",
	where:   "utime >= ? AND utime < ? + INTERVAL 1 DAY",
	clock:   "CONVERT_TZ(utime, '+00:00', @@global.time_zone)",
}

// errLayout is of a table that is somebody else's, whatever its name.
var errLayout = errors.New("its columns are of no known layout")

func layoutOf(columns []string) *layout {
	for _, l := range layouts {
		if !slices.ContainsFunc(l.needs, func(name string) bool { return !slices.Contains(columns, name) }) {
			return l
		}
	}
	return nil
}

// texts are the columns as they are compared and sent: bytes, so that no
// character set changes them on the way.
func (l *layout) asText() []string {
	list := make([]string, len(l.columns))
	for i, column := range l.columns {
		list[i] = "CAST(" + column + " AS BINARY)"
	}
	return list
}

// count asks for each day's rows, sums and check sum.
func (l *layout) count(from string) string {
	return fmt.Sprintf("SELECT CAST(%s AS BINARY), COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS CHAR), CAST(COALESCE(SUM(packets), 0) AS CHAR), "+
		"CAST(SUM(CRC32(CONCAT_WS(',', %s))) AS CHAR) FROM %s GROUP BY %s", l.day, strings.Join(l.asText(), ", "), from, l.day)
}

// read asks for a day's rows, in the order in which they were entered: so a scan
// gives them, and a key of MyISAM.
func (l *layout) read(from string, clock bool) string {
	columns := l.asText()
	if clock && l.clock != "" {
		columns = append(columns, l.clock)
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + from + " WHERE " + l.where
}

// args are those of where.
func (l *layout) args(day string) []any {
	args := []any{}
	for range strings.Count(l.where, "?") {
		args = append(args, day)
	}
	return args
}
