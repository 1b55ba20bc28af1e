package routeros

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// attempts and pauses between them: what heals, such as a router that is
// booting or has all its sessions in use, is tried again for a few seconds.
const (
	attempts   = 3
	firstPause = 500 * time.Millisecond
)

// Use dials a router, does something with it, and closes it. What can heal is
// tried again, as long as nothing was written: do says so by returning an Error
// that Heals.
func Use(ctx context.Context, cfg Config, log *slog.Logger, do func(context.Context, *Device) error) error {
	pauses := &backoff.ExponentialBackOff{InitialInterval: firstPause, Multiplier: 2, MaxInterval: time.Minute}
	pauses.Reset()
	for n := 1; ; n++ {
		err := func() error {
			d, err := Dial(ctx, cfg, log)
			if err != nil {
				return err
			}
			defer d.Close()
			return do(ctx, d)
		}()
		var e *Error
		if err == nil || n == attempts || !errors.As(err, &e) || !e.Heals || ctx.Err() != nil {
			return err
		}
		log.Debug("trying again", "router", cfg.Name, "attempt", n, "err", err)
		select {
		case <-time.After(pauses.NextBackOff()):
		case <-ctx.Done():
			return err
		}
	}
}

// patience is how long one of Each keeps its place from those who wait for it.
const patience = time.Second

// Each does something for each of n routers, none longer than limit. So many are
// begun at a time; one that is not done within a second, as those that do not
// answer, gives its place to the next. So routers that hang do not delay the
// others, and with all that hang there are at most parallel more each second.
func Each(ctx context.Context, n, parallel int, limit time.Duration, do func(ctx context.Context, i int)) {
	places := make(chan struct{}, max(parallel, 1))
	var all sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		all.Go(func() {
			leave := sync.OnceFunc(func() { <-places })
			defer leave()
			slow := time.AfterFunc(patience, leave)
			defer slow.Stop()
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			do(ctx, i)
		})
	}
	all.Wait()
}
