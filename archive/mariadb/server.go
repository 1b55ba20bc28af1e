// Package mariadb is the private server as a process: set up in a folder of its own,
// started by whoever uses it first and stopped by whoever does so last, started again
// when it died, and watched while a statement takes long.
package mariadb

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Server is the private mariadbd. Its folder holds:
//
//	data/          the data directory, with socket and pid file
//	tmp/           temporary tables, pipes, option files
//	server.log     what the server says
//	server.lock    held while the server is started or stopped
//	users.lock     shared by all who use the server
//	instance.lock  held by mariadbd itself, through a descriptor it inherits
//	writer.lock    held by who loads
//
// The server belongs to nobody's process: it outlives the one that started it,
// and the last user stops it. A server whose users were all killed goes on and
// is used, and in the end stopped, by whoever comes next.
type Server struct {
	folder  string
	owner   account // of the folder: who the server runs as
	program string
	log     *slog.Logger
	users   *os.File // locked shared while in use
	attach  bool     // a server that is down stays down
	alive   func()   // bytes moved to it or from it; may be nil
	// patience is how long a statement may be silent; 0: for ever.
	patience time.Duration

	// Free is how much the disk of a folder has free; tests know better.
	Free func(folder string) (uint64, error)

	mu sync.Mutex // one start at a time in this process
}

const (
	socketName = "nfacct.sock"
	pidName    = "nfacct.pid"
	// startWait bounds a start. It is long because Aria may have to replay its
	// log after a crash.
	startWait = 2 * time.Minute
	stopWait  = time.Minute
	// answerPoll is how often a server is asked whether it answers by now.
	answerPoll = 5 * time.Millisecond
	// abortWait is how long a server that has not answered yet may take to end.
	abortWait = 5 * time.Second
)

// Options say which server.
type Options struct {
	Folder  string // made with mode 0700 and kept at it
	Program string // mariadbd; found where it usually is when empty
	// Attach says that a server is used when it runs and never started.
	Attach bool
	// Alive, if set, is called whenever bytes moved to the server or from it, from
	// several goroutines.
	Alive func()
	// Patience is how long a statement may be silent, though the server answers
	// others; 0: for ever.
	Patience time.Duration
}

// Use takes part in the private server of a folder, starting it if none
// runs.
func Use(ctx context.Context, o Options, log *slog.Logger) (_ *Server, err error) {
	folder, owner, err := prepareFolder(o.Folder, log)
	if err != nil {
		return nil, err
	}
	program, err := FindProgram("mariadbd", o.Program)
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, owner: owner, program: program, log: log, Free: FreeBytes, attach: o.Attach, alive: o.Alive, patience: o.Patience}
	if s.users, err = openLock(s.Path("users.lock")); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.users.Close()
		}
	}()
	err = s.exclusively(ctx, func() error {
		if err := lockWithin(ctx, s.users, unix.LOCK_SH, startWait); err != nil {
			return err
		}
		return s.ensure(ctx)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) Path(name string) string { return filepath.Join(s.folder, name) }
func (s *Server) socket() string          { return filepath.Join(s.folder, "data", socketName) }

// exclusively runs a step that starts or stops the server.
func (s *Server) exclusively(ctx context.Context, step func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	lock, err := openLock(s.Path("server.lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := lockWithin(ctx, lock, unix.LOCK_EX, startWait+stopWait); err != nil {
		return err
	}
	return step()
}

// revive starts the server again if it died while in use.
func (s *Server) revive(ctx context.Context) error {
	return s.exclusively(ctx, func() error {
		if s.answers(ctx) { // somebody was faster
			return nil
		}
		if err := s.ensure(ctx); err != nil {
			return err
		}
		s.log.Warn("the private database had ended by itself and was started again", "log", s.Path("server.log"))
		return nil
	})
}

// ensure adopts the server that runs, or starts one. server.lock is held.
func (s *Server) ensure(ctx context.Context) error {
	if s.answers(ctx) {
		return nil
	}
	if s.attach {
		return fmt.Errorf("private database in %s: %w: it does not run; nfacct run starts it again", s.folder, ErrUnavailable)
	}
	instance, err := openLock(s.Path("instance.lock"))
	if err != nil {
		return err
	}
	defer instance.Close() // mariadbd keeps its own
	for deadline := time.Now().Add(startWait); ; {
		free, err := tryLock(instance, unix.LOCK_EX)
		if err != nil {
			return err
		}
		if free {
			break
		}
		// Somebody's server is about to answer; or one was killed, and its lock
		// outlives its socket by moments.
		if s.answers(ctx) {
			return nil
		}
		if time.Now().After(deadline) {
			return s.deaf(0)
		}
		if err := Sleep(ctx, answerPoll); err != nil {
			return err
		}
	}
	if err := s.Room(0); err != nil {
		return fmt.Errorf("start private database: %w", err)
	}
	if err := s.install(ctx); err != nil {
		return err
	}
	return s.start(ctx, instance)
}

// answers reports whether the server greets who connects. It says so even while
// it refuses because too many are connected.
func (s *Server) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := dialSocket(ctx, s.socket())
	if err != nil {
		return false
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	n, err := conn.Read(make([]byte, 5))
	return n > 4 && err == nil
}

// Leave ends the use of the server, and the server with its last user.
func (s *Server) Leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), startWait+2*stopWait)
	defer cancel()
	defer s.users.Close()
	return s.exclusively(ctx, func() error {
		if err := unix.Flock(int(s.users.Fd()), unix.LOCK_UN); err != nil {
			return err
		}
		last, err := tryLock(s.users, unix.LOCK_EX)
		if err != nil || !last {
			return err
		}
		instance, err := openLock(s.Path("instance.lock"))
		if err != nil {
			return err
		}
		defer instance.Close()
		if down, err := tryLock(instance, unix.LOCK_EX); down || err != nil {
			return err
		}
		if err := s.shutdown(ctx); err != nil {
			s.log.Debug("private database: shutdown", "err", err)
		}
		if err := lockWithin(ctx, instance, unix.LOCK_EX, stopWait); err != nil {
			return fmt.Errorf("stop private database in %s: it is still running after %v; see %s: %w", s.folder, stopWait, s.Path("server.log"), err)
		}
		s.log.Debug("private database stopped", "folder", s.folder)
		return nil
	})
}
