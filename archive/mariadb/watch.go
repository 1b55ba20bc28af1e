package mariadb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A statement may take hours, so no deadline tells a server that works from one
// that is stopped. While one takes long, the server is asked on another connection
// whether it still answers.
const (
	// greetWait is how long a new connection waits for the server's first words.
	greetWait = 30 * time.Second
	// silentMost is how often in a row a server may leave that question unanswered.
	silentMost = 4
)

// Variables, because tests cannot wait that long.
var (
	// Silence is after how long without a byte a server is asked.
	Silence = 30 * time.Second
	// AskWait bounds each question.
	AskWait = 10 * time.Second
)

// Reasons to end a wait. The driver keeps them to itself, so they are logged.
var (
	errSilent = errors.New("it is stopped or hangs: it leaves new connections without an answer too")
	errFull   = errors.New("its disk is full, for which it would wait for ever: free space")
	errStuck  = errors.New("it has been silent for longer than a job may wait, though it answers others: see its list of processes")
)

// Watch makes connections that end when the server hangs.
type Watch struct {
	Log      *slog.Logger
	Answers  func(context.Context) bool
	Full     func() bool   // its disk is, or all but; may be nil
	Alive    func()        // a byte came or went; may be nil
	Patience time.Duration // with a server that answers others; 0: for ever
}

// Dial puts the watch on what another function dials.
func (w *Watch) Dial(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &watched{Conn: conn, Watch: w}, nil
	}
}

// watched is a connection to the server.
type watched struct {
	net.Conn
	*Watch
	greeted bool
	own     atomic.Bool // the DSN has timeouts of its own
}

// moved notes that bytes moved.
func (w *watched) moved(n int) {
	if n > 0 && w.Alive != nil {
		w.Alive()
	}
}

// wait is one wait for the server.
type wait struct {
	begun  time.Time
	silent int // questions in a row that had no answer
}

// over is why a wait that has lasted for another span ends the connection, or nil.
func (w *watched) over(wait *wait) (reason error) {
	ctx, cancel := context.WithTimeout(context.Background(), AskWait)
	defer cancel()
	if w.Answers(ctx) {
		wait.silent = 0
	} else {
		wait.silent++
	}
	switch {
	case wait.silent >= silentMost:
		reason = errSilent
	case w.Full != nil && w.Full():
		reason = errFull
	case w.Patience > 0 && time.Since(wait.begun) > w.Patience:
		reason = errStuck
	default:
		return nil
	}
	w.Log.Error("the database server is not waited for any longer", "err", reason)
	return reason
}

func (w *watched) Read(p []byte) (n int, err error) {
	if w.own.Load() {
		n, err = w.Conn.Read(p)
		w.moved(n)
		return n, err
	}
	for waiting := (wait{begun: time.Now()}); ; {
		span := Silence
		if !w.greeted {
			span = greetWait
		}
		if err := w.Conn.SetReadDeadline(time.Now().Add(span)); err != nil {
			return 0, err
		}
		n, err = w.Conn.Read(p)
		w.moved(n)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			w.greeted = true
			return n, err
		}
		if !w.greeted {
			return 0, fmt.Errorf("%w (%w)", errSilent, err)
		}
		if reason := w.over(&waiting); reason != nil {
			return 0, fmt.Errorf("%w (%w)", reason, err)
		}
	}
}

func (w *watched) Write(p []byte) (done int, err error) {
	if w.own.Load() {
		n, err := w.Conn.Write(p)
		w.moved(n)
		return n, err
	}
	for waiting := (wait{begun: time.Now()}); ; {
		if err := w.Conn.SetWriteDeadline(time.Now().Add(Silence)); err != nil {
			return done, err
		}
		n, err := w.Conn.Write(p[done:])
		w.moved(n)
		done += n
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return done, err
		}
		if n > 0 {
			waiting = wait{begun: time.Now()}
			continue
		}
		if reason := w.over(&waiting); reason != nil {
			return done, fmt.Errorf("%w (%w)", reason, err)
		}
	}
}

func (w *watched) SetDeadline(t time.Time) error {
	w.own.Store(!t.IsZero())
	return w.Conn.SetDeadline(t)
}

func (w *watched) SetReadDeadline(t time.Time) error {
	w.own.Store(!t.IsZero())
	return w.Conn.SetReadDeadline(t)
}

func (w *watched) SetWriteDeadline(t time.Time) error {
	w.own.Store(!t.IsZero())
	return w.Conn.SetWriteDeadline(t)
}

// SyscallConn lets the driver find connections that broke while they were idle.
func (w *watched) SyscallConn() (syscall.RawConn, error) {
	conn, ok := w.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return conn.SyscallConn()
}

// EndSilent kills the private server that holds its folder and answers nobody: one
// that hangs is nothing else than one that crashed, and Use starts it again. It is
// for whoever has seen it silent for minutes.
func EndSilent(ctx context.Context, folder string) error {
	s := &Server{folder: folder}
	if s.answers(ctx) {
		return nil
	}
	instance, err := openLock(s.Path("instance.lock"))
	if err != nil {
		return err
	}
	defer instance.Close()
	if down, err := tryLock(instance, unix.LOCK_EX); down || err != nil {
		return err // nobody holds the folder
	}
	// It is of the server that holds the lock: each start removes that of before.
	text, err := os.ReadFile(filepath.Join(s.folder, "data", pidName))
	if err != nil {
		return fmt.Errorf("the server that hangs has left no process number: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid < 2 {
		return fmt.Errorf("process number of the server that hangs: %q", text)
	}
	return unix.Kill(pid, unix.SIGKILL)
}
