package migrate

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"nfacct/archive"
)

// Source is a database with tables of a predecessor. It is only read: a user
// with SELECT on it is enough, and all that could be better.
type Source struct {
	name  string // in messages, results and the ledger
	db    *sql.DB
	quote string // of the tables' database, with a point behind it, or empty
	log   *slog.Logger
	// instants says that a TIMESTAMP is to be taken as the instant that it is:
	// the clock of the server that it was written on is not known.
	instants bool

	// Of a folder:
	list  func(context.Context) ([]string, error) // names of its tables
	fetch func(context.Context, *table) (remarks []string, err error)
	drop  func(table)
	close func() error
}

// table is a table of a source.
type table struct {
	name   string
	layout *layout
	month  archive.Month // of its name; zero when that has none
	packed bool
	engine string
	bytes  int64 // of data
}

// OpenServer connects to the server of a DSN, as archive.ReadDSN gives it.
func OpenServer(ctx context.Context, dsn *mysql.Config, log *slog.Logger) (*Source, error) {
	db, err := connect(dsn)
	if err != nil {
		return nil, err
	}
	s := &Source{name: dsn.DBName, db: db, log: log, close: db.Close}
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("connect to the old database: %w", s.lost(err))
	}
	return s, nil
}

// connect makes the pool that a source is read through. Text comes as it stands
// in the table, days begin at midnight UTC whatever the server's zone, and a
// server that waits for us does so for long.
func connect(dsn *mysql.Config) (*sql.DB, error) {
	dsn = dsn.Clone()
	dsn.Params = maps.Clone(dsn.Params)
	if dsn.Params == nil {
		dsn.Params = map[string]string{}
	}
	dsn.Params["time_zone"] = "'+00:00'"
	dsn.Params["net_write_timeout"] = "3600"
	dsn.ParseTime = false
	dsn.InterpolateParams = true
	dsn.MultiStatements = false
	dsn.Logger = &mysql.NopLogger{} // its errors come to us, too
	if dsn.Timeout == 0 {
		dsn.Timeout = 10 * time.Second
	}
	pool, err := mysql.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("connect to the old database: %w", err)
	}
	db := sql.OpenDB(pool)
	db.SetMaxIdleConns(1)
	return db, nil
}

// Close disconnects, and removes what was copied.
func (s *Source) Close() error { return s.close() }

// lost wraps ErrSource around errors of a server that is gone.
func (s *Source) lost(err error) error {
	if gone(err) {
		return fmt.Errorf("%w: %w", ErrSource, err)
	}
	return err
}

// Errors of servers that may answer again.
var away = []uint16{1040, 1053, 1077, 1152, 1158, 1159, 1160, 1161, 1317, 1927, 3024}

func gone(err error) bool {
	var network net.Error
	var answer *mysql.MySQLError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) ||
		errors.As(err, &answer) && slices.Contains(away, answer.Number)
}

// comesBack waits until the source answers.
func (s *Source) comesBack(ctx context.Context, patience time.Duration) bool {
	end := time.Now().Add(patience)
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
		if s.db.PingContext(ctx) == nil {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// nameForm takes a table's name apart: perhaps an interface, year, month, and c
// when it is packed. In January the scripts looked for month 0, by which they
// meant December.
var nameForm = regexp.MustCompile(`^(?:(.+)_)?((?:19|20)\d\d)_(\d|0\d|1[0-2])(c?)$`)

func monthOf(name string) archive.Month {
	parts := nameForm.FindStringSubmatch(name)
	if parts == nil {
		return archive.Month{}
	}
	year, _ := strconv.Atoi(parts[2])
	month, _ := strconv.Atoi(parts[3])
	if month == 0 {
		year, month = year-1, 12
	}
	return archive.Month{Year: year, Month: time.Month(month)}
}

// plainName is a table's name without the c of packed ones: the ledger calls a
// table the same before and after.
func plainName(name string) string {
	if nameForm.MatchString(name) {
		return strings.TrimSuffix(name, "c")
	}
	return name
}

// tables lists the tables of a known layout, the oldest first, and those that
// look like one and are none.
func (s *Source) tables(ctx context.Context) (found []table, ignored []Ignored, err error) {
	if s.list != nil {
		names, err := s.list(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range names {
			found = append(found, table{name: name, month: monthOf(name)})
		}
	} else if found, ignored, err = s.describe(ctx, "DATABASE()"); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(found, func(a, b table) int { return cmp.Or(a.month.Compare(b.month), cmp.Compare(a.name, b.name)) })
	return found, ignored, nil
}

// describe reads what the server knows of the tables of a database.
func (s *Source) describe(ctx context.Context, database string, args ...any) (found []table, ignored []Ignored, err error) {
	columns, err := s.columns(ctx, database, args...)
	if err != nil {
		return nil, nil, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT TABLE_NAME, COALESCE(ENGINE, ''), COALESCE(ROW_FORMAT, ''), COALESCE(DATA_LENGTH, 0), COALESCE(TABLE_COMMENT, '')
FROM information_schema.TABLES WHERE TABLE_SCHEMA = `+database+` AND TABLE_TYPE = 'BASE TABLE'`, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("list tables: %w", s.lost(err))
	}
	defer rows.Close()
	for rows.Next() {
		var t table
		var format, comment string
		if err := rows.Scan(&t.name, &t.engine, &format, &t.bytes, &comment); err != nil {
			return nil, nil, fmt.Errorf("list tables: %w", s.lost(err))
		}
		t.month, t.packed = monthOf(t.name), format == "Compressed"
		t.layout = layoutOf(columns[t.name])
		switch {
		case t.layout != nil:
			found = append(found, t)
		case t.month == (archive.Month{}):
		case len(columns[t.name]) == 0:
			ignored = append(ignored, Ignored{t.name, "the server cannot open it: " + comment})
		default:
			ignored = append(ignored, Ignored{t.name, errLayout.Error()})
		}
	}
	return found, ignored, s.lost(rows.Err())
}

// columns are the names of all columns by table.
func (s *Source) columns(ctx context.Context, database string, args ...any) (map[string][]string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "+database, args...)
	if err != nil {
		return nil, fmt.Errorf("list columns: %w", s.lost(err))
	}
	defer rows.Close()
	columns := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, fmt.Errorf("list columns: %w", s.lost(err))
		}
		columns[table] = append(columns[table], strings.ToLower(column))
	}
	return columns, s.lost(rows.Err())
}

// from is a table as a query names it.
func (s *Source) from(t table) string {
	return s.quote + "`" + strings.ReplaceAll(t.name, "`", "``") + "`"
}
