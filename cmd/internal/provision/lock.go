package provision

import (
	"fmt"
	"path/filepath"

	"github.com/gofrs/flock"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/collector/spool"
)

// Lock makes this the only process that writes to routers with a state
// folder: of two at once, each would read back what the other wrote, and take it
// for what the router had before.
func Lock(cfg *config.Config) (unlock func(), err error) {
	folder := stages.SavedFolder(cfg)
	if err := spool.MkdirAll(folder, 0o700); err != nil {
		return nil, stages.FolderError(cfg, fmt.Errorf("folder of what routers had before: %w", err))
	}
	lock := flock.New(filepath.Join(folder, "lock"), flock.SetPermissions(0o600))
	free, err := lock.TryLock()
	if err == nil {
		err = spool.Own(lock.Path())
	}
	switch {
	case err != nil:
		return nil, stages.FolderError(cfg, fmt.Errorf("lock what routers had before: %w", err))
	case !free:
		return nil, exit.Temporary(fmt.Errorf("another nfacct provision is under way with %s: try again when it has ended", cfg.State))
	}
	return func() { lock.Close() }, nil
}
