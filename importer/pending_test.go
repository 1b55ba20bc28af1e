package importer

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"nfacct/archive"
)

// TestPending: files of the days and the one after them wait, unless they are loaded.
func TestPending(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"2026-11-22/20261122T234500Z", "2026-11-23/20261123T000000Z", "2026-11-23/20261123T120000Z", "2026-11-24/20261124T000000Z", "2026-11-24/20261124T001500Z"} {
		name = filepath.Join(folder, name+".pcapng.zst")
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	loaded := func(context.Context) ([]string, error) {
		return []string{"2026-11-23/20261123T120000Z.pcapng.zst"}, nil
	}
	day := archive.Day{Year: 2026, Month: time.November, Day: 23}
	pending, err := Pending(t.Context(), loaded, folder, time.UTC, day, day)
	want := []string{"2026-11-23/20261123T000000Z.pcapng.zst", "2026-11-24/20261124T000000Z.pcapng.zst"}
	if err != nil || !slices.Equal(pending, want) {
		t.Errorf("Pending = %v, %v, want %v", pending, err, want)
	}
}
