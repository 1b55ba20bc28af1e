package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
)

// errSaid ends a command whose error has been said already.
var errSaid = errors.New("")

// openToRead opens the configured database for a command that reads. One that is
// not there is not made for it: the wrong folder would be taken for an empty month.
func (a *app) openToRead(ctx context.Context, cfg *config.Config) (*archive.Archive, error) {
	if !cfg.Database.Exists() {
		key, folder := "state", cfg.State
		if cfg.Database.Folder != filepath.Join(cfg.State, "database") {
			key, folder = "database.folder", cfg.Database.Folder
		}
		return nil, usageError(cfg.Wrong(key, fmt.Sprintf("folder %s cannot be used: there is no database in it yet", folder),
			"nfacct run and nfacct import make one; if yours is elsewhere, name its configuration with --config, or set "+key))
	}
	return a.openDatabase(ctx, cfg)
}

func (a *app) openDatabase(ctx context.Context, cfg *config.Config) (*archive.Archive, error) {
	db, err := archive.Open(ctx, cfg.Database, a.log)
	if err != nil {
		return nil, folderError(cfg, err)
	}
	return db, nil
}

// folderError gives an error its exit code, and names the key when the error is
// that of a folder that cannot be used.
func folderError(cfg *config.Config, err error) error {
	err = cfg.FolderProblem(err)
	if problem := (config.Problem{}); errors.As(err, &problem) {
		return usageError(err)
	}
	return databaseError(err)
}

func databaseError(err error) error { return exit.Database(err) }
