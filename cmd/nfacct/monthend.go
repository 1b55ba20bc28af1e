package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"nfacct/archive"
	"nfacct/archive/pack"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/importer"
)

// pendingFiles is what the month's end waits for.
func pendingFiles(cfg *config.Config, db *archive.Archive) pack.Pending {
	return func(ctx context.Context, from, to archive.Day) ([]string, string, error) {
		return importer.HoldsUp(ctx, db.Reader().LoadedNames, cfg.Spool.Folder, cfg.Location(), from, to)
	}
}

// packError gives the errors of months their exit code. Rows that came meanwhile are
// gone over by trying again.
func packError(ctx context.Context, results []pack.Result) error {
	var failed []error
	for _, r := range results {
		switch {
		case errors.Is(r.Err, archive.ErrDisturbed):
			failed = append(failed, exit.Temporary(r.Err))
		case r.Err != nil:
			failed = append(failed, exit.Database(r.Err))
		}
	}
	err := exit.Join(append(failed, ctx.Err())...)
	if err != nil && slices.ContainsFunc(results, func(r pack.Result) bool { return r.Err == nil }) {
		err = exit.Partial(err)
	}
	return err
}

// archiveJob packs the months that are over. It fails, and so is tried again, while a
// month waits for files to be imported, and while more of its own month is to come.
func (a *app) archiveJob(ctx context.Context, cfg *config.Config, db *archive.Archive, period string) error {
	month, err := archive.ParseMonth(period)
	if err != nil {
		return err
	}
	packer, pending, today := pack.New(cfg.Archive, db, a.log), pendingFiles(cfg, db), importer.Today(time.Now(), cfg.Location())
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
			a.log.Info("month "+string(r.Done), "month", r.Month, "rows", r.Rows, "flows", r.Flows, "live_bytes", r.LiveBytes, "bytes", r.Bytes, "seconds", r.Seconds)
		}
	}
	if err := packError(ctx, results); err != nil {
		return err
	}
	return monthIsWhole(ctx, today, month, pending)
}

// monthIsWhole is an error while more of a month is to come.
func monthIsWhole(ctx context.Context, today archive.Day, month archive.Month, pending pack.Pending) error {
	why, err := pack.Whole(ctx, today, month, pending)
	if err == nil && why != "" {
		err = exit.Temporary(fmt.Errorf("%s: %s", month, why))
	}
	return err
}
