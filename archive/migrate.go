package archive

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// The schema, but for the month tables: numbered files, one statement each,
// because every one of them commits by itself. A file that has been in a release
// is never changed. Engines are the session's default: Aria on MariaDB, InnoDB
// elsewhere.
//
//go:embed migrations/*.sql
var migrations embed.FS

// schemaTable remembers which migrations have run.
const schemaTable = "schema_versions"

// migrateWait is how long a start waits for another process that migrates.
const migrateWait = 5 * time.Minute

// migrate brings the schema up to date, one process at a time.
func (a *Archive) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	store, err := database.NewStore(database.DialectMySQL, schemaTable)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(database.DialectCustom, a.db, files,
		goose.WithStore(store), goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true))
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	unlock, err := a.advisory(ctx, "schema", migrateWait)
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	defer unlock()
	if err := a.zeroVersion(ctx, store); err != nil {
		return wrap("schema", err)
	}
	version, err := provider.GetDBVersion(ctx)
	switch {
	case err != nil:
		return wrap("schema", err)
	case version > newest:
		return fmt.Errorf("schema: the database is of version %d, but this nfacct knows versions up to %d only: a newer nfacct has been here; use %s", version, newest, a.program(ctx))
	}
	if pending, err := provider.HasPending(ctx); err != nil || !pending {
		return wrap("schema", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			err = fmt.Errorf("%s: %w", partial.Failed.Source.Path, partial.Err)
		}
		return wrap("schema", err)
	}
	if a.cfg.Program == "" {
		return nil
	}
	return a.exec(ctx, "schema", "INSERT IGNORE INTO programs (schema_version, program) VALUES (?, ?)", newest, a.cfg.Program)
}

// program names the nfacct that brought the schema to where it is.
func (a *Archive) program(ctx context.Context) string {
	var name string
	if err := a.db.QueryRowContext(ctx, "SELECT program FROM programs ORDER BY schema_version DESC LIMIT 1").Scan(&name); err != nil {
		return "that one" // it did not say
	}
	return name + " or a later one"
}

// zeroVersion puts the first row into a table of versions that was made and never
// written to, because whoever made it was killed in between: goose takes such a
// table for a broken one, for ever.
func (a *Archive) zeroVersion(ctx context.Context, store database.Store) error {
	var tables int
	err := a.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?", schemaTable).Scan(&tables)
	if err != nil || tables == 0 {
		return err
	}
	var rows int
	if err := a.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+schemaTable).Scan(&rows); err != nil || rows > 0 {
		return err
	}
	return store.Insert(ctx, a.db, database.InsertRequest{Version: 0})
}
