package daemon

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Parent runs children.
type Parent struct {
	// Said takes the log lines of children, which bear their names.
	Said io.Writer
	Log  *slog.Logger
	// Grace is how long a child may take to end after SIGTERM; 0 means grace.
	Grace time.Duration
}

// grace is more than the three seconds in which every command ends, and leaves the
// parent time to end within five.
const grace = 4 * time.Second

// progressVariable names the descriptor that a child tells its progress through.
const progressVariable = "NFACCT_PROGRESS"

// progressFD is its number: the first of ExtraFiles.
const progressFD = 3

// Run runs a child until it ends, ctx is done, or it has made no progress for too
// long. The error of a child that failed is a *Fault.
func (p *Parent) Run(ctx context.Context, t Task) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	cmd := exec.Command(program(), t.Args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = environment(t)
	if t.Input != "" {
		cmd.Stdin = strings.NewReader(t.Input)
	}
	cmd.ExtraFiles = []*os.File{write}
	cmd.SysProcAttr = attributes()
	said := &transcript{to: p.Said}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.WaitDelay = 5 * time.Second // for what the child started and left
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// The child is told of the death of the thread that started it, not of the
		// process: the thread has to stay as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	err = <-started
	write.Close()
	if err != nil {
		return err
	}
	p.Log.Debug("child started", "job", t.Name, "pid", cmd.Process.Pid)
	w := p.watch(ctx, t, cmd.Process.Pid, read, ended)
	killGroup(cmd.Process.Pid) // what it left
	said.end()
	if len(said.other) > 0 {
		p.Log.Warn("a child said", "job", t.Name, "text", strings.Join(said.other, "\n"))
	}
	return w.fault(ctx, t, cmd.ProcessState, said)
}

// watching is what the parent knows of a child that runs.
type watching struct {
	open   []string // files that it has begun and not finished
	silent bool     // it was ended for want of progress
	told   bool     // it was told to end
	err    error    // of Wait
}

// watch follows a child to its end, and brings that about when it has to.
func (p *Parent) watch(ctx context.Context, t Task, pid int, read io.Reader, ended <-chan error) *watching {
	w := &watching{}
	lines := make(chan string)
	over := make(chan struct{})
	defer close(over)
	go func() {
		scanner := bufio.NewScanner(read)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-over:
				return
			}
		}
	}()
	patience := time.NewTimer(t.Silence)
	defer patience.Stop()
	var kill <-chan time.Time
	stop := ctx.Done()
	end := func() {
		w.told = true
		_ = syscall.Kill(pid, syscall.SIGTERM)
		wait := p.Grace
		if wait == 0 {
			wait = grace
		}
		kill = time.After(wait)
	}
	for {
		select {
		case line := <-lines:
			patience.Reset(t.Silence)
			switch name := line[min(1, len(line)):]; {
			case strings.HasPrefix(line, "+"):
				w.open = append(w.open, name)
			case strings.HasPrefix(line, "-"):
				w.open = slices.DeleteFunc(w.open, func(open string) bool { return open == name })
			}
		case <-patience.C:
			if !w.told {
				w.silent = true
				end()
			}
		case <-stop:
			stop = nil
			if !w.told {
				end()
			}
		case <-kill:
			killGroup(pid)
		case w.err = <-ended:
			return w
		}
	}
}

// fault says how a child ended.
func (w *watching) fault(ctx context.Context, t Task, state *os.ProcessState, said *transcript) error {
	if ctx.Err() != nil && w.told && !w.silent {
		return ctx.Err()
	}
	if w.err == nil {
		return nil
	}
	if state == nil {
		return w.err
	}
	f := &Fault{Task: t, Cause: Failed, Code: state.ExitCode(), Text: said.last(), Files: w.open}
	status, _ := state.Sys().(syscall.WaitStatus)
	switch {
	case w.silent:
		f.Cause = Silent
	case said.memory:
		f.Cause = NoMemory
	case said.crash:
		f.Cause = Crashed
	case status.Signaled():
		f.Cause, f.Text = Killed, status.Signal().String()
	case f.Code == 0: // only something that it started still held its output
		return nil
	}
	if f.Text == "" {
		f.Text = "exit code " + strconv.Itoa(f.Code)
	}
	return f
}

// environment is what a child inherits: nothing of the service manager's, who means
// the parent, and a traceback that is short.
func environment(t Task) []string {
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains([]string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "GOMEMLIMIT"}, name)
	})
	// Collecting garbage begins to press at four fifths of the limit.
	return append(env, progressVariable+"="+strconv.Itoa(progressFD), "GOMEMLIMIT="+strconv.FormatInt(t.Memory/5*4, 10))
}

// killGroup kills a child with all that it started.
func killGroup(pid int) {
	if err := syscall.Kill(-pid, syscall.SIGKILL); errors.Is(err, syscall.EPERM) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
