package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// folders are where the programs of MariaDB lie that are not in everybody's
// PATH: Debian and the like, Red Hat, FreeBSD.
var folders = [...]string{"/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/libexec", "/usr/local/sbin", "/usr/local/bin"}

// findProgram finds a program of MariaDB, unless the configuration names one.
func findProgram(name, configured string) (string, error) {
	if configured != "" {
		info, err := os.Stat(configured)
		if err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return filepath.Abs(configured)
		}
		return "", fmt.Errorf("%s is not a program: correct database.mariadbd, or leave it out to have it found", configured)
	}
	if found, err := exec.LookPath(name); err == nil {
		return filepath.Abs(found)
	}
	for _, folder := range folders {
		if found, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("%s not found: install the package mariadb-server (apt-get install mariadb-server; FreeBSD: pkg install mariadb1011-server), or set database.dsn to use another server", name)
}

// install makes the data directory if there is none. It is made under another
// name and renamed when it is whole, so one that was cut short is not mistaken
// for a database. server.lock is held, and no server runs.
func (s *server) install(ctx context.Context) error {
	data := s.path("data")
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	leftovers, err := filepath.Glob(s.path("install-*"))
	if err != nil {
		return err
	}
	for _, leftover := range leftovers {
		// A bootstrap that lost its parent may still write there: whatever
		// cannot be removed now is removed another time.
		os.RemoveAll(leftover)
	}
	// mariadb-install-db lies beside mariadbd or in the bin folder next to it.
	beside := filepath.Join(filepath.Dir(s.program), "mariadb-install-db")
	if _, err := os.Stat(beside); err != nil {
		beside = ""
	}
	installer, err := findProgram("mariadb-install-db", beside)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(s.folder, "install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	options := []string{
		"--no-defaults", "--datadir=" + work, "--tmpdir=" + work,
		"--skip-test-db", "--auth-root-authentication-method=normal",
		"--skip-innodb", "--default-storage-engine=Aria", "--skip-name-resolve",
	}
	if os.Geteuid() == 0 {
		options = append(options, "--user=root")
	}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	cmd := exec.CommandContext(ctx, installer, options...)
	cmd.Dir = work
	cmd.WaitDelay = time.Second
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("set up private database: %s: %w: %s", installer, err, tail(string(said)))
	}
	if err := os.Chmod(work, 0o700); err != nil {
		return err
	}
	if err := os.Rename(work, data); err != nil {
		return err
	}
	s.log.Debug("private database set up", "folder", s.folder)
	return syncPath(s.folder)
}

// tail is the last few lines of a program's output, in one.
func tail(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-4):], "; ")
}
