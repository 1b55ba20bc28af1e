package archive

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"nfacct/archive/mariadb"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sys/unix"
)

// ErrUnavailable is wrapped by errors of a server that does not answer, does
// not start or went away: the same call may succeed later.
var ErrUnavailable = mariadb.ErrUnavailable

// ErrLocked is wrapped by errors of locks that somebody else holds.
var ErrLocked = mariadb.ErrLocked

// ErrLoaded is wrapped by BeginLoad's error for a file that is loaded already.
var ErrLoaded = errors.New("loaded already")

// ErrDamaged is wrapped when the server cannot read a table. Mend mends it, and of a
// packed one unpacking gives a copy.
var ErrDamaged = errors.New("the table is damaged; nfacct archive --repair mends it, or with --month MONTH --unpack a copy of one that is packed")

// Numbers of MySQL's errors, as its manual and MariaDB's list them.
const (
	errTooManyConnections = 1040
	errDatabaseDenied     = 1044
	errAccessDenied       = 1045
	errNoDatabase         = 1049
	errServerShutdown     = 1053
	errDuplicate          = 1062
	errTableDenied        = 1142
	errNoTable            = 1146
	errNoVariable         = 1193
	errNoPrivilege        = 1227
	errInterrupted        = 1317
	errConnectionKilled   = 1927
	errSecureTransport    = 3159 // of MySQL
)

// damage are the errors of a table whose files are not what they should be: of the
// storage engine, of a key file, of one marked as crashed, of a corrupt index.
var damage = []uint16{126, 127, 144, 145, 1030, 1034, 1035, 1194, 1195, 1712}

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
	case !errors.Is(err, ErrDamaged) && isError(err, damage...) && !lacking(err):
		return fmt.Errorf("%s: %w (%w)", doing, ErrDamaged, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Wrap says what was being done with DB, and adds ErrUnavailable when it is the
// server that is gone.
func Wrap(doing string, err error) error { return wrap(doing, err) }

// lacking reports whether the storage engine was refused something by its machine,
// which has the same number as damage: no room on the disk, no more open files, no
// memory, no right. The engines' own errors begin at 120 (HA_ERR_FIRST), where
// Linux has one that a disk may give, EDQUOT.
func lacking(err error) bool {
	var answer *mysql.MySQLError
	if !errors.As(err, &answer) {
		return false
	}
	for _, text := range [...]string{"No space left", "Disk quota exceeded", "Too many open files"} {
		if strings.Contains(answer.Message, text) {
			return true
		}
	}
	found := engineError.FindStringSubmatch(answer.Message)
	if found == nil {
		return false
	}
	n, err := strconv.Atoi(found[1])
	// EIO is the disk's way to say that what stands there cannot be read.
	return err == nil && n < 120 && n != int(unix.EIO)
}

// engineError finds the number in MariaDB's `Got error 24 "Too many open files" from
// storage engine Aria` and MySQL's "Got error 24 - 'Too many open files' from ...".
var engineError = regexp.MustCompile(`(?:[Gg]ot error|errno:) (\d+)`)

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
