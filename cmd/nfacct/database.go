package main

import (
	"context"
	"errors"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
)

// errSaid ends a command whose error has been said already.
var errSaid = errors.New("")

func (a *app) openToRead(ctx context.Context, cfg *config.Config) (*archive.Archive, error) {
	return stages.OpenToRead(ctx, cfg, a.log)
}

func (a *app) openDatabase(ctx context.Context, cfg *config.Config) (*archive.Archive, error) {
	return stages.Open(ctx, cfg, a.log)
}
