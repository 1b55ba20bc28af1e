// Package mariadb is the private server as a process: set up in a folder of its own,
// started by whoever uses it first and stopped by whoever does so last, started again
// when it died, and watched while a statement takes long.
package mariadb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
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

// start runs mariadbd and waits until it answers.
func (s *Server) start(ctx context.Context, instance *os.File) error {
	for _, stale := range []string{socketName, pidName} {
		if err := os.Remove(filepath.Join(s.folder, "data", stale)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if os.Geteuid() == 0 && s.owner.uid != 0 { // a server that ran as root has left files
		if err := give(s.folder, s.owner); err != nil {
			return err
		}
	}
	if err := errors.Join(os.MkdirAll(s.Path("tmp"), 0o700), Own(s.Path("tmp"))); err != nil {
		return err
	}
	log, said, err := s.openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(s.program, s.options()...)
	cmd.Dir = s.Path("data")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{instance}
	// MariaDB tells the service manager of its own start and end (sd_notify(3)), and
	// waits for it; the service is ours.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "NOTIFY_SOCKET=") })
	// Its own session: an interrupt typed at the starter's terminal is not for
	// the server, which others may use.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.owner.credential()}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start private database: %w", err)
	}
	gone := make(chan error, 1)
	go func() {
		gone <- cmd.Wait() // reaps it, also when it ends much later
		close(gone)
	}()
	s.log.Debug("private database starts", "pid", cmd.Process.Pid, "folder", s.folder)
	err = s.await(ctx, said, gone)
	if err != nil {
		abort(cmd.Process, gone)
	}
	return err
}

// abort ends a server that has served nobody yet: server.lock is held since
// before it began. MariaDB 10.11 never ends when SIGTERM reaches it while it
// loads its plugins, and answers nobody after that, so it is asked only once; a
// kill at this point is a crash like any other to Aria.
func abort(process *os.Process, gone <-chan error) {
	_ = process.Signal(syscall.SIGTERM)
	select {
	case <-gone:
		return
	case <-time.After(abortWait):
	}
	_ = process.Kill()
	<-gone
}

// options are all that the server is told; no configuration file is read.
func (s *Server) options() []string {
	options := []string{
		"--no-defaults",
		"--datadir=" + s.Path("data"),
		"--tmpdir=" + s.Path("tmp"),
		// Relative to the data directory, because a socket's path may have
		// only 107 bytes.
		"--socket=" + socketName,
		"--pid-file=" + pidName,
		"--skip-networking", "--skip-name-resolve", "--skip-log-bin", "--skip-innodb",
		"--default-storage-engine=Aria", "--default-tmp-storage-engine=MyISAM",
		"--character-set-server=utf8mb4", "--default-time-zone=+00:00",
		"--aria-recover-options=BACKUP,QUICK", "--myisam-recover-options=BACKUP,FORCE",
		"--secure-file-priv=", "--local-infile=1",
		"--performance-schema=OFF", "--log-warnings=1", "--max-connections=64", "--thread-cache-size=4",
		"--table-open-cache=128", "--key-buffer-size=64M", "--aria-pagecache-buffer-size=16M",
		"--myisam-sort-buffer-size=128M", "--bulk-insert-buffer-size=32M",
	}
	if s.owner.uid == 0 {
		options = append(options, "--user=root")
	}
	return options
}

// await waits until the server that was started answers. gone tells that it ended.
func (s *Server) await(ctx context.Context, said int64, gone <-chan error) error {
	deadline := time.Now().Add(startWait)
	for {
		if s.answers(ctx) {
			return nil
		}
		select {
		case err := <-gone:
			if err == nil {
				err = errors.New("it ended")
			}
			return fmt.Errorf("start private database: %w (%w)%s", ErrUnavailable, err, s.lastWords(said))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(answerPoll):
		}
		if time.Now().After(deadline) {
			return s.deaf(said)
		}
	}
}

// deaf is the error of a server that runs, but does not answer within startWait.
func (s *Server) deaf(said int64) error {
	return fmt.Errorf("private database in %s: %w: a server runs, but does not answer within %v; if it says nothing new in its log, kill -9 it (%s) and try again%s",
		s.folder, ErrUnavailable, startWait, s.holder(), s.lastWords(said))
}

// holder names the process that holds the folder, for a message: the server
// writes its process id only when it is about to answer.
func (s *Server) holder() string {
	if pid, err := os.ReadFile(filepath.Join(s.folder, "data", pidName)); err == nil {
		return "process " + strings.TrimSpace(string(pid))
	}
	return "fuser " + s.Path("instance.lock") + " shows its process"
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

// logLimit is the size at which the server's log is begun anew.
const logLimit = 1 << 20

// openLog opens the server's log and says where its next words will stand.
func (s *Server) openLog() (*os.File, int64, error) {
	name := s.Path("server.log")
	if info, err := os.Stat(name); err == nil && info.Size() > logLimit {
		if err := os.Rename(name, name+".1"); err != nil {
			return nil, 0, err
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err := errors.Join(err, Own(name)); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// lastWords is what the server's log complains of from an offset on, as the tail
// of an error message.
func (s *Server) lastWords(from int64) string {
	name := s.Path("server.log")
	text, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	said := complaint(string(text[min(int(from), len(text)):]))
	if said != "" {
		said = ": " + said
	}
	return said + "; see " + name
}
