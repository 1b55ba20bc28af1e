package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tools run where the server's files are, as the server's user, with low
// priority and a deadline: here, or through a command that leads there.
type tools struct {
	prefix   []string
	work     string // folder for copies, one inside it for each attempt
	shared   string // folder of work that other databases may have theirs in; "" if none
	database string // folder of the database
	timeout  time.Duration
	log      *slog.Logger

	user     *syscall.Credential // nil: as we are
	programs map[string]string   // where they are, when here
}

// become takes on the user that owns the server's files.
func (t *tools) become(folder fs.FileInfo) error {
	owner := folder.Sys().(*syscall.Stat_t)
	switch os.Geteuid() {
	case int(owner.Uid):
		return nil
	case 0:
		t.user = &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
		return nil
	}
	return fmt.Errorf("the server's files belong to user id %d: run this as that user or as root, or set archive.command = [\"sudo\", \"-u\", \"#%d\"]", owner.Uid, owner.Uid)
}

// folders are where the tools lie that are not in everybody's PATH.
var folders = []string{"/usr/bin", "/usr/local/bin", "/usr/sbin"}

// find looks for the tools of MariaDB.
func (t *tools) find() error {
	t.programs = map[string]string{}
	for _, name := range []string{"myisampack", "myisamchk"} {
		found, err := exec.LookPath(name)
		for _, folder := range folders {
			if err == nil {
				break
			}
			found, err = exec.LookPath(filepath.Join(folder, name))
		}
		if err != nil {
			return fmt.Errorf("%s not found: install the package mariadb-server (FreeBSD: mariadb1011-server)", name)
		}
		t.programs[name] = found
	}
	return nil
}

// run runs a tool and returns what it printed. A tool that waits for somebody to
// free disk space is ended at once; the error wraps ENOSPC.
func (t *tools) run(ctx context.Context, name string, args ...string) (string, error) {
	line := append([]string{"nice", "-n", "19"}, t.program(name))
	if len(t.prefix) > 0 {
		// Whatever ends the command here may leave the tool running there.
		line = append([]string{"timeout", "-k", "10", strconv.Itoa(int(t.timeout.Seconds()))}, line...)
	}
	line = append(append(append([]string{}, t.prefix...), line...), args...)
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout, fmt.Errorf("%s has not ended within %v (archive.timeout)", name, t.timeout))
	defer cancel()
	ctx, full := context.WithCancelCause(ctx)
	defer full(nil)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	said := &output{full: func() { full(unix.ENOSPC) }}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: t.user, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	// The signal comes when the thread ends that started the tool.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	t.log.Debug("running", "command", line)
	err := cmd.Run()
	switch {
	case err == nil:
		return said.String(), nil
	case context.Cause(ctx) != nil:
		err = context.Cause(ctx)
	case strings.Contains(said.String(), "No space left") || strings.Contains(said.String(), "Errcode: 28"):
		err = unix.ENOSPC
	}
	if errors.Is(err, unix.ENOSPC) {
		return said.String(), fmt.Errorf("%s: %w: the disk is full; the month stays as it is", name, err)
	}
	if len(t.prefix) > 0 && context.Cause(ctx) == nil && dead(err) {
		return said.String(), fmt.Errorf("archive.command (%s) does not get as far as the server's machine: %w: %s; try it by hand with `true` behind it", strings.Join(t.prefix, " "), err, tail(said.String()))
	}
	if text := tail(said.String()); text != "" {
		return said.String(), fmt.Errorf("%s: %w: %s", name, err, text)
	}
	return said.String(), fmt.Errorf("%s: %w", name, err)
}

// dead reports whether a command line ended before the tool at its end began: it
// could not be run, what it names was not found or not executable (126 and 127 of
// env, nice and shells), or ssh failed (255).
func dead(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return true
	}
	return exit.ExitCode() == 126 || exit.ExitCode() == 127 || exit.ExitCode() == 255
}

func (t *tools) program(name string) string {
	if found := t.programs[name]; found != "" {
		return found
	}
	return name
}

// output gathers what a tool says, and calls full when it says that it waits for
// disk space, which MyISAM's tools do for ever.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	full func()
}

// outputLimit bounds what is kept of a tool that finds fault with every row.
const outputLimit = 64 << 10

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() < outputLimit {
		o.text.Write(p)
	}
	for _, sign := range []string{"free some space", "free space", "Disk is full", "isk full"} {
		if bytes.Contains(o.text.Bytes(), []byte(sign)) {
			o.full()
		}
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// tail is the end of what a tool said, on one line.
func tail(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}

// clean removes all copies, and files of tables that never became whole: their
// definitions come last.
func (t *tools) clean(ctx context.Context, tables []string) error {
	args := []string{"-rf", t.work}
	for _, table := range tables {
		for _, ext := range []string{".MYI", ".MYD", ".frm"} {
			args = append(args, t.database+"/"+table+ext)
		}
	}
	_, err := t.run(ctx, "rm", args...)
	if err == nil && t.shared != "" {
		_, _ = t.run(ctx, "rmdir", t.shared) // if nobody else's are in it
	}
	return err
}

// disk is what df says of a folder's disk.
type disk struct {
	name string // of its device, and where it is mounted
	free uint64 // bytes
}

func (t *tools) disk(ctx context.Context, folder string) (d disk, err error) {
	said, err := t.run(ctx, "df", "-Pk", folder)
	if err != nil {
		return d, err
	}
	// POSIX: a line of titles, then name, blocks, used, available, share, place.
	lines := strings.Split(strings.TrimSpace(said), "\n")
	fields := strings.Fields(lines[len(lines)-1])
	if len(fields) < 6 {
		return d, fmt.Errorf("df said %q", tail(said))
	}
	kib, err := strconv.ParseUint(fields[3], 10, 64)
	if err != nil {
		return d, fmt.Errorf("df said %q", tail(said))
	}
	return disk{name: fields[0] + " " + fields[5], free: kib << 10}, nil
}

// sync makes files durable.
func (t *tools) sync(ctx context.Context, names ...string) error {
	if len(t.prefix) > 0 {
		_, err := t.run(ctx, "sync")
		return err
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		err = errors.Join(f.Sync(), f.Close())
		if err != nil {
			return err
		}
	}
	return nil
}
