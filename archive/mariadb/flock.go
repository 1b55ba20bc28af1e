package mariadb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Locks are flock(2) on files of the private server's folder: they belong to
// the open file, so the kernel frees them however their holder ends, and a child
// that inherits the descriptor keeps them.

// lockPoll is how often a lock that somebody holds is tried again.
const lockPoll = 10 * time.Millisecond

// ErrUnavailable is wrapped by errors of a server that does not answer, does
// not start or went away: the same call may succeed later.
var ErrUnavailable = errors.New("database unavailable")

// ErrLocked is wrapped by errors of locks that somebody else holds.
var ErrLocked = errors.New("locked by another process")

// Lock takes the lock of a file in the server's folder, waiting so long for others;
// then the error wraps ErrLocked. Closing the file gives it up. It survives a restart of
// the server.
func (s *Server) Lock(ctx context.Context, name string, wait time.Duration) (*os.File, error) {
	file, err := openLock(s.Path(name))
	if err != nil {
		return nil, err
	}
	if err := lockWithin(ctx, file, unix.LOCK_EX, wait); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// openLock opens a lock file without locking it.
func openLock(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		if err = Own(name); err != nil {
			file.Close()
		}
	}
	return file, err
}

// tryLock takes the lock (unix.LOCK_SH or LOCK_EX) if it is free.
func tryLock(f *os.File, how int) (bool, error) {
	for {
		switch err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		default:
			return false, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}

// lockWithin takes the lock, waiting so long for others; then the error wraps
// ErrLocked.
func lockWithin(ctx context.Context, f *os.File, how int, wait time.Duration) error {
	deadline := time.Now().Add(wait)
	for {
		got, err := tryLock(f, how)
		if err != nil {
			return err
		}
		if got {
			if how == unix.LOCK_EX {
				sign(f)
			}
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("%s: %w%s", f.Name(), ErrLocked, signature(f))
		}
		if err := Sleep(ctx, min(left, lockPoll)); err != nil {
			return err
		}
	}
}

// sign writes into a lock's file who holds it, for those who find it locked; the
// lock holds without it.
func sign(f *os.File) {
	text := fmt.Sprintf("process %d (%s)", os.Getpid(), strings.Join(os.Args, " "))
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(text[:min(len(text), signatureMost)]+"\n"), 0)
	}
}

// signatureMost bounds what is written and read of a lock's holder, in bytes.
const signatureMost = 300

// signature is who signed a lock last, as the tail of an error message.
func signature(f *os.File) string {
	text := make([]byte, signatureMost)
	n, _ := f.ReadAt(text, 0)
	if line, _, _ := strings.Cut(string(text[:n]), "\n"); line != "" {
		return ": " + strings.ToValidUTF8(line, "\uFFFD")
	}
	return ""
}

// Sleep waits, or returns ctx's error.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
