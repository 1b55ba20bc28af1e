package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
)

// FolderProblem names the key of the folder that cannot be used, and the
// remedy, when that is what an error of the file system says. Other errors, and
// nil, are returned as they are.
func (c *Config) FolderProblem(err error) error {
	var path *fs.PathError
	if !errors.As(err, &path) || !unusable(path) {
		return err
	}
	key, folder := "", ""
	for _, known := range []struct{ key, folder string }{
		{"spool.folder", c.Spool.Folder}, {"database.folder", c.Database.Folder}, {"state", c.State},
	} {
		if _, set := c.lines[known.key]; (set || known.key == "state") && (below(path.Path, known.folder) || below(known.folder, path.Path)) {
			key, folder = known.key, known.folder
			break
		}
	}
	if key == "" {
		return err
	}
	who := "the user that runs nfacct"
	if me, err := user.Current(); err == nil {
		who = me.Username
	}
	what := fmt.Sprintf("folder %s cannot be used: %v", folder, path)
	return c.Wrong(key, what, fmt.Sprintf("make it a folder of %s (install -d -m 750 -o %s %s), run nfacct as the user it belongs to, or set %s to another folder", who, who, folder, key))
}

// unusable says whether an error is of the folder itself, which no waiting heals.
func unusable(err *fs.PathError) bool {
	for _, reason := range []error{fs.ErrPermission, syscall.EROFS, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG} {
		if errors.Is(err, reason) {
			return true
		}
	}
	// A folder is made with all above it, so these are of a file system that makes
	// none, as /proc, or of a link that leads nowhere.
	return err.Op == "mkdir" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.EINVAL))
}

// below says whether a path is the folder or lies in it.
func below(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// NoRouter is the problem of a configuration without any, for what needs one.
func (c *Config) NoRouter() error {
	if len(c.Routers) > 0 {
		return nil
	}
	return c.Wrong("router", "no router is configured, so all datagrams are refused and nobody's traffic can be accounted",
		`add a [[router]] with name, export and inside, such as name = "office", export = ["192.168.88.1"], inside = ["192.168.88.0/24"]`)
}
