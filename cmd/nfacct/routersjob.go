package main

import (
	"context"
	"errors"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
)

// routersJob is the daemon's job. A router that does not answer does not hold up the
// others, and is tried again.
func (a *app) routersJob(ctx context.Context, cfg *config.Config, db *archive.Archive, routers []config.Router) error {
	failed := stages.Refresh(ctx, cfg, db, a.log, routers)
	for _, err := range failed {
		if errors.Is(err, archive.ErrUnavailable) {
			return err
		}
	}
	return stages.RoutersError(routers, failed)
}
