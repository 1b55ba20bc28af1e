package daemon

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"
)

// A page waits for an archive that is being opened no longer than it can, and others
// are not held up by it.
func TestPageArchiveWaits(t *testing.T) {
	p := &pageArchive{log: slog.New(slog.DiscardHandler), opening: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := p.get(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	opening := p.opening
	p.opening, p.err, p.tried = nil, errors.New("refused"), time.Now()
	close(opening)
	if _, _, err := p.get(t.Context()); err == nil || err.Error() != "refused" {
		t.Error(err)
	}
}
