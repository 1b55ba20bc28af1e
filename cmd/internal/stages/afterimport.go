package stages

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/report/squid"
)

// AfterImport reads the new lines of Squid's log, and sums up the peers of the hosts of
// finished days, so that no report has to wait for that. A failure here does not
// affect the import, which is done.
func AfterImport(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger, wait time.Duration) error {
	if err := readSquid(ctx, cfg, db, log, wait); err != nil {
		return err
	}
	if err := db.RefreshDays(ctx); err != nil {
		return err
	}
	days, err := db.Reader().DaysWithoutPeers(ctx, archive.DayOf(time.Now().In(cfg.Location())))
	if err != nil {
		return err
	}
	until := time.Now().Add(preparing)
	for _, day := range days {
		if time.Now().After(until) {
			log.Debug("peers of days are left to the next import", "from", day)
			break
		}
		switch err := db.KeepPeers(ctx, day); {
		case errors.Is(err, archive.ErrLocked):
			return nil // whoever keeps peers now looks after them
		case err != nil:
			return err
		}
	}
	return nil
}

// preparing is how long an import looks for what was not summed while it was loaded.
// A day of an office of thousands takes ten seconds.
const preparing = 2 * time.Minute

func readSquid(ctx context.Context, cfg *config.Config, db *archive.Archive, log *slog.Logger, wait time.Duration) error {
	if cfg.Report.Squid.AccessLog == "" {
		return nil
	}
	reader, err := squid.New(cfg.Report.Squid, db, cfg.Location(), log)
	if err != nil {
		return exit.Usage(err)
	}
	s, err := reader.Read(ctx, wait)
	log.Info("log of Squid read", "files", s.Files, "lines", s.Lines, "bad", s.BadLines)
	if s.BadLines > 0 && s.BadLines*20 > s.Lines {
		log.Warn("many lines of Squid's log are not of the format: is report.squid.format that of squid.conf?", "lines", s.Lines, "bad", s.BadLines, "format", cfg.Report.Squid.Format)
	}
	return err
}
