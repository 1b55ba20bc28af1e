package mariadb

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
)

// dsn connects to the private server, which trusts who reaches its socket. With
// revive, a server that died is started again.
func (s *Server) dsn(database string, revive bool) *mysql.Config {
	dsn := mysql.NewConfig()
	dsn.User, dsn.Net, dsn.Addr, dsn.DBName = "root", "unix", s.socket(), database
	dsn.Timeout = startWait
	dsn.DialFunc = func(ctx context.Context, _, addr string) (net.Conn, error) {
		conn, err := dialSocket(ctx, addr)
		if err == nil || !revive {
			return conn, err
		}
		if err := s.revive(ctx); err != nil {
			return nil, err
		}
		return dialSocket(ctx, addr)
	}
	dsn.DialFunc = (&Watch{Log: s.log, Answers: s.answers, Full: s.brimful, Alive: s.alive, Patience: s.patience}).Dial(dsn.DialFunc)
	return dsn
}

// exec runs one statement on the server, outside of any database.
func (s *Server) exec(ctx context.Context, statement string, revive bool) error {
	dsn := s.dsn("", revive)
	dsn.Logger = DriverLog{s.log}
	pool, err := mysql.NewConnector(dsn)
	if err != nil {
		return err
	}
	db := sql.OpenDB(pool)
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// DSN connects to a database of the server. One that died is started again.
func (s *Server) DSN(database string) *mysql.Config { return s.dsn(database, true) }

// Exec runs one statement outside of any database.
func (s *Server) Exec(ctx context.Context, statement string) error {
	return s.exec(ctx, statement, true)
}

// shutdown asks the server to end, as SIGTERM would; one that is down already
// is not started for it.
func (s *Server) shutdown(ctx context.Context) error {
	s.finish(ctx)
	return s.exec(ctx, "SHUTDOWN", false)
}

// finishWait is how long statements may take whose clients are gone.
const finishWait = 20 * time.Second

// finish waits for the statements of clients that are gone. A shutdown kills them,
// and one that is killed while Aria makes the keys of a table anew, after many rows
// were inserted into an empty one, leaves the table "crashed, and last repair failed".
func (s *Server) finish(ctx context.Context) {
	dsn := s.dsn("", false)
	dsn.Logger = DriverLog{s.log}
	pool, err := mysql.NewConnector(dsn)
	if err != nil {
		return
	}
	db := sql.OpenDB(pool)
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, finishWait)
	defer cancel()
	for {
		var running int
		err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Query' AND id <> CONNECTION_ID()").Scan(&running)
		if err != nil || running == 0 || Sleep(ctx, 50*time.Millisecond) != nil {
			return
		}
	}
}

// socketLimit is how long the path of a unix socket may be: sun_path has 108
// bytes on Linux and 104 on FreeBSD, one of them for the end.
const socketLimit = 103

// dialSocket connects to a unix socket by a path of any length: where it is too
// long, through a descriptor of its folder.
func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	var dialer net.Dialer
	if len(path) <= socketLimit {
		return dialer.DialContext(ctx, "unix", path)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return dialer.DialContext(ctx, "unix", shortSocket(folder.Fd(), path))
}

// shortSocket is the path of a socket through a descriptor of its folder, which
// works where /proc (Linux) or fdescfs (FreeBSD) is mounted.
func shortSocket(folder uintptr, path string) string {
	return filepath.Join("/dev/fd", strconv.Itoa(int(folder)), filepath.Base(path))
}

// DriverLog takes what the driver says about connections that broke: the error
// is returned too, so it is only of use when looking for a cause.
type DriverLog struct{ Log *slog.Logger }

func (d DriverLog) Print(v ...any) { d.Log.Debug("database driver", "said", fmt.Sprint(v...)) }

// ClientSocket is the path by which a client finds the server's socket, who inherits
// folder, if it is not nil, as its first extra file.
func (s *Server) ClientSocket() (path string, folder *os.File, err error) {
	if path = s.socket(); len(path) <= socketLimit {
		return path, nil, nil
	}
	folder, err = os.Open(s.Path("data"))
	return shortSocket(3, path), folder, err
}
