package main

import (
	"log/slog"
	"testing"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
)

// keepDatabase opens the database for the rest of the test, so that commands find
// the server running.
func keepDatabase(t *testing.T, name string) *archive.Archive {
	t.Helper()
	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	db, err := archive.Open(t.Context(), cfg.Database, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
