package daemon

import (
	"context"
	"time"

	"nfacct/archive"
)

// Ledger is the archive's ledger of runs. Its waits are bounded, since the server
// may be stopped.
type Ledger struct {
	Open func(context.Context) (*archive.Archive, error)
}

const ledgerWait = 20 * time.Second

// with does something with the ledger.
func (l Ledger) with(ctx context.Context, do func(context.Context, archive.Runs) error) error {
	open, err := l.Open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, ledgerWait)
	defer cancel()
	return do(ctx, open.Runs())
}

func (l Ledger) Done(ctx context.Context, job, from string) (done map[string]time.Time, last string, err error) {
	err = l.with(ctx, func(ctx context.Context, runs archive.Runs) error {
		done, last, err = runs.Done(ctx, job, from)
		return err
	})
	return done, last, err
}

func (l Ledger) Begin(ctx context.Context, job, period string, now time.Time) error {
	return l.with(ctx, func(ctx context.Context, runs archive.Runs) error { return runs.Begin(ctx, job, period, now) })
}

func (l Ledger) End(ctx context.Context, job, period string, now time.Time, result error) error {
	return l.with(ctx, func(ctx context.Context, runs archive.Runs) error { return runs.End(ctx, job, period, now, result) })
}
