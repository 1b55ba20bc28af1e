package archive

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// tableForm makes a table of flows of a name. The order of columns is what was
// measured; keys and the rest follow.
const tableForm = "CREATE TABLE IF NOT EXISTS %s (\n" +
	"	`day` DATE NOT NULL,\n" +
	"	`slot` TINYINT UNSIGNED NOT NULL,\n" +
	"	`router` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`wan` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`host` VARBINARY(16) NOT NULL,\n" +
	"	`peer` VARBINARY(16) NOT NULL,\n" +
	"	`host_port` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`peer_port` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`proto` TINYINT UNSIGNED NOT NULL,\n" +
	"	`up_packets` INT UNSIGNED NOT NULL,\n" +
	"	`down_packets` INT UNSIGNED NOT NULL,\n" +
	"	`up_bytes` BIGINT UNSIGNED NOT NULL,\n" +
	"	`down_bytes` BIGINT UNSIGNED NOT NULL,\n" +
	"	`flows` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`first` SMALLINT NOT NULL,\n" +
	"	`duration` SMALLINT UNSIGNED NOT NULL,\n" +
	"	`attribution` TINYINT UNSIGNED NOT NULL"

// The keys of a day's table, and of a month's.
const (
	dayKeys   = ",\n	KEY `host` (`host`),\n	KEY `slot` (`slot`)"
	monthKeys = ",\n	KEY `host` (`host`),\n	KEY `day` (`day`, `slot`)"
)

// A day's table says in its comment what it holds, so that a RENAME changes name and
// meaning at once: the form (1), and whether it is the whole day, or only the late
// rows of a month that is packed, which are read beside the packed ones.
const (
	commentWhole = "nfacct day 1"
	commentLate  = "nfacct late 1"
)

// storage is what a kind of server does with tables of flows.
type storage struct {
	// engine of days' and months' tables. MyISAM is the one that both loads fast and
	// packs; what CHECKSUM is for, sums.go says. InnoDB is for servers where MyISAM
	// is off.
	engine string
	// keysLast says that a day's table has its keys off while files of it are
	// expected: making them by sorting takes a fifth of entering each row.
	keysLast bool
	// concurrent is the word of LOAD DATA that lets readers of the table go on.
	concurrent string
	// merge says that flows_2026_11 is a MERGE table over the days; it is a view
	// otherwise.
	merge bool
}

func (a *Archive) storage() storage {
	if a.noMyISAM {
		return storage{engine: "ENGINE=InnoDB"}
	}
	return storage{engine: "ENGINE=MyISAM PACK_KEYS=1 CHECKSUM=1", keysLast: true, concurrent: "CONCURRENT ", merge: true}
}

// keyState is that of a day's keys when its table is made.
func (s storage) keyState() string {
	if s.keysLast {
		return "off"
	}
	return "on"
}

// mark begins every statement of the writer that takes long, so that one whose
// process died can be found in the server's process list.
const mark = "/* nfacct writer */ "

// makeDay makes an empty table of a day's form, with its keys off where they come
// last.
func (a *Archive) makeDay(ctx context.Context, table, comment string) error {
	s := a.storage()
	if err := a.exec(ctx, "make "+table, fmt.Sprintf(tableForm, table)+dayKeys+"\n) "+s.engine+" COMMENT='"+comment+"'"); err != nil {
		return err
	}
	return a.keysOff(ctx, table)
}

func (a *Archive) keysOff(ctx context.Context, table string) error {
	if !a.storage().keysLast {
		return nil
	}
	return a.exec(ctx, "switch keys off", mark+"ALTER TABLE "+table+" DISABLE KEYS")
}

// Table is the name of the day's table, flows_2026_11_23.
func (d Day) Table() string { return fmt.Sprintf("flows_%04d_%02d_%02d", d.Year, int(d.Month), d.Day) }

// PackedTable is the name of the month's packed table, flows_2026_11c.
func (m Month) PackedTable() string { return m.Table() + "c" }

// inventory are the tables of flows.
type inventory struct {
	all    map[string]bool  // every name that begins with flows_
	days   map[Day]bool     // false: it is of late rows
	old    map[Month]bool   // one table for the whole month, as it was before days had theirs
	packed map[Month]bool   //
	people map[Month]string // flows_2026_11 over its days: "merge" or "view"
	views  map[string]bool
}

var (
	dayTable   = regexp.MustCompile(`^flows_(\d{4})_(\d\d)_(\d\d)$`)
	monthTable = regexp.MustCompile(`^flows_(\d{4})_(\d\d)(c?)$`)
)

// dayNames finds the names of days in a definition.
var dayNames = regexp.MustCompile(`flows_\d{4}_\d\d_\d\d\b`)

// inventory lists the tables of flows.
func (a *Archive) inventory(ctx context.Context) (*inventory, error) {
	type row struct{ name, engine, kind, comment string }
	i := &inventory{all: map[string]bool{}, days: map[Day]bool{}, old: map[Month]bool{}, packed: map[Month]bool{}, people: map[Month]string{}, views: map[string]bool{}}
	err := each(ctx, a.db, "list tables", `SELECT TABLE_NAME, COALESCE(ENGINE, ''), TABLE_TYPE, COALESCE(TABLE_COMMENT, '') FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'flows\_%'`, func(r *row) []any { return []any{&r.name, &r.engine, &r.kind, &r.comment} }, func(r *row) error {
		i.add(r.name, r.engine, r.kind, r.comment)
		return nil
	})
	return i, err
}

func (i *inventory) add(name, engine, kind, comment string) {
	i.all[name] = true
	if kind == "VIEW" {
		i.views[name] = true
	}
	if parts := dayTable.FindStringSubmatch(name); parts != nil {
		if day, err := parseDay(strings.Join(parts[1:], "-")); err == nil {
			i.days[day] = comment != commentLate
		}
		return
	}
	parts := monthTable.FindStringSubmatch(name)
	if parts == nil {
		return
	}
	m, err := ParseMonth(parts[1] + "-" + parts[2])
	switch {
	case err != nil:
	case parts[3] == "c":
		i.packed[m] = true
	case kind == "VIEW":
		i.people[m] = "view"
	case strings.EqualFold(engine, "MRG_MyISAM"):
		i.people[m] = "merge"
	default:
		i.old[m] = true
	}
}

// months are those that have a table, the oldest first. A view without days is
// somebody's, and counts as one.
func (i *inventory) months() []Month {
	var months []Month
	for _, list := range []map[Month]bool{i.old, i.packed} {
		for m := range list {
			months = append(months, m)
		}
	}
	for day := range i.days {
		months = append(months, MonthOf(day))
	}
	for m, kind := range i.people {
		if kind == "view" {
			months = append(months, m)
		}
	}
	slices.SortFunc(months, Month.Compare)
	return slices.Compact(months)
}

// daysOf are the days of a month that have a table.
func (i *inventory) daysOf(m Month) []Day {
	var days []Day
	for day := range i.days {
		if MonthOf(day) == m {
			days = append(days, day)
		}
	}
	slices.SortFunc(days, Day.Compare)
	return days
}

// tables are all tables of flows.
func (a *Archive) tables(ctx context.Context) (map[string]bool, error) {
	i, err := a.inventory(ctx)
	if err != nil {
		return nil, err
	}
	return i.all, nil
}
