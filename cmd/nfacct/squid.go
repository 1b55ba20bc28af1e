package main

import (
	"context"
	"errors"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/report/squid"
)

// afterImport reads what is new in Squid's log, and finds out whom the hosts of
// finished days talked with, so that no report has to wait for it. What fails of
// it fails by itself: the flows are loaded.
func (a *app) afterImport(ctx context.Context, cfg *config.Config, db *archive.Archive, wait time.Duration) error {
	if err := a.readSquid(ctx, cfg, db, wait); err != nil {
		return err
	}
	if err := db.RefreshDays(ctx); err != nil {
		return err
	}
	days, err := db.DaysWithoutPeers(ctx, archive.DayOf(time.Now().In(cfg.Location())))
	if err != nil {
		return err
	}
	until := time.Now().Add(preparing)
	for _, day := range days {
		if time.Now().After(until) {
			a.log.Debug("peers of days are left to the next import", "from", day)
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

func (a *app) readSquid(ctx context.Context, cfg *config.Config, db *archive.Archive, wait time.Duration) error {
	if cfg.Report.Squid.AccessLog == "" {
		return nil
	}
	reader, err := squid.New(cfg.Report.Squid, db, cfg.Location(), a.log)
	if err != nil {
		return usageError(err)
	}
	s, err := reader.Read(ctx, wait)
	a.log.Info("log of Squid read", "files", s.Files, "lines", s.Lines, "bad", s.BadLines)
	if s.BadLines > 0 && s.BadLines*20 > s.Lines {
		a.log.Warn("many lines of Squid's log are not of the format: is report.squid.format that of squid.conf?", "lines", s.Lines, "bad", s.BadLines, "format", cfg.Report.Squid.Format)
	}
	return err
}
