package stages

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"nfacct/archive"
	"nfacct/archive/pack"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/importer"
)

// Pending finds the files that the month's end waits for.
func Pending(cfg *config.Config, db *archive.Archive) pack.Pending {
	return func(ctx context.Context, from, to archive.Day) ([]string, string, error) {
		return importer.HoldsUp(ctx, db.Reader().LoadedNames, cfg.Spool.Folder, cfg.Location(), from, to)
	}
}

// PackError gives the errors of months their exit code. Rows that came meanwhile are
// gone over by trying again.
func PackError(ctx context.Context, results []pack.Result) error {
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

// MonthIsWhole is an error while more of a month is to come.
func MonthIsWhole(ctx context.Context, today archive.Day, month archive.Month, pending pack.Pending) error {
	why, err := pack.Whole(ctx, today, month, pending)
	if err == nil && why != "" {
		err = exit.Temporary(fmt.Errorf("%s: %s", month, why))
	}
	return err
}
