package spool

import (
	"bytes"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestImportedIsAHint: whatever stands in the place of the list of imported files,
// the next spool file begins, nothing expires that is not named, and the list is
// written anew.
func TestImportedIsAHint(t *testing.T) {
	_, names := spoolOf(t, noon, 3)
	for name, test := range map[string]struct {
		put   func(path string) error
		known []string
		fails bool
	}{
		"absent": {func(string) error { return nil }, nil, false},
		"whole":  {func(path string) error { return os.WriteFile(path, []byte(names[0]+"\n"+names[1]+"\n"), 0o640) }, names[:2], false},
		"no end": {func(path string) error { return os.WriteFile(path, []byte(names[0]), 0o640) }, names[:1], false},
		"bytes":  {func(path string) error { return os.WriteFile(path, []byte("\x00\xff\n"+names[0]+"\n\x7fELF"), 0o640) }, names[:1], true},
		"a line": {func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("x"), 1<<20), 0o640) }, nil, true},
		"a line between": {func(path string) error {
			return os.WriteFile(path, []byte(names[0]+"\n"+strings.Repeat("x", 1<<17)+names[2]+"\n"+names[1]+"\n"), 0o640)
		}, names[:2], true},
		"too long":       {func(path string) error { return os.Truncate(path, maxImported+1) }, nil, true},
		"a folder":       {func(path string) error { return os.Mkdir(path, 0o750) }, nil, true},
		"a full folder":  {func(path string) error { return os.MkdirAll(path+"/x", 0o750) }, nil, true},
		"a pipe":         {func(path string) error { return syscall.Mkfifo(path, 0o640) }, nil, true},
		"link to itself": {func(path string) error { return os.Symlink(importedName, path) }, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			folder, _ := spoolOf(t, noon, 3)
			path := filepath.Join(folder, importedName)
			if name == "too long" {
				if err := os.WriteFile(path, nil, 0o640); err != nil {
					t.Fatal(err)
				}
			}
			if err := test.put(path); err != nil {
				t.Fatal(err)
			}
			found, err := ReadImported(folder)
			if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, test.known) || (err != nil) != test.fails {
				t.Errorf("read %v, %v; want %v", got, err, test.known)
			}
			w, err := NewWriter(Config{Folder: folder, KeepDays: 1, KeepBytes: 1}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Begin(noon.AddDate(0, 0, 9), nil); err != nil {
				t.Errorf("the collector does not go on: %v", err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			plenty := func() (Size, Size, error) { return 1 << 40, 1 << 40, nil }
			if err := expire(Config{Folder: folder, KeepDays: 1, KeepBytes: 1}, noon.AddDate(0, 0, 9), slog.New(slog.DiscardHandler), plenty); err != nil {
				t.Error(err)
			}
			left, err := ListSealed(folder)
			if want := 3 - len(test.known) + 1; err != nil || len(left) != want {
				t.Errorf("%d files are left, %v; want %d", len(left), err, want)
			}
			if err := WriteImported(folder, names[2:]); err != nil {
				t.Fatal(err)
			}
			if found, err := ReadImported(folder); err != nil || len(found) != 1 || !found[names[2]] {
				t.Errorf("written anew, it reads %v, %v", found, err)
			}
		})
	}
}

// TestRootLeavesNothingOfItsOwn: what root makes in another's folder is the
// other's, and what it replaces keeps owner and mode.
func TestRootLeavesNothingOfItsOwn(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const daemon, other = 12345, 12346
	folder := filepath.Join(t.TempDir(), "spool")
	if err := os.Mkdir(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(folder, daemon, daemon); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(folder, "kept")
	if err := os.WriteFile(kept, nil, 0o604); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(kept, other, daemon); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(kept, []byte("new"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, importedName), nil, 0o600); err != nil { // as an older sudo left it
		t.Fatal(err)
	}
	w, err := NewWriter(Config{Folder: filepath.Join(folder, "a", "b")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	small(t, w, 2*minFrames, 500)
	if err := w.Begin(noon, nil); err != nil {
		t.Fatal(err)
	}
	if err := WriteImported(folder, nil); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := daemon
		if path == kept {
			want = other
			if info.Mode().Perm() != 0o604 {
				t.Errorf("%s has mode %o", path, info.Mode())
			}
		}
		if uid, _ := ownerOf(info); uid != want {
			t.Errorf("%s belongs to %d, not to %d", path, uid, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRecoverInFolderOfPatterns: a folder's name is no pattern.
func TestRecoverInFolderOfPatterns(t *testing.T) {
	for _, name := range []string{"[a]", "[", "a*b", "?", `back\slash`} {
		cfg := Config{Folder: filepath.Join(t.TempDir(), name, "spool")}
		w, err := NewWriter(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		path := small(t, w, 3, 100)
		if err := os.WriteFile(path+packSuffix, nil, 0o640); err != nil {
			t.Fatal(err)
		}
		w.file.Close() // killed
		w.lock.Close()
		if err := Recover(cfg.Folder, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if files, err := ListSealed(cfg.Folder); err != nil || len(files) != 1 {
			t.Errorf("%s: %d files are sealed, %v", name, len(files), err)
		}
		if left, err := list(cfg.Folder, packSuffix); err != nil || len(left) != 0 {
			t.Errorf("%s: %v stays, %v", name, left, err)
		}
	}
}

func FuzzImported(f *testing.F) {
	name := nameOf(noon)
	f.Add([]byte(name + "\n"))
	f.Add([]byte("\xff" + name + "\n\n" + strings.Repeat(name, 200) + "\n" + name))
	f.Add([]byte("2026-11-23/20261123T1915"))
	f.Fuzz(func(t *testing.T, text []byte) {
		names := map[string]bool{}
		_ = parseImported(bytes.NewReader(text), names)
		for name := range names {
			if _, ours := startOf(name); !ours || !bytes.Contains(text, []byte(name)) {
				t.Errorf("%q was made up", name)
			}
		}
	})
}
