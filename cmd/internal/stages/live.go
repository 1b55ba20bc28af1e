package stages

import (
	"context"
	"log/slog"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/importer"
	"nfacct/importer/live"
)

// Live follows the spool, and remembers for so long who talked with whom. open gives the
// archive, or nil for what the configuration alone says of the routers.
func Live(cfg *config.Config, keep time.Duration, open func(context.Context) (*archive.Archive, error), log *slog.Logger) *live.Live {
	return live.New(live.Config{
		Spool: cfg.Spool.Folder, Location: cfg.Location(), Keep: keep, Now: time.Now,
		Importer: func(ctx context.Context) (*importer.Importer, error) {
			db, err := open(ctx)
			if err != nil {
				return nil, err
			}
			return Importer(ctx, cfg, db, log)
		},
	})
}
