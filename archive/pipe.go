package archive

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"nfacct/archive/mariadb"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipes is where FIFOs for LOAD DATA INFILE are made. With an empty folder, rows
// go through the connection instead (LOAD DATA LOCAL).
type pipes struct {
	folder string
	mode   fs.FileMode // of a FIFO
	shared bool        // other processes of ours use the folder, and remove it
}

// choosePipes decides once how rows reach the server. A FIFO is twice as fast,
// but needs a server that reads our files.
func (a *Archive) choosePipes(ctx context.Context) (*pipes, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pipes != nil {
		return a.pipes, nil
	}
	chosen := &pipes{}
	switch {
	case a.cfg.Load == LoadLocal:
	case a.server != nil:
		chosen = &pipes{folder: a.server.Path("tmp"), mode: 0o600}
	default:
		folder, err := a.sharedFolder(ctx)
		switch {
		case err == nil:
			chosen = &pipes{folder: folder, mode: 0o644, shared: true}
		case a.cfg.Load == LoadFIFO:
			return nil, fmt.Errorf("load through a FIFO: %w; set database.load to auto or local", err)
		case ctx.Err() != nil:
			return nil, ctx.Err()
		default:
			a.log.Debug("rows go through the connection", "because", err)
		}
	}
	a.pipes = chosen
	return chosen, nil
}

// sharedFolder makes a folder whose files a given server can read, and tries
// whether it does. The server is another user, so a FIFO in it is readable to
// all; but the folder cannot be listed, and a FIFO's name cannot be guessed.
func (a *Archive) sharedFolder(ctx context.Context) (string, error) {
	var allowed sql.NullString
	if err := a.db.QueryRowContext(ctx, "SELECT @@secure_file_priv").Scan(&allowed); err != nil {
		return "", wrap("look at server", err)
	}
	// NULL means no file at all to MySQL, and any to MariaDB.
	if !allowed.Valid && !a.maria {
		return "", errors.New("secure_file_priv forbids the server to read files")
	}
	base := allowed.String
	if base == "" {
		base = os.TempDir()
	}
	folder, err := pipeFolder(base)
	if err != nil {
		return "", err
	}
	probe := filepath.Join(folder, rand.Text())
	token := rand.Text()
	if err := os.WriteFile(probe, []byte(token), 0o644); err != nil {
		return "", err
	}
	defer os.Remove(probe)
	if err := os.Chmod(probe, 0o644); err != nil { // whatever the umask says
		return "", err
	}
	var read sql.NullString
	if err := a.db.QueryRowContext(ctx, "SELECT LOAD_FILE(?)", probe).Scan(&read); err != nil {
		return "", wrap("let the server read a file", err)
	}
	if read.String != token {
		return "", fmt.Errorf("the server does not see files in %s, or the user lacks the right FILE", folder)
	}
	return folder, nil
}

// pipeFolder makes this user's own folder for FIFOs. It always has the same
// name, so that those of a process that died are found.
func pipeFolder(base string) (string, error) {
	folder := filepath.Join(base, fmt.Sprintf("nfacct-%d", os.Geteuid()))
	if err := os.Mkdir(folder, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return "", err
	}
	if !info.IsDir() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s is not a folder of our own", folder)
	}
	return folder, os.Chmod(folder, 0o711)
}

const pipeSuffix = ".nfacct-pipe"

// make makes a FIFO.
func (p *pipes) make() (string, error) {
	name := filepath.Join(p.folder, rand.Text()+pipeSuffix)
	err := unix.Mkfifo(name, uint32(p.mode))
	// Another process may remove the folder as often as it closes its archive.
	for try := 0; errors.Is(err, fs.ErrNotExist) && p.shared && try < 100; try++ {
		if _, err := pipeFolder(filepath.Dir(p.folder)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		err = unix.Mkfifo(name, uint32(p.mode))
	}
	if err != nil {
		return "", fmt.Errorf("make FIFO %s: %w", name, err)
	}
	if !p.shared {
		if err := mariadb.Own(name); err != nil {
			return "", err
		}
	}
	return name, os.Chmod(name, p.mode)
}

// sweep removes FIFOs that a process left, after waking the server's threads
// that wait for somebody to open them.
func (p *pipes) sweep() error {
	if p.folder == "" {
		return nil
	}
	entries, err := os.ReadDir(p.folder)
	if errors.Is(err, fs.ErrNotExist) && p.shared {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), pipeSuffix) {
			discardPipe(filepath.Join(p.folder, entry.Name()))
		}
	}
	return nil
}

// discardPipe removes a FIFO. Opening it lets a reader's own open return, and
// closing it gives that reader the end of the file.
func discardPipe(name string) {
	if f, err := os.OpenFile(name, os.O_RDWR|unix.O_NONBLOCK, 0); err == nil {
		os.Remove(name) // before closing: nobody can open it any more
		f.Close()
		return
	}
	os.Remove(name)
}

// closePipes removes the shared folder, unless somebody else has a FIFO in it.
func (a *Archive) closePipes() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pipes != nil && a.server == nil && a.pipes.folder != "" {
		os.Remove(a.pipes.folder)
	}
	a.pipes = nil
}
