package daemon

import (
	"context"
	"time"

	"nfacct/archive"
	"nfacct/archive/pack"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/importer"
)

// archiveJob packs the months that are over. It fails, and so is tried again, while a
// month waits for files to be imported, and while more of its own month is to come.
func (d *Daemon) archiveJob(ctx context.Context, cfg *config.Config, db *archive.Archive, period string) error {
	month, err := archive.ParseMonth(period)
	if err != nil {
		return err
	}
	packer, pending, today := pack.New(cfg.Archive, db, d.Log), stages.Pending(cfg, db), importer.Today(time.Now(), cfg.Location())
	if err := packer.Recover(ctx, importWait); err != nil {
		return err
	}
	if err := packer.CloseDays(ctx, today, importWait); err != nil {
		return err
	}
	todo, err := packer.Plan(ctx, today, archive.Month{}, pending)
	if err != nil {
		return err
	}
	results := packer.Do(ctx, todo, pack.Options{Wait: importWait})
	for _, r := range results {
		if r.Err == nil { // else it is in the error
			d.Log.Info("month "+string(r.Done), "month", r.Month, "rows", r.Rows, "flows", r.Flows, "live_bytes", r.LiveBytes, "bytes", r.Bytes, "seconds", r.Seconds)
		}
	}
	if err := stages.PackError(ctx, results); err != nil {
		return err
	}
	return stages.MonthIsWhole(ctx, today, month, pending)
}
