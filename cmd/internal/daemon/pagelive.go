package daemon

import (
	"context"
	"log/slog"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
)

// pageKeep is how far back the page Now looks at most, and a little.
const pageKeep = 16 * time.Minute

func newPageArchive(cfg *config.Config, log *slog.Logger) *pageArchive {
	p := &pageArchive{log: log, cfg: cfg}
	p.live = stages.Live(cfg, pageKeep, p.known, log)
	return p
}

// known is the archive, or nil while the database is down, if what the configuration
// says of the routers is enough to account their records.
func (p *pageArchive) known(ctx context.Context) (*archive.Archive, error) {
	if _, _, err := p.get(ctx); err != nil && (stages.DependsOnFacts(p.cfg) || ctx.Err() != nil) {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.db, nil
}
