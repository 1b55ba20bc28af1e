package archive

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ErrBusy is wrapped when a month's rows cannot be read because some are being
// loaded: while a LOAD DATA runs, which is as long as its file takes, MyISAM lets
// nobody read the table.
var ErrBusy = errors.New("rows are being loaded")

// busyWait is how long a reader waits for that.
const busyWait = 3 * time.Second

const errLockWait = 1205

// openReading makes the pool of those who read month tables. On its connections
// the server gives up waiting for a table after busyWait; those of the writer wait
// for as long as it takes.
func (a *Archive) openReading() error {
	dsn := a.dsn.Clone()
	dsn.Params["lock_wait_timeout"] = strconv.Itoa(int(busyWait / time.Second))
	pool, err := mysql.NewConnector(dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	a.reading = sql.OpenDB(pool)
	a.reading.SetMaxOpenConns(8)
	a.reading.SetMaxIdleConns(2)
	a.reading.SetConnMaxIdleTime(time.Minute)
	return nil
}
