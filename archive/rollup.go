package archive

import (
	"context"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
)

// rollUp computes usage_hourly again for hours of days, from the rows.
func (a *Archive) rollUp(ctx context.Context, hours map[Day]uint64) error {
	for _, day := range slices.SortedFunc(maps.Keys(hours), Day.Compare) {
		if err := a.rollUpDay(ctx, day, hours[day]); err != nil {
			return fmt.Errorf("roll up %s: %w", day, err)
		}
	}
	return nil
}

func (a *Archive) rollUpDay(ctx context.Context, day Day, hours uint64) error {
	if hours == 0 {
		return nil
	}
	list, slots := hourLists(hours)
	if err := a.exec(ctx, "empty hours", "DELETE FROM usage_hourly WHERE day = ? AND hour IN ("+list+")", day); err != nil {
		return err
	}
	a.step("hours emptied")
	parts, err := a.Reader().Parts(ctx, day, day)
	if err != nil || len(parts) == 0 {
		return err
	}
	columns := []string{"`up_bytes`", "`down_bytes`", "`up_packets`", "`down_packets`", "`flows`"}
	var sums []string
	for _, column := range columns {
		sums = append(sums, "LEAST("+column+", 18446744073709551615)")
	}
	q := FlowQuery{
		From: day, To: day, Group: []string{"`day`", "`slot` DIV 4 AS `hour`", "`router`", "`host`"},
		Sum: columns, Where: slots,
		Around: func(groups string) string {
			return mark + "INSERT INTO usage_hourly (day, hour, router, host, up_bytes, down_bytes, up_packets, down_packets, flows) SELECT `day`, `hour`, `router`, `host`, " +
				strings.Join(sums, ", ") + " FROM " + groups + " AS part"
		},
	}
	query, args := q.SQL(parts)
	return a.exec(ctx, "sum up", query, args...)
}

// hourLists writes a set of hours as a list of them, and as a condition on slots.
func hourLists(hours uint64) (list, slots string) {
	var numbers, ranges []string
	for h := 0; h < 64; h++ {
		if hours>>h&1 == 0 {
			continue
		}
		// Neighbours become one range, which the key finds at once.
		run := bits.TrailingZeros64(^(hours >> h))
		ranges = append(ranges, fmt.Sprintf("`slot` BETWEEN %d AND %d", 4*h, 4*(h+run)-1))
		for i := range run {
			numbers = append(numbers, fmt.Sprint(h+i))
		}
		h += run
	}
	return strings.Join(numbers, ", "), strings.Join(ranges, " OR ")
}

// noteHours writes down which hours a load changes.
func (a *Archive) noteHours(ctx context.Context, id uint32, hours map[Day]uint64) error {
	for day, set := range hours {
		var values []string
		var args []any
		for h := range 64 {
			if set>>h&1 == 1 {
				values = append(values, "(?, ?, ?)")
				args = append(args, id, day, h)
			}
		}
		if err := a.exec(ctx, "note hours", "INSERT IGNORE INTO import_hours (import, day, hour) VALUES "+strings.Join(values, ", "), args...); err != nil {
			return err
		}
	}
	return nil
}

// notedHours reads what noteHours wrote.
func (a *Archive) notedHours(ctx context.Context, id uint32) (map[Day]uint64, error) {
	rows, err := a.db.QueryContext(ctx, "SELECT day, hour FROM import_hours WHERE import = ?", id)
	if err != nil {
		return nil, wrap("read ledger", err)
	}
	defer rows.Close()
	hours := map[Day]uint64{}
	for rows.Next() {
		var day Day
		var hour uint
		if err := rows.Scan(&day, &hour); err != nil {
			return nil, wrap("read ledger", err)
		}
		hours[day] |= 1 << hour
	}
	return hours, wrap("read ledger", rows.Err())
}
