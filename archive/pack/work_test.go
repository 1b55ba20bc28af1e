package pack

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"nfacct/archive"
)

// What else lies in the configured folder for copies is not ours to remove.
func TestWorkKeepsStrangers(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 5, october.First(), 31})
	cfg := DefaultConfig()
	cfg.Work = openFolder(t)
	stranger := filepath.Join(cfg.Work, "payroll.sql")
	if err := os.WriteFile(stranger, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := New(cfg, a, testLog())
	if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(cfg.Work); err != nil || len(entries) != 1 || entries[0].Name() != "payroll.sql" {
		t.Errorf("%v %v", entries, err)
	}
}

// Two databases that use one folder for copies have each its own in it.
func TestWorkOfTwoDatabases(t *testing.T) {
	a := open(t)
	mustLoad(t, a, file{1, 5, october.First(), 31})
	cfg := DefaultConfig()
	cfg.Work = openFolder(t)
	p := New(cfg, a, testLog())
	_, other, err := p.choose(archive.Place{Data: openFolder(t), Folder: openFolder(t), MariaDB: true})
	if err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Join(other.work, "copy")
	if err := os.MkdirAll(theirs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(other.work), 0o777); err != nil { // as theirs would be
		t.Fatal(err)
	}
	if _, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(theirs); err != nil {
		t.Errorf("another database's copy: %v", err)
	}
}
