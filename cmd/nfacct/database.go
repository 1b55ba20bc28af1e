package main

import (
	"context"
	"errors"

	"nfacct/archive"
)

// errSaid ends a command whose error has been said already.
var errSaid = errors.New("")

// openArchive opens the configured database.
func (a *app) openArchive(ctx context.Context) (*archive.Archive, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	db, err := archive.Open(ctx, cfg.Database, a.log)
	if err != nil {
		return nil, databaseError(err)
	}
	return db, nil
}

// databaseError gives what can heal by itself its exit code.
func databaseError(err error) error {
	if errors.Is(err, archive.ErrLocked) || errors.Is(err, archive.ErrUnavailable) {
		return temporaryError(err)
	}
	return err
}
