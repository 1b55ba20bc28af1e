package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Config says which server to use.
type Config struct {
	// Folder of the private server: data, socket, lock. It is made with mode
	// 0700 and kept at it.
	Folder string `toml:"folder"`
	// Mariadbd is the private server's program; when empty it is found in PATH,
	// /usr/sbin, /usr/libexec and /usr/local/libexec.
	Mariadbd string `toml:"mariadbd"`
	// DSN selects an existing server instead, in the form of go-sql-driver:
	// user@unix(/run/mysqld/mysqld.sock)/nfacct. It names no password: DSNFile
	// holds the whole DSN when there is one.
	DSN string `toml:"dsn"`
	// DSNFile is a file with a DSN, password included, that only its owner reads.
	DSNFile string `toml:"dsn_file"`
	// Load is how rows reach the server: fifo where it can read our files, local
	// through the connection, or auto, which tries fifo first.
	Load string `toml:"load"`

	// Program is what an older nfacct tells to use when it finds a schema that is newer
	// than it: the name and version of this one.
	Program string `toml:"-"`
	// LateWaits says that loading late rows of a packed month fails with ErrPacked;
	// otherwise they stand beside it.
	LateWaits bool `toml:"-"`
	// PackFiles says that months are packed by myisampack, which needs rights of
	// its own on a given server. They are asked for when it is opened, and not at
	// the month's end.
	PackFiles bool `toml:"-"`

	// Attach says that the private server is used when it runs and never started:
	// it would inherit the limits of a process that has some. The error wraps
	// ErrUnavailable when it does not run.
	Attach bool `toml:"-"`
	// Alive, if set, is called whenever bytes moved to the server or from it, from
	// several goroutines.
	Alive func() `toml:"-"`
	// Patience is how long a statement may be silent, though the server answers
	// others; 0: for ever. The error wraps ErrUnavailable.
	Patience time.Duration `toml:"-"`
}

// The values of Config.Load.
const (
	LoadAuto  = "auto"
	LoadFIFO  = "fifo"
	LoadLocal = "local"
)

// DefaultConfig is the private server; its folder is the caller's to say.
func DefaultConfig() Config { return Config{Load: LoadAuto} }

// Exists reports whether there is a database that Open would open: a given server
// is taken to have one, the private one is set up by Open when it is first used.
func (c Config) Exists() bool {
	if dsn, err := c.given(); dsn != nil || err != nil {
		return true
	}
	// What cannot be looked at is there for all we know; Open then says what is wrong.
	_, err := os.Stat(filepath.Join(c.Folder, "data"))
	return !errors.Is(err, fs.ErrNotExist)
}

// Private says that the database is the private server's.
func (c Config) Private() bool {
	dsn, err := c.given()
	return dsn == nil && err == nil
}

// Check calls report for each value that cannot work.
func (c Config) Check(report func(key, problem, remedy string)) {
	switch c.Load {
	case "", LoadAuto, LoadFIFO, LoadLocal:
	default:
		report("load", fmt.Sprintf("%q is not a way to load", c.Load), "write auto, fifo or local")
	}
	if c.DSN != "" && c.DSNFile != "" {
		report("dsn_file", "dsn is set too", "keep one of the two; a DSN with a password belongs in dsn_file")
	}
	if c.DSN != "" {
		dsn, err := mysql.ParseDSN(c.DSN)
		switch {
		case err != nil:
			// The driver's errors quote nothing of the DSN.
			report("dsn", err.Error(), "write user@unix(/run/mysqld/mysqld.sock)/nfacct or user@tcp(host:3306)/nfacct")
		case dsn.Passwd != "":
			report("dsn", "a password stands in the configuration", "move the whole DSN to a file of mode 0600 and name it in dsn_file")
		case dsn.DBName == "":
			report("dsn", "no database is named", "end it with /nfacct")
		}
	}
	if c.DSNFile != "" {
		if _, err := ReadDSN(c.DSNFile); err != nil {
			report("dsn_file", err.Error(), "write a file of mode 0600 with one line: user:password@tcp(host:3306)/nfacct")
		}
	}
	if c.Mariadbd != "" {
		if info, err := os.Stat(c.Mariadbd); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			report("mariadbd", fmt.Sprintf("%s is not a program", c.Mariadbd), "name the mariadbd binary, or leave the key out to have it found")
		}
	}
}
