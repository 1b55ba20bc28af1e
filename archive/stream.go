package archive

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sys/unix"
)

// stream is one LOAD DATA statement under way, and the writing end of what it
// reads.
type stream struct {
	day    Day
	table  string
	how    string // of LOAD DATA
	out    io.WriteCloser
	cancel context.CancelFunc
	buf    []byte
	rows   uint64 // appended
	used   uint64 // when last, in rows of the load

	done   chan struct{} // closed when the statement is over
	loaded int64         // rows, as the server counts them
	err    error
}

// streamBuffer is how much text is gathered before it is written.
const streamBuffer = 128 << 10

// openStream begins to load rows of a day into a table, which exists.
func (a *Archive) openStream(ctx context.Context, day Day, table string) (*stream, error) {
	how, err := a.choosePipes(ctx)
	if err != nil {
		return nil, err
	}
	// Room for a row behind a full buffer, so that it never grows.
	s := &stream{day: day, table: table, how: a.storage().concurrent, done: make(chan struct{}), buf: make([]byte, 0, streamBuffer+4096)}
	ctx, s.cancel = context.WithCancel(ctx)
	conn, err := a.db.Conn(ctx)
	if err != nil {
		s.cancel()
		return nil, wrap("connect", err)
	}
	if how.folder == "" {
		s.openLocal(ctx, conn)
		return s, nil
	}
	if err := s.openPipe(ctx, conn, how); err != nil {
		s.cancel()
		<-s.done
		return nil, wrap("load "+table, err)
	}
	return s, nil
}

// run is the statement's own goroutine.
func (s *stream) run(ctx context.Context, conn *sql.Conn, source string) {
	defer close(s.done)
	defer conn.Close()
	// Whoever still writes is told, also when the server is stopped and keeps its end
	// of the FIFO open.
	defer func() {
		if s.err != nil {
			s.cancel()
		}
	}()
	result, err := conn.ExecContext(ctx, mark+"LOAD DATA "+s.how+source+" INTO TABLE "+s.table+" "+rowForm)
	if err != nil {
		s.err = err
		return
	}
	s.loaded, s.err = result.RowsAffected()
	if s.err == nil {
		s.err = warnings(ctx, conn)
	}
}

// warnings turns what the server only warned of into an error: a value that did
// not fit would otherwise be stored as another.
func warnings(ctx context.Context, conn *sql.Conn) error {
	rows, err := conn.QueryContext(ctx, "SHOW WARNINGS LIMIT 3")
	if err != nil {
		return err
	}
	defer rows.Close()
	var said []string
	for rows.Next() {
		var level, text string
		var number int
		if err := rows.Scan(&level, &number, &text); err != nil {
			return err
		}
		said = append(said, fmt.Sprintf("%s (%d)", text, number))
	}
	if said != nil {
		return errors.New(strings.Join(said, "; "))
	}
	return rows.Err()
}

// openLocal feeds the statement through its own connection.
func (s *stream) openLocal(ctx context.Context, conn *sql.Conn) {
	in, out := io.Pipe()
	s.out = out
	name := rand.Text()
	mysql.RegisterReaderHandler(name, func() io.Reader { return in })
	go func() {
		defer mysql.DeregisterReaderHandler(name)
		s.run(ctx, conn, "LOCAL INFILE 'Reader::"+name+"'")
		in.Close() // whoever still writes gets an error instead of waiting
	}()
}

// openPipe feeds the statement through a FIFO.
func (s *stream) openPipe(ctx context.Context, conn *sql.Conn, how *pipes) error {
	name, err := how.make()
	if err != nil {
		close(s.done)
		conn.Close()
		return err
	}
	go s.run(ctx, conn, "INFILE "+quoteText(name))
	pipe, err := s.openWriter(ctx, name)
	discardPipe(name) // both ends are open, or never will be
	if err != nil {
		return err
	}
	enlarge(pipe)
	// A stopped server reads nothing: being cancelled must end a write.
	stop := context.AfterFunc(ctx, func() { pipe.SetWriteDeadline(time.Unix(1, 0)) })
	s.out = &pipeWriter{pipe, stop}
	return nil
}

// openWriter opens the FIFO's writing end as soon as the server has opened the
// other, and not at all when the statement ends before.
func (s *stream) openWriter(ctx context.Context, name string) (*os.File, error) {
	for wait := 50 * time.Microsecond; ; wait = min(2*wait, 5*time.Millisecond) {
		// Without a reader O_NONBLOCK makes open fail, instead of waiting for
		// one that may never come.
		pipe, err := os.OpenFile(name, os.O_WRONLY|unix.O_NONBLOCK, 0)
		if err == nil || !errors.Is(err, unix.ENXIO) {
			return pipe, err
		}
		select {
		case <-s.done:
			if s.err == nil {
				return nil, errors.New("the statement ended before it read anything")
			}
			return nil, s.err
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// pipeWriter is the writing end of a FIFO.
type pipeWriter struct {
	*os.File
	stop func() bool
}

func (p *pipeWriter) Close() error {
	p.stop()
	return p.File.Close()
}

// flush writes what is gathered.
func (s *stream) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	_, err := s.out.Write(s.buf)
	s.buf = s.buf[:0]
	if err == nil {
		return nil
	}
	// The statement knows better why nobody reads any more. It ends by itself
	// when the reading end is closed, but not when a write was cancelled.
	s.out.Close()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.cancel()
	}
	<-s.done
	if s.err != nil {
		err = s.err
	}
	return wrap("load "+s.table, err)
}

// finish ends the statement and checks that every row arrived, as it was.
func (s *stream) finish() error {
	defer s.cancel()
	if err := s.flush(); err != nil {
		return err
	}
	err := s.out.Close()
	<-s.done
	if s.err != nil {
		err = s.err
	}
	if err != nil {
		return wrap("load "+s.table, err)
	}
	if uint64(s.loaded) != s.rows {
		return fmt.Errorf("load %s: %d rows were written, but the server loaded %d", s.table, s.rows, s.loaded)
	}
	return nil
}

// abort ends the statement, whatever it has done by then.
func (s *stream) abort() {
	s.cancel()
	s.out.Close()
	<-s.done
}
