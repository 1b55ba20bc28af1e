package archive

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sys/unix"
)

// ErrUnavailable is wrapped by errors of a server that does not answer, does
// not start or went away: the same call may succeed later.
var ErrUnavailable = errors.New("database unavailable")

// ErrLocked is wrapped by errors of locks that somebody else holds.
var ErrLocked = errors.New("locked by another process")

// ErrLoaded is wrapped by BeginLoad's error for a file that is loaded already.
var ErrLoaded = errors.New("loaded already")

// ErrDamaged is wrapped when the server cannot read a table. A live one is repaired
// by packing it, and of a packed one a copy by unpacking it.
var ErrDamaged = errors.New("the table is damaged; nfacct archive repairs it, or with --month MONTH --unpack a copy of one that is packed")

// Numbers of MySQL's errors, as its manual and MariaDB's list them.
const (
	errTooManyConnections = 1040
	errDatabaseDenied     = 1044
	errAccessDenied       = 1045
	errNoDatabase         = 1049
	errServerShutdown     = 1053
	errDuplicate          = 1062
	errNoTable            = 1146
	errNoVariable         = 1193
	errInterrupted        = 1317
	errConnectionKilled   = 1927
)

// damage are the errors of a table whose files are not what they should be: of the
// storage engine, of a key file, of one marked as crashed, of a corrupt index.
var damage = []uint16{1030, 1034, 1035, 1194, 1195, 1712}

// away are the errors of a server that is going down or overrun.
var away = []uint16{errTooManyConnections, errServerShutdown, errInterrupted, errConnectionKilled}

// wrap says what was being done, and adds ErrUnavailable when it is the server
// that is gone, and ErrBusy when somebody kept a table to himself.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	switch {
	case !errors.Is(err, ErrBusy) && isError(err, errLockWait):
		return fmt.Errorf("%s: %w: %w", doing, ErrBusy, err)
	case !errors.Is(err, ErrUnavailable) && unavailable(err):
		return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
	case !errors.Is(err, ErrDamaged) && isError(err, damage...) && !full(err):
		return fmt.Errorf("%s: %w (%w)", doing, ErrDamaged, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Wrap says what was being done with DB, and adds ErrUnavailable when it is the
// server that is gone.
func Wrap(doing string, err error) error { return wrap(doing, err) }

// full reports whether the storage engine had no room on the disk, which has the
// same number as damage.
func full(err error) bool {
	var answer *mysql.MySQLError
	return errors.As(err, &answer) && (strings.Contains(answer.Message, "No space left") || strings.Contains(answer.Message, "error 28"))
}

func unavailable(err error) bool {
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) ||
		errors.As(err, &network) || isError(err, away...)
}

// isError reports whether the server answered with one of these numbers.
func isError(err error, numbers ...uint16) bool {
	var answer *mysql.MySQLError
	return errors.As(err, &answer) && slices.Contains(numbers, answer.Number)
}
