package spool

import (
	"bytes"
	"cmp"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// spoolOf makes a folder with one 1000-byte file a day, up to the given day.
func spoolOf(t *testing.T, last time.Time, days int) (folder string, names []string) {
	t.Helper()
	folder = t.TempDir()
	for day := days - 1; day >= 0; day-- {
		name := nameOf(last.AddDate(0, 0, -day))
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 1000), 0o640); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return folder, names
}

func TestExpire(t *testing.T) {
	const plenty = 1 << 40
	for _, test := range []struct {
		name     string
		cfg      Config
		imported []int // of ten files, one a day, the last of today
		free     Size  // at first; a deleted file adds its size
		disk     Size  // 0: plenty
		gone     []int
		says     string
	}{
		{name: "all young", cfg: Config{KeepDays: 35, KeepBytes: plenty}, imported: []int{0, 1, 2}, free: plenty},
		{name: "by age", cfg: Config{KeepDays: 7, KeepBytes: plenty}, imported: []int{0, 1, 2, 3, 4}, free: plenty, gone: []int{0, 1, 2}},
		{name: "by bytes", cfg: Config{KeepDays: 35, KeepBytes: 7000}, imported: []int{0, 1, 2, 3, 4}, free: plenty, gone: []int{0, 1, 2}},
		{name: "never what is not imported", cfg: Config{KeepDays: 1, KeepBytes: 2000}, imported: []int{1}, free: plenty, gone: []int{1}, says: "not imported yet"},
		{name: "imported ones first", cfg: Config{KeepDays: 35, KeepBytes: plenty, MinFree: 5000}, imported: []int{3, 5, 7}, free: 3500, gone: []int{3, 5}, says: "before its time"},
		{name: "then loudly others", cfg: Config{KeepDays: 35, KeepBytes: plenty, MinFree: 5000}, imported: []int{3}, free: 200, gone: []int{0, 3}, says: "its records are lost"},
		{name: "others only in need", cfg: Config{KeepDays: 35, KeepBytes: plenty, MinFree: 5000}, imported: []int{3}, free: 1000, gone: []int{3}, says: "before its time"},
		{name: "a disk that is small", cfg: Config{KeepDays: 35, KeepBytes: plenty, MinFree: 5000}, imported: []int{3}, free: 2500, disk: 20_000},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder, names := spoolOf(t, noon, 10)
			test.cfg.Folder = folder
			var imported []string
			for _, i := range test.imported {
				imported = append(imported, names[i])
			}
			if err := WriteImported(folder, imported); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			free := func() (Size, Size, error) {
				left, err := ListSealed(folder)
				return test.free + Size(1000*(10-len(left))), cmp.Or(test.disk, plenty), err
			}
			if err := expire(test.cfg, noon.Add(time.Minute), slog.New(slog.NewTextHandler(&said, nil)), free); err != nil {
				t.Fatal(err)
			}
			var gone []int
			for i, name := range names {
				if _, err := os.Stat(filepath.Join(folder, name)); errors.Is(err, os.ErrNotExist) {
					gone = append(gone, i)
					if _, err := os.Stat(filepath.Dir(filepath.Join(folder, name))); err == nil {
						t.Errorf("the empty folder of %s stays", name)
					}
				}
			}
			if !slices.Equal(gone, test.gone) {
				t.Errorf("files %v are gone, want %v", gone, test.gone)
			}
			if !strings.Contains(said.String(), test.says) {
				t.Errorf("said %q, want %q", said.String(), test.says)
			}
		})
	}
}

// A clock that is set far forward, and back, and forward, deletes nothing early;
// each jump may leave a sealed file of its own time.
func TestExpireClockJumps(t *testing.T) {
	folder, names := spoolOf(t, noon, 10)
	cfg := Config{Folder: folder, KeepDays: 35, KeepBytes: 1 << 40}
	space := func() (free, disk Size, err error) { return 1 << 40, 1 << 40, nil }
	for _, ahead := range []int{40, 0, 400, 4000} {
		now := noon.AddDate(0, 0, ahead)
		for range 2 {
			if err := WriteImported(folder, names); err != nil {
				t.Fatal(err)
			}
			if err := expire(cfg, now, slog.New(slog.DiscardHandler), space); err != nil {
				t.Fatal(err)
			}
			if left, err := ListSealed(folder); err != nil || len(left) != len(names) {
				t.Fatalf("%d days ahead: %d files are left of %d, %v", ahead, len(left), len(names), err)
			}
			name := nameOf(now.Add(15 * time.Minute))
			path := filepath.Join(folder, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, nil, 0o640)); err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
}

func TestExpireOfNothing(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Folder = filepath.Join(t.TempDir(), "none")
	if err := Expire(cfg, noon, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
	cfg.Folder = t.TempDir()
	if err := Expire(cfg, noon, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}
