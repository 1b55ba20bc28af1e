package archive

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Asker runs questions of people. It can only read: on the private server by an
// account that may do no more, on a given one in transactions that are read-only.
type Asker struct {
	a      *Archive
	db     *sql.DB
	limits AskLimits
}

// AskLimits hold in the server.
type AskLimits struct {
	// Time ends a statement.
	Time time.Duration
	// Memory bounds a statement's temporary table, in bytes. One that outgrows it
	// goes to disk and takes ten times as long: measured on a million packed rows
	// grouped by host and peer, 26 s with 16 MiB and 3 s with 512.
	Memory uint64
}

// DefaultAskLimits suit a machine with 2 GiB for questions.
func DefaultAskLimits() AskLimits { return AskLimits{Time: 5 * time.Minute, Memory: 256 << 20} }

// readerName is the account of the private server that may only read.
const readerName = "reader"

// Asker opens connections for questions, as many as there are processors and two
// more for answers that are read slowly.
func (a *Archive) Asker(ctx context.Context, limits AskLimits) (*Asker, error) {
	dsn := a.dsn.Clone()
	if a.server != nil {
		for _, statement := range []string{
			"CREATE USER IF NOT EXISTS " + readerName + "@localhost",
			"GRANT SELECT ON " + databaseName + ".* TO " + readerName + "@localhost",
		} {
			if err := a.exec(ctx, "make the account that only reads", statement); err != nil {
				return nil, err
			}
		}
		dsn.User = readerName
	}
	dsn.ParseTime = false // values are shown as the server writes them
	if a.maria {
		dsn.Params["max_statement_time"] = strconv.FormatFloat(limits.Time.Seconds(), 'f', 3, 64)
		dsn.Params["tx_read_only"] = "1"
	} else {
		dsn.Params["max_execution_time"] = strconv.FormatInt(limits.Time.Milliseconds(), 10)
		dsn.Params["transaction_read_only"] = "1"
	}
	dsn.Params["lock_wait_timeout"] = strconv.Itoa(int(busyWait / time.Second))
	for _, size := range []string{"tmp_memory_table_size", "max_heap_table_size"} {
		if size == "tmp_memory_table_size" && !a.maria {
			size = "tmp_table_size" // of the same meaning in MySQL
		}
		dsn.Params[size] = strconv.FormatUint(limits.Memory, 10)
	}
	pool, err := mysql.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	q := &Asker{a: a, db: sql.OpenDB(pool), limits: limits}
	q.db.SetMaxOpenConns(runtime.GOMAXPROCS(0) + 2)
	q.db.SetMaxIdleConns(2)
	q.db.SetConnMaxIdleTime(time.Minute)
	return q, nil
}

// Close ends its connections.
func (q *Asker) Close() error { return q.db.Close() }

// Settings are those statements that make a pasted question as fast as here.
func (q *Asker) Settings() string {
	name := "tmp_memory_table_size"
	if !q.a.maria {
		name = "tmp_table_size"
	}
	return fmt.Sprintf("SET SESSION %s = %d, max_heap_table_size = %d;\n", name, q.limits.Memory, q.limits.Memory)
}

// Ask runs one SELECT and hands over its rows; a value that is NULL is nil. The bytes
// are valid until row returns. Examined is how many rows of tables the server has
// read. When ctx ends, the statement ends in the server within a second, and so does
// one that takes longer than the limit.
func (q *Asker) Ask(ctx context.Context, statement string, row func(values [][]byte) error) (examined uint64, err error) {
	conn, err := q.db.Conn(ctx)
	if err != nil {
		return 0, wrap("connect", err)
	}
	defer conn.Close()
	var id uint64
	if err := conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		return 0, wrap("ask", err)
	}
	before, err := q.examined(ctx, conn)
	if err != nil {
		return 0, err
	}
	// The driver leaves a statement running when its context ends: it only closes
	// the connection, which the server notices when it sends rows.
	ended := make(chan struct{})
	defer close(ended)
	stop := context.AfterFunc(ctx, func() {
		kill, cancel := context.WithTimeout(context.WithoutCancel(ctx), killWait)
		defer cancel()
		select {
		case <-ended:
		default:
			if _, err := q.db.ExecContext(kill, "KILL QUERY "+strconv.FormatUint(id, 10)); err != nil {
				q.a.log.Debug("question not ended in the server", "err", err)
			}
		}
	})
	defer stop()
	// Not ctx: a connection that is closed under its statement cannot be told apart
	// from one that the server ended.
	err = q.read(context.WithoutCancel(ctx), conn, statement, row)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err != nil {
		return 0, wrap("ask", err)
	}
	after, err := q.examined(ctx, conn)
	return after - before, err
}

// killWait bounds how long the end of a question may take to be said.
const killWait = 5 * time.Second

func (q *Asker) read(ctx context.Context, conn *sql.Conn, statement string, row func(values [][]byte) error) error {
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	raw := make([]sql.RawBytes, len(columns))
	into := make([]any, len(columns))
	values := make([][]byte, len(columns))
	for i := range raw {
		into[i] = &raw[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i := range raw {
			values[i] = raw[i]
		}
		if err := row(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// examined is how many rows of tables a session has read: Rows_read of MariaDB, of
// MySQL the handler's reads, which count those of temporary tables too.
func (q *Asker) examined(ctx context.Context, conn *sql.Conn) (total uint64, err error) {
	pattern := "Rows_read"
	if !q.a.maria {
		pattern = "Handler_read%"
	}
	counts, err := mapped[string, uint64](ctx, conn, "ask", "SHOW SESSION STATUS LIKE '"+pattern+"'")
	for _, n := range counts {
		total += n
	}
	return total, err
}
