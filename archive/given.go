package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"nfacct/archive/mariadb"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// credential is the name that a DSN has as a systemd credential
// (LoadCredential=database_dsn:...).
const credential = "database_dsn"

// given finds the DSN of an existing server; nil means the private one.
func (c Config) given() (*mysql.Config, error) {
	switch folder := os.Getenv("CREDENTIALS_DIRECTORY"); {
	case c.DSN != "":
		dsn, err := parseDSN(c.DSN)
		if err != nil {
			return nil, fmt.Errorf("database.dsn: %w", err)
		}
		return dsn, nil
	case c.DSNFile != "":
		dsn, err := ReadDSN(c.DSNFile)
		if err != nil {
			return nil, fmt.Errorf("database.dsn_file: %w", err)
		}
		return dsn, nil
	case folder != "":
		dsn, err := ReadDSN(filepath.Join(folder, credential))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("credential %s: %w", credential, err)
		}
		return dsn, nil
	}
	return nil, nil
}

// ReadDSN reads a DSN with its password from a file that only its owner may
// read. Errors never quote the content.
func ReadDSN(name string) (*mysql.Config, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && !underSystemd(name) {
		return nil, fmt.Errorf("%s has mode %04o: others can read the password; chmod 600 it", name, mode)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	dsn, err := parseDSN(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return dsn, nil
}

// underSystemd reports whether systemd guards the file: credentials are of mode
// 0440 with an ACL in a folder that only the service enters.
func underSystemd(name string) bool {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	return folder != "" && filepath.Dir(name) == filepath.Clean(folder)
}

// parseDSN reads a DSN. The driver's own errors are not passed on where they
// might quote a part of it, such as a password with a slash in it.
func parseDSN(text string) (*mysql.Config, error) {
	const form = "write user:password@tcp(host:3306)/nfacct or user@unix(/run/mysqld/mysqld.sock)/nfacct"
	dsn, err := mysql.ParseDSN(text)
	if err != nil {
		if what := err.Error(); strings.HasPrefix(what, "invalid DSN") {
			return nil, fmt.Errorf("%s; %s", what, form)
		}
		return nil, fmt.Errorf("not a DSN of go-sql-driver/mysql; %s", form)
	}
	if dsn.Net != "tcp" && dsn.Net != "unix" {
		return nil, fmt.Errorf("it is neither of tcp(...) nor of unix(...); %s", form)
	}
	if dsn.DBName == "" {
		return nil, fmt.Errorf("no database is named; %s", form)
	}
	return dsn, nil
}

// connector completes what a DSN leaves open. What the archive relies on, it
// sets itself: UTC, so that no time is read as another; text as utf8mb4; and
// errors instead of silently cut values.
func connector(dsn *mysql.Config, log *slog.Logger) *mysql.Config {
	dsn = dsn.Clone()
	if dsn.Params == nil {
		dsn.Params = map[string]string{}
	}
	dsn.Params["time_zone"] = "'+00:00'"
	dsn.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
	// The writer's lock lives on a connection that says nothing during a load.
	dsn.Params["wait_timeout"] = "86400"
	dsn.Loc = time.UTC
	dsn.ParseTime = true
	dsn.ClientFoundRows = false
	dsn.MultiStatements = false
	if dsn.Timeout == 0 {
		dsn.Timeout = 10 * time.Second
	}
	dsn.Logger = mariadb.DriverLog{Log: log}
	dsn.Apply(mysql.Charset("utf8mb4", "utf8mb4_bin"))
	return dsn
}

// watchGiven puts a watch on connections to a given server. It is asked by logging
// in: a server counts connections that only listen against their address.
func watchGiven(dsn *mysql.Config, cfg Config, log *slog.Logger) {
	ask := dsn.Clone()
	ask.Timeout, ask.ReadTimeout, ask.WriteTimeout = mariadb.AskWait, mariadb.AskWait, mariadb.AskWait
	w := &mariadb.Watch{Log: log, Alive: cfg.Alive, Patience: cfg.Patience, Answers: func(ctx context.Context) bool {
		pool, err := mysql.NewConnector(ask)
		if err != nil {
			return false
		}
		db := sql.OpenDB(pool)
		defer db.Close()
		err = db.PingContext(ctx)
		var answer *mysql.MySQLError
		return err == nil || errors.As(err, &answer)
	}}
	dsn.DialFunc = w.Dial((&net.Dialer{}).DialContext)
}

// EndSilent kills the private server of a configuration that answers nobody, see
// package mariadb.
func EndSilent(ctx context.Context, cfg Config) error {
	if given, err := cfg.given(); given != nil || err != nil {
		return err
	}
	return mariadb.EndSilent(ctx, cfg.Folder)
}

// ServedByRoot says that the private server has to run as root, and how to change
// that; "" when it does not, or there is none.
func (c Config) ServedByRoot() (remedy string) {
	if c.DSN != "" || c.DSNFile != "" {
		return ""
	}
	return mariadb.ServedByRoot(c.Folder)
}
