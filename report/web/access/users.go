package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
)

// mostFile bounds the file of users.
const mostFile = 4 << 20

// Read reads the users of a file; one that does not exist has none.
func Read(file string) ([]User, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > mostFile {
		err = fmt.Errorf("%s is too big", file)
	}
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	var users []User
	if err := json.Unmarshal(text, &users); err != nil {
		return nil, fmt.Errorf("users: %s: %w; nfacct user writes this file", file, err)
	}
	seen := map[string]bool{}
	for i := range users {
		if err := users[i].Check(); err != nil {
			return nil, fmt.Errorf("users: %s: %w", file, err)
		}
		if seen[users[i].Name] {
			return nil, fmt.Errorf("users: %s: user %s stands there twice", file, users[i].Name)
		}
		seen[users[i].Name] = true
	}
	return users, nil
}

// Update changes the users of a file, whole or not at all. Two that do so at the same
// time wait for each other.
func Update(file string, change func([]User) ([]User, error)) error {
	folder := filepath.Dir(file)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	lock := flock.New(file+".lock", flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	defer lock.Close()
	users, err := Read(file)
	if err != nil {
		return err
	}
	if users, err = change(users); err != nil {
		return err
	}
	text, err := json.MarshalIndent(users, "", "\t")
	if err != nil {
		return err
	}
	out, err := renameio.NewPendingFile(file, renameio.WithPermissions(0o600), renameio.IgnoreUmask())
	if err != nil {
		return fmt.Errorf("users: %w", err)
	}
	defer out.Cleanup()
	if _, err := out.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	if err := give(folder, out.Name(), lock.Path()); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	if err := out.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	return nil
}

// give makes files that root wrote those of their folder's owner, as whom the page
// runs.
func give(folder string, files ...string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	for _, file := range files {
		if err := os.Chown(file, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return nil
}

// Users are those of a file, read again when it has changed.
type Users struct {
	file string

	mu   sync.Mutex
	seen mark
	list []User
	had  bool
}

// NewUsers looks at a file.
func NewUsers(file string) *Users { return &Users{file: file} }

// mark tells whether a file is the one that was read.
type mark struct {
	size  int64
	time  time.Time
	inode uint64
}

func markOf(file string) (mark, error) {
	info, err := os.Stat(file)
	if err != nil {
		return mark{}, err
	}
	m := mark{size: info.Size(), time: info.ModTime()}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		m.inode = uint64(s.Ino)
	}
	return m, nil
}

// List are the users now. Once there were some, a file without any is an error: a page
// that asked for a password must not become open because a file was lost.
func (u *Users) List() ([]User, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	m, err := markOf(u.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		u.list, u.seen = nil, mark{}
	case err != nil:
		return nil, fmt.Errorf("users: %w", err)
	case m != u.seen:
		list, err := Read(u.file)
		if err != nil {
			return nil, err
		}
		u.list, u.seen = list, m
	}
	if u.had = u.had || len(u.list) > 0; u.had && len(u.list) == 0 {
		return nil, fmt.Errorf("users: %s has none any more; nfacct user add NAME makes one, and a page that is started anew does without", u.file)
	}
	return u.list, nil
}
