package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/daemon"
	"nfacct/cmd/internal/schedule"
)

// A run that is begun is claimed: another process waits, and then finds it done.
func TestClaim(t *testing.T) {
	cfg := archive.DefaultConfig()
	cfg.Folder = filepath.Join(t.TempDir(), "database")
	open := func() *daemon.Ledger {
		db, err := archive.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return daemon.NewLedger(func(context.Context) (*archive.Archive, error) { return db, nil })
	}
	first, second := open(), open()
	ctx, now := t.Context(), time.Now()
	begin := func(l *daemon.Ledger, job string) error { return l.Begin(ctx, job, "2026-11-23", now) }
	if err := begin(first, "report"); err != nil {
		t.Fatal(err)
	}
	if err := begin(second, "report"); !errors.Is(err, schedule.ErrWaits) {
		t.Errorf("begun twice: %v", err)
	}
	if err := begin(second, "weekly"); err != nil {
		t.Errorf("another job: %v", err)
	}
	if err := first.End(ctx, "report", "2026-11-23", now, nil); err != nil {
		t.Fatal(err)
	}
	if err := begin(second, "report"); !errors.Is(err, schedule.ErrDone) {
		t.Errorf("done by another: %v", err)
	}
	if err := second.Begin(ctx, "report", "2026-11-24", now); err != nil {
		t.Errorf("the next period: %v", err)
	}
	// What failed is run again.
	if err := second.End(ctx, "report", "2026-11-24", now, errors.New("no")); err != nil {
		t.Fatal(err)
	}
	if err := first.Begin(ctx, "report", "2026-11-24", now); err != nil {
		t.Errorf("after a failure: %v", err)
	}
}
