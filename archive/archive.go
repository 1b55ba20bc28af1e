// Package archive is the MySQL side: the private or given server, the schema,
// month tables, the ledger of loaded files, books and rollups.
//
// There are no transactions (month tables are MyISAM, which packs and loads best),
// so a load is made undoable instead: one writer at a time, month tables only
// ever grow at their end, and the ledger knows how long each was before. What a
// crash left is cut off again by whoever writes next. Everything derived from
// rows, rollups and books, is computed again from what it is derived from, so
// doing it twice does no harm. A file is `loaded` only when its rows are on disk.
package archive

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"nfacct/archive/mariadb"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// databaseName is the private server's database.
const databaseName = "nfacct"

// Archive is an open database with its schema up to date. It is safe for use
// by several goroutines.
type Archive struct {
	db      *sql.DB
	reading *sql.DB         // see openReading
	dsn     *mysql.Config   // as the pool connects
	server  *mariadb.Server // nil when the server is given
	cfg     Config
	log     *slog.Logger
	maria   bool // MariaDB, not MySQL

	noMyISAM bool // a given server's administrator has turned it off

	closed sync.Once

	mu      sync.Mutex
	routers map[string]uint16
	pipes   *pipes // how rows are loaded; nil until the first load

	// step is called by tests between the steps of a load.
	step func(name string)
	// free is how much a given server's disk has free; tests know better.
	free func(folder string) (uint64, error)
}

// Open starts the private server if it is needed and none runs, connects, and
// brings the schema up to date. Errors wrap ErrUnavailable when trying later
// may help.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Archive, error) {
	a, err := OpenDamaged(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	if err := a.migrate(ctx); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// OpenDamaged is Open without a look at the tables, whose schema stays as it is: for
// Mend.
func OpenDamaged(ctx context.Context, cfg Config, log *slog.Logger) (_ *Archive, err error) {
	a := &Archive{cfg: cfg, log: log, routers: map[string]uint16{}, step: func(string) {}, free: mariadb.FreeBytes}
	dsn, err := cfg.given()
	if err != nil {
		return nil, err
	}
	if dsn == nil {
		if a.server, err = mariadb.Use(ctx, mariadb.Options{Folder: cfg.Folder, Program: cfg.Mariadbd, Attach: cfg.Attach, Alive: cfg.Alive, Patience: cfg.Patience}, log); err != nil {
			return nil, err
		}
		dsn = a.server.DSN(databaseName)
	} else {
		watchGiven(dsn, cfg, log)
	}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	if err := a.connect(ctx, dsn); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Archive) connect(ctx context.Context, dsn *mysql.Config) error {
	if a.server != nil {
		if err := a.server.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+databaseName+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
			return wrap("create database", err)
		}
	}
	if err := a.greet(ctx, dsn); err != nil {
		return err
	}
	a.dsn = connector(dsn, a.log)
	// A session variable, so that migrations name no engine: Aria survives
	// kill -9, and MySQL has only InnoDB for that.
	a.dsn.Params["default_storage_engine"] = "InnoDB"
	if a.maria && !a.noMyISAM {
		a.dsn.Params["default_storage_engine"] = "Aria"
	}
	pool, err := mysql.NewConnector(a.dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	a.db = sql.OpenDB(pool)
	a.db.SetMaxOpenConns(16)
	a.db.SetMaxIdleConns(4)
	a.db.SetConnMaxIdleTime(time.Minute)
	if err := a.openReading(); err != nil {
		return err
	}
	if a.server != nil {
		return nil
	}
	return a.checkRights(ctx)
}

// Close disconnects; the last user of the private server stops it.
func (a *Archive) Close() (err error) {
	a.closed.Do(func() { err = a.close() })
	return err
}

func (a *Archive) close() error {
	for _, pool := range []*sql.DB{a.db, a.reading} {
		if pool != nil {
			_ = pool.Close() // connections that broke before have nothing to say now
		}
	}
	a.closePipes()
	if a.server == nil {
		return nil
	}
	return a.server.Leave()
}

// DB is the pool, with the database selected. DATE and DATETIME scan as
// time.Time in UTC, and DATE as Day.
func (a *Archive) DB() *sql.DB { return a.db }
