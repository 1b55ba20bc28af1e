package archive

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOpenInterrupted: whoever gives up opening leaves no server behind, neither
// the one that fills a new data directory nor the real one.
func TestOpenInterrupted(t *testing.T) {
	t.Parallel()
	cfg := private(t)
	for wait, opened := 100*time.Millisecond, false; !opened; wait *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		a, err := Open(ctx, cfg, testLog())
		cancel()
		if opened = err == nil; opened {
			mustClose(t, a)
		}
		if running(t, cfg.Folder) {
			t.Errorf("after %v, a server is left running", wait)
		}
		if left := livingIn(cfg.Folder); left != nil {
			t.Errorf("after %v (%v), left behind: %v", wait, err, left)
		}
		if wait > time.Minute {
			t.Fatal(err)
		}
	}
}

// TestOpenDeaf: a server that hears no SIGTERM while it starts, as MariaDB does for
// a moment, is not left behind either.
func TestOpenDeaf(t *testing.T) {
	t.Parallel()
	cfg := private(t)
	cfg.Mariadbd = filepath.Join(t.TempDir(), "mariadbd")
	// What is ignored stays ignored in what a shell becomes.
	if err := os.WriteFile(cfg.Mariadbd, []byte("#!/bin/sh\ntrap '' TERM\nexec sleep 1000\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(cfg.Folder, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := Open(ctx, cfg, testLog()); err == nil {
		t.Error("opened without a server")
	}
	if left := livingIn(cfg.Folder); left != nil {
		t.Errorf("left behind: %v", left)
	}
	if running(t, cfg.Folder) {
		t.Error("the server holds its folder")
	}
}

// livingIn lists the processes that work in a folder, where /proc knows.
func livingIn(folder string) (found []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if cwd, err := os.Readlink(link); err == nil && strings.HasPrefix(cwd, folder) {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
			if len(command) > 0 { // else it has ended, and nobody has asked how
				found = append(found, strings.ReplaceAll(string(command), "\x00", " "))
			}
		}
	}
	return found
}
