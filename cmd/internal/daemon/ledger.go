package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/schedule"
)

// LedgerWait bounds each wait for the ledger of runs: the server may be stopped.
const LedgerWait = 20 * time.Second

// Ledger is the archive's ledger of runs. A run that is begun is claimed, by a lock of
// the database that ends with the process: two processes never run one job at once.
type Ledger struct {
	open func(context.Context) (*archive.Archive, error)

	mu     sync.Mutex
	claims map[string]func() // by job
}

// NewLedger is the ledger of the archive that open gives.
func NewLedger(open func(context.Context) (*archive.Archive, error)) *Ledger {
	return &Ledger{open: open, claims: map[string]func(){}}
}

// with does something with the ledger.
func (l *Ledger) with(ctx context.Context, do func(context.Context, archive.Runs) error) error {
	open, err := l.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, LedgerWait)
	defer cancel()
	return do(ctx, open.Runs())
}

// Done implements schedule.Ledger.
func (l *Ledger) Done(ctx context.Context, job, from string) (done map[string]time.Time, oldest string, err error) {
	err = l.with(ctx, func(ctx context.Context, runs archive.Runs) error {
		done, oldest, err = runs.Done(ctx, job, from)
		return err
	})
	return done, oldest, err
}

// Begin implements schedule.Ledger. The error wraps schedule.ErrWaits while another
// process runs the job, and schedule.ErrDone when one has done the period meanwhile.
func (l *Ledger) Begin(ctx context.Context, job, period string, now time.Time) error {
	again := schedule.Again(ctx)
	return l.with(ctx, func(ctx context.Context, runs archive.Runs) error {
		release, err := runs.Claim(ctx, job)
		if errors.Is(err, archive.ErrLocked) {
			return fmt.Errorf("job %s is run by another process: %w", job, schedule.ErrWaits)
		}
		if err != nil {
			return err
		}
		done, _, err := runs.Done(ctx, job, period)
		if _, is := done[period]; err == nil && is && !again {
			err = schedule.ErrDone
		}
		if err == nil {
			err = runs.Begin(ctx, job, period, now)
		}
		if err != nil {
			release()
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.claims[job] = release
		return nil
	})
}

// End implements schedule.Ledger.
func (l *Ledger) End(ctx context.Context, job, period string, now time.Time, result error) error {
	err := l.with(ctx, func(ctx context.Context, runs archive.Runs) error { return runs.End(ctx, job, period, now, result) })
	l.mu.Lock()
	defer l.mu.Unlock()
	if release := l.claims[job]; release != nil {
		delete(l.claims, job)
		release()
	}
	return err
}
