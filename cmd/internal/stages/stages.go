// Package stages makes of a configuration what each stage is given: the database, the
// routers, the importer, the reports. Commands, the daemon and the demo use it.
package stages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
)

// Open opens the configured database.
func Open(ctx context.Context, cfg *config.Config, log *slog.Logger) (*archive.Archive, error) {
	db, err := archive.Open(ctx, cfg.Database, log)
	if err != nil {
		return nil, FolderError(cfg, err)
	}
	return db, nil
}

// OpenToRead opens the configured database for reading. A missing database is not
// made: the wrong folder would be taken for an empty month.
func OpenToRead(ctx context.Context, cfg *config.Config, log *slog.Logger) (*archive.Archive, error) {
	if !cfg.Database.Exists() {
		key, folder := "state", cfg.State
		if cfg.Database.Folder != filepath.Join(cfg.State, "database") {
			key, folder = "database.folder", cfg.Database.Folder
		}
		return nil, exit.Usage(cfg.Wrong(key, fmt.Sprintf("folder %s cannot be used: there is no database in it yet", folder),
			"nfacct run and nfacct import make one; if yours is elsewhere, name its configuration with --config, or set "+key))
	}
	return Open(ctx, cfg, log)
}

// FolderError gives an error its exit code, and names the configuration's key when a
// folder cannot be used.
func FolderError(cfg *config.Config, err error) error {
	err = cfg.FolderProblem(err)
	if problem := (config.Problem{}); errors.As(err, &problem) {
		return exit.Usage(err)
	}
	return exit.Database(err)
}
