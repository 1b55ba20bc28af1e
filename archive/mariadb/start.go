package mariadb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

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
