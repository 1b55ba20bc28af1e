package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"nfacct/archive"
	"nfacct/cmd/internal/schedule"
)

// Database keeps the database open for the parent, which starts the private server
// and starts it again: a job that did would give it its limits. A caller gets
// an error at once while it is down, and one line an hour says so for all.
type Database struct {
	cfg  archive.Config
	log  *slog.Logger
	kept chan struct{} // closed when it was tried for the first time

	mu    sync.Mutex
	open  *archive.Archive // nil until it could be opened
	down  time.Time        // since when it does not answer; zero while it does
	cause error
}

const (
	// pingEvery is how often the database is looked at, and pingWait how long it may
	// take to answer.
	pingEvery = 5 * time.Second
	pingWait  = 10 * time.Second
	// retryMost is the longest time between two attempts.
	retryMost = time.Minute
	// hangs is after how long without an answer the private server is killed.
	hangs = 5 * time.Minute
	// sayEvery is how often one cause is said.
	sayEvery = time.Hour
	// closeWait is how long the private server may take to end with the parent, and
	// closeWaitDown one that did not answer before.
	closeWait     = 45 * time.Second
	closeWaitDown = 3 * time.Second
)

// NewDatabase returns a database that Run keeps.
func NewDatabase(cfg archive.Config, log *slog.Logger) *Database {
	return &Database{cfg: cfg, log: log, kept: make(chan struct{})}
}

// Get is the open archive. While it is down the error wraps schedule.ErrWaits.
func (d *Database) Get(ctx context.Context) (*archive.Archive, error) {
	select {
	case <-d.kept: // the first attempt may take minutes, after a crash
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.down.IsZero() {
		return nil, fmt.Errorf("%w for the database: %w", schedule.ErrWaits, d.cause)
	}
	return d.open, nil
}

// Down says since when the database does not answer, and why; zero while it does.
func (d *Database) Down() (since time.Time, cause string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cause != nil {
		cause = d.cause.Error()
	}
	return d.down, cause
}

// Run keeps the database until ctx is done.
func (d *Database) Run(ctx context.Context) error {
	defer d.close()
	var said time.Time
	first := sync.OnceFunc(func() { close(d.kept) })
	defer first()
	pauses := &backoff.ExponentialBackOff{InitialInterval: time.Second, Multiplier: 2, MaxInterval: retryMost}
	pauses.Reset()
	for {
		err := d.try(ctx)
		if ctx.Err() != nil {
			d.note(errors.Join(err, ctx.Err()))
			return nil
		}
		since := d.note(err)
		first()
		switch {
		case err == nil:
			if !said.IsZero() {
				d.log.Warn("the database answers again", "after", time.Since(since).Round(time.Second))
			}
			said = time.Time{}
			pauses.Reset()
		case time.Since(said) >= sayEvery:
			d.log.Error("the database is down: jobs and mails wait for it, receiving goes on", "err", err)
			said = time.Now()
		default:
			d.log.Debug("the database is still down", "err", err)
		}
		pause := pingEvery
		if err != nil {
			pause = pauses.NextBackOff()
			if time.Since(since) > hangs {
				if ending := archive.EndSilent(ctx, d.cfg); ending != nil {
					d.log.Debug("the private database is not ended", "err", ending)
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// try opens the database, or asks the open one.
func (d *Database) try(ctx context.Context) error {
	d.mu.Lock()
	open := d.open
	d.mu.Unlock()
	if open == nil {
		opened, err := archive.Open(ctx, d.cfg, d.log)
		if err != nil {
			return err
		}
		d.mu.Lock()
		d.open = opened
		d.mu.Unlock()
		return nil
	}
	// Connecting starts a private server that died.
	ping, cancel := context.WithTimeout(ctx, pingWait)
	defer cancel()
	if err := open.DB().PingContext(ping); err != nil {
		return archive.Wrap("ask", err)
	}
	return nil
}

// note keeps what came out, and returns since when the database is, or was, down.
func (d *Database) note(err error) (since time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	since = d.down
	d.cause = err
	switch {
	case err == nil:
		d.down = time.Time{}
	case d.down.IsZero():
		d.down = time.Now()
		since = d.down
	}
	return since
}

func (d *Database) close() {
	d.mu.Lock()
	open, wait := d.open, closeWait
	if !d.down.IsZero() {
		wait = closeWaitDown
	}
	d.open, d.down, d.cause = nil, time.Now(), errors.New("nfacct run ends")
	d.mu.Unlock()
	if open == nil {
		return
	}
	closed := make(chan error, 1)
	go func() { closed <- open.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			d.log.Warn("the database is not closed", "err", err)
		}
	case <-time.After(wait):
		d.log.Warn("the private database does not end and is left to itself: the next command uses it, and ends it", "waited", wait)
	}
}
