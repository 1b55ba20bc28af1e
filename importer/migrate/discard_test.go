package migrate

import (
	"os"
	"path/filepath"
	"testing"

	"nfacct/archive"
)

// TestDiscardCutShort: what a kill leaves of a folder that was being removed
// does not keep the next migration from starting.
func TestDiscardCutShort(t *testing.T) {
	work, err := os.MkdirTemp("", "nfacct-work-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(work)
	furnish(t, work) // the second round sets up anew
	for range 2 {
		s, err := OpenFolder(t.Context(), t.TempDir(), work, archive.DefaultConfig(), quiet)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(work); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", work, err)
		}
		// A server's folder of which some is gone already.
		if err := os.MkdirAll(filepath.Join(work, "install-over", "mysql"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
