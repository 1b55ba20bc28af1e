package pack

import (
	"os"
	"path/filepath"
	"testing"
)

// What else lies in the configured folder for copies is not ours to remove.
func TestWorkKeepsStrangers(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 5, october.First(), 31})
	cfg := DefaultConfig()
	cfg.Work = t.TempDir()
	stranger := filepath.Join(cfg.Work, "payroll.sql")
	if err := os.WriteFile(stranger, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := New(cfg, a, testLog())
	if _, err := p.Pack(t.Context(), october, Options{}); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(cfg.Work); err != nil || len(entries) != 1 || entries[0].Name() != "payroll.sql" {
		t.Errorf("%v %v", entries, err)
	}
}
