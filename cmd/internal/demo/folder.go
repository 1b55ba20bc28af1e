package demo

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
	"nfacct/cmd/internal/exit"
	"nfacct/routeros/officetest"
)

// What a demo writes into its folder.
const (
	ConfigName = "nfacct.toml"
	StateName  = "state"
	// mark begins the configuration of a demo, and so tells its folder from
	// others.
	mark = "# Written by nfacct demo."
)

// Prepare makes the folder, or removes what an earlier demo left in it, and
// keeps other demos out until release is called. Nothing is ever removed that no
// demo has written.
func Prepare(ctx context.Context, o Options, log *slog.Logger) (release func(), err error) {
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return nil, exit.Usage(fmt.Errorf("--folder: %w", err))
	}
	folder, err := os.Open(o.Folder)
	if err != nil {
		return nil, exit.Usage(fmt.Errorf("--folder: %w", err))
	}
	defer func() {
		if err != nil {
			folder.Close()
		}
	}()
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return nil, exit.Temporary(fmt.Errorf("another demo is at work in %s", o.Folder))
	} else if err != nil {
		return nil, fmt.Errorf("lock %s: %w", o.Folder, err)
	}
	entries, err := folder.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, entry := range entries {
		has[entry.Name()] = true
	}
	text, err := os.ReadFile(filepath.Join(o.Folder, ConfigName))
	own := err == nil && bytes.HasPrefix(text, []byte(mark))
	switch {
	case own:
		if err := remove(ctx, o.Folder, log); err != nil {
			return nil, err
		}
	case has[ConfigName], has[StateName]:
		return nil, exit.Usage(fmt.Errorf("%s holds %s or %s that no demo has written: name another folder with --folder", o.Folder, ConfigName, StateName))
	case len(entries) > 0 && !o.Force:
		return nil, exit.Usage(fmt.Errorf("%s is not empty and not of an earlier demo: name another folder with --folder, or use this one beside what is there with --force", o.Folder))
	}
	return func() { folder.Close() }, nil
}

// remove removes what an earlier demo left, unless it is in use.
func remove(ctx context.Context, folder string, log *slog.Logger) error {
	state := filepath.Join(folder, StateName)
	database := filepath.Join(state, "database")
	instance := filepath.Join(database, "instance.lock") // mariadbd's own
	if IsLocked(instance) {
		// A demo that was killed leaves its server running: who uses it last stops it.
		cfg := archive.DefaultConfig()
		cfg.Folder = database
		if db, err := archive.Open(ctx, cfg, log); err == nil {
			db.Close()
		}
	}
	for _, lock := range []string{instance, filepath.Join(state, "spool", ".lock")} {
		if IsLocked(lock) {
			return exit.Temporary(fmt.Errorf("%s is in use by another nfacct (%s is locked): stop that one, or name another folder with --folder", folder, lock))
		}
	}
	if err := os.RemoveAll(state); err != nil {
		return fmt.Errorf("remove the earlier demo: %w", err)
	}
	return nil
}

// IsLocked says whether somebody holds a lock file.
func IsLocked(name string) bool {
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close() // which frees the lock
	return errors.Is(unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// writeConfig writes a configuration that fits the office and works without
// the demo.
func writeConfig(name, zone string, o *officetest.Office) error {
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
`, mark, zone, StateName, RouterName, officetest.WAN, officetest.WAN2, list(inside...), list(o.Gateway, o.Public), list(o.Proxy))
	return renameio.WriteFile(name, []byte(text), 0o644)
}

// zoneName is the IANA name of the machine's time zone, so that what is written
// with it stays true wherever it is read, or Local where the name is not known.
func ZoneName() string {
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
