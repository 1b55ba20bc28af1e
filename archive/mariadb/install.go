package mariadb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// folders are where the programs of MariaDB lie that are not in everybody's
// PATH: Debian and the like, Red Hat, FreeBSD.
var folders = [...]string{"/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/libexec", "/usr/local/sbin", "/usr/local/bin"}

// FindProgram finds a program of MariaDB, unless the configuration names one.
func FindProgram(name, configured string) (string, error) {
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
func (s *Server) install(ctx context.Context) error {
	leftovers, err := filepath.Glob(filepath.Join(EscapeGlob(s.folder), "install-*"))
	if err != nil {
		return err
	}
	for _, leftover := range leftovers {
		// A bootstrap that lost its parent may still write there: whatever
		// cannot be removed now is removed at the next start.
		os.RemoveAll(leftover)
	}
	data := s.Path("data")
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// mariadb-install-db lies beside mariadbd or in the bin folder next to it.
	beside := filepath.Join(filepath.Dir(s.program), "mariadb-install-db")
	if _, err := os.Stat(beside); err != nil {
		beside = ""
	}
	installer, err := FindProgram("mariadb-install-db", beside)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(s.folder, "install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := Own(work); err != nil {
		return err
	}
	// The installer is a shell script that knows no spaces in paths. Without --force
	// it refuses a machine whose name does not resolve (seen with 10.11 in a root
	// without /etc/hosts); a server that listens on a socket alone needs no name.
	options := []string{
		"--no-defaults", "--force", "--datadir=./" + filepath.Base(work), "--tmpdir=.", // the server's own, which is the data directory
		"--skip-test-db", "--auth-root-authentication-method=normal",
		"--skip-innodb", "--default-storage-engine=Aria", "--skip-name-resolve",
	}
	if s.owner.uid == 0 {
		options = append(options, "--user=root")
	}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	cmd := exec.CommandContext(ctx, installer, options...)
	cmd.Dir = s.folder
	// The script starts a server to fill the tables, which has to end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.owner.credential()}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("set up private database: %s: %w: %s", installer, err, complaint(string(said)))
	}
	if err := os.Chmod(work, 0o700); err != nil {
		return err
	}
	if err := os.Rename(work, data); err != nil {
		return err
	}
	s.log.Debug("private database set up", "folder", s.folder)
	return Sync(s.folder)
}

// complaint is what a program of MariaDB said was wrong: the first lines that it
// calls errors, or its last lines when it calls none so.
func complaint(text string) string {
	const most = 4
	var errs, all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		all = append(all, line)
		if _, after, ok := strings.Cut(line, "[ERROR] "); ok {
			errs = append(errs, after)
		}
	}
	if errs == nil {
		errs = all[max(0, len(all)-most):]
	}
	return strings.Join(errs[:min(len(errs), most)], "; ")
}
