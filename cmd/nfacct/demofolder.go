package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"nfacct/archive"
	"nfacct/routeros/routerostest"
)

// What a demo writes into its folder.
const (
	demoConfig = "nfacct.toml"
	demoState  = "state"
	// demoMark begins the configuration of a demo, and so tells its folder from
	// others.
	demoMark = "# Written by nfacct demo."
)

// prepareDemo makes the folder, or removes what an earlier demo left in it, and
// keeps other demos out until release is called. Nothing is ever removed that no
// demo has written.
func prepareDemo(ctx context.Context, f demoFlags, log *slog.Logger) (release func(), err error) {
	if err := os.MkdirAll(f.folder, 0o755); err != nil {
		return nil, usageError(fmt.Errorf("--folder: %w", err))
	}
	folder, err := os.Open(f.folder)
	if err != nil {
		return nil, usageError(fmt.Errorf("--folder: %w", err))
	}
	defer func() {
		if err != nil {
			folder.Close()
		}
	}()
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return nil, temporaryError(fmt.Errorf("another demo is at work in %s", f.folder))
	} else if err != nil {
		return nil, fmt.Errorf("lock %s: %w", f.folder, err)
	}
	entries, err := folder.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, entry := range entries {
		has[entry.Name()] = true
	}
	text, err := os.ReadFile(filepath.Join(f.folder, demoConfig))
	own := err == nil && bytes.HasPrefix(text, []byte(demoMark))
	switch {
	case own:
		if err := removeDemo(ctx, f.folder, log); err != nil {
			return nil, err
		}
	case has[demoConfig], has[demoState]:
		return nil, usageError(fmt.Errorf("%s holds %s or %s that no demo has written: name another folder with --folder", f.folder, demoConfig, demoState))
	case len(entries) > 0 && !f.force:
		return nil, usageError(fmt.Errorf("%s is not empty and not of an earlier demo: name another folder with --folder, or use this one beside what is there with --force", f.folder))
	}
	return func() { folder.Close() }, nil
}

// removeDemo removes what an earlier demo left, unless it is in use.
func removeDemo(ctx context.Context, folder string, log *slog.Logger) error {
	state := filepath.Join(folder, demoState)
	database := filepath.Join(state, "database")
	instance := filepath.Join(database, "instance.lock") // mariadbd's own
	if isLocked(instance) {
		// A demo that was killed leaves its server running: who uses it last stops it.
		cfg := archive.DefaultConfig()
		cfg.Folder = database
		if db, err := archive.Open(ctx, cfg, log); err == nil {
			db.Close()
		}
	}
	for _, lock := range []string{instance, filepath.Join(state, "spool", ".lock")} {
		if isLocked(lock) {
			return temporaryError(fmt.Errorf("%s is in use by another nfacct (%s is locked): stop that one, or name another folder with --folder", folder, lock))
		}
	}
	if err := os.RemoveAll(state); err != nil {
		return fmt.Errorf("remove the earlier demo: %w", err)
	}
	return nil
}

// isLocked says whether somebody holds a lock file.
func isLocked(name string) bool {
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close() // which frees the lock
	return errors.Is(unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// writeDemoConfig writes a configuration that fits the office and works without
// the demo.
func writeDemoConfig(name, zone string, o *routerostest.Office) error {
	list := func(items ...fmt.Stringer) string {
		var quoted []string
		for _, item := range items {
			quoted = append(quoted, fmt.Sprintf("%q", item))
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	inside := []fmt.Stringer{o.Server}
	for _, prefix := range o.Inside {
		inside = append(inside, prefix)
	}
	text := fmt.Sprintf(`%s The next demo in this folder writes this
# file anew and removes the folder state: copy what you want to keep.
timezone = %q
state = %q

[collector]
listen = ["127.0.0.1:8787"]

# The simulated Mikrotik, which exported from this machine and is no more. A real
# one has an address here, and what follows is read from it.
[[router]]
name = %q
export = ["127.0.0.1"]
wan = [%d, %d] # ifIndex of the two uplinks
inside = %s
own = %s
proxies = %s
`, demoMark, zone, demoState, demoRouter, routerostest.WAN, routerostest.WAN2, list(inside...), list(o.Gateway, o.Public), list(o.Proxy))
	return renameio.WriteFile(name, []byte(text), 0o644)
}

// zoneName is the IANA name of the machine's time zone, so that what is written
// with it stays true wherever it is read, or Local where the name is not known.
func zoneName() string {
	name := ""
	if zone, set := os.LookupEnv("TZ"); set {
		name = strings.TrimPrefix(zone, ":")
		if name == "" {
			return "UTC" // as package time has it
		}
	} else if target, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		_, name, _ = strings.Cut(target, "/zoneinfo/")
	} else if errors.Is(err, fs.ErrNotExist) {
		return "UTC"
	}
	if _, err := time.LoadLocation(name); err != nil || name == "" {
		return "Local"
	}
	return name
}
