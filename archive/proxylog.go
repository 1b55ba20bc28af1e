package archive

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Proxy is what logs of the proxy say, and the ledger of what was read of them.
type Proxy struct{ a *Archive }

// Proxy is what logs of the proxy say.
func (a *Archive) Proxy() Proxy { return Proxy{a} }

// ProxyWriter is the only one who reads logs of the proxy and notes what they say.
type ProxyWriter struct {
	Proxy
	unlock func()
}

// ProxyLog is a log of the proxy, known by how it begins.
type ProxyLog struct {
	ID         uint32
	HeadLength int
	HeadDigest [32]byte
	// FirstDigest is of the first entry.
	FirstDigest [32]byte
	// End is how far it has been read, TailLength and TailDigest say what stands
	// before that.
	End        int64
	TailLength int
	TailDigest [32]byte
}

// ProxyPart is a part of a log that is read at once.
type ProxyPart struct {
	Start, End int64
	TailLength int
	TailDigest [32]byte
	Lines, Bad uint64
	LastEntry  time.Time // zero when no line was one
	// CutFrom and CutUntil are the times between which entries may be missing
	// before this part; zero when nothing was cut off there.
	CutFrom, CutUntil time.Time
}

// Lock makes the caller the only reader of logs of the proxy, and drops
// what one left behind who was interrupted.
func (proxy Proxy) Lock(ctx context.Context, wait time.Duration) (*ProxyWriter, error) {
	unlock, err := proxy.a.advisory(ctx, "proxy", wait)
	if err != nil {
		return nil, fmt.Errorf("log of the proxy: %w", err)
	}
	err = errors.Join(
		proxy.a.exec(ctx, "recover log of the proxy", "DELETE FROM proxy_usage_hourly WHERE part IN (SELECT id FROM proxy_parts WHERE state = 'loading')"),
		proxy.a.exec(ctx, "recover log of the proxy", "DELETE FROM proxy_parts WHERE state = 'loading'"),
	)
	if err != nil {
		unlock()
		return nil, err
	}
	return &ProxyWriter{proxy, unlock}, nil
}

// Unlock lets others read logs.
func (w *ProxyWriter) Unlock() { w.unlock() }

// Logs are all that were ever read.
func (proxy Proxy) Logs(ctx context.Context) ([]ProxyLog, error) {
	return collect(ctx, proxy.a.db, "read ledger of the proxy's logs", `SELECT proxy_logs.id, head_length, head_digest, first_digest, COALESCE(end, 0), COALESCE(tail_length, 0), tail_digest
FROM proxy_logs LEFT JOIN proxy_parts ON proxy_parts.id = (SELECT MAX(id) FROM proxy_parts WHERE log = proxy_logs.id AND state = 'loaded')`, func(l *ProxyLog) []any {
		return []any{&l.ID, &l.HeadLength, (*digest)(&l.HeadDigest), (*digest)(&l.FirstDigest), &l.End, &l.TailLength, (*digest)(&l.TailDigest)}
	})
}

// Parts are the parts of a log that are loaded, the furthest first. Of each
// its end, the digest of what stands before that, and its last entry.
func (proxy Proxy) Parts(ctx context.Context, log uint32) ([]ProxyPart, error) {
	return collect(ctx, proxy.a.db, "read ledger of the proxy's logs", `SELECT start, end, tail_length, tail_digest, last_entry
FROM proxy_parts WHERE log = ? AND state = 'loaded' ORDER BY end DESC, id DESC`, func(p *ProxyPart) []any {
		return []any{&p.Start, &p.End, &p.TailLength, (*digest)(&p.TailDigest), (*moment)(&p.LastEntry)}
	}, log)
}

// NoteLog writes down how a log begins; one without ID is new and gets one.
func (w *ProxyWriter) NoteLog(ctx context.Context, l *ProxyLog) error {
	const doing = "note log of the proxy"
	if l.ID != 0 {
		return w.a.exec(ctx, doing, "UPDATE proxy_logs SET head_length = ?, head_digest = ? WHERE id = ?", l.HeadLength, l.HeadDigest[:], l.ID)
	}
	result, err := w.a.db.ExecContext(ctx, "INSERT INTO proxy_logs (head_length, head_digest, first_digest) VALUES (?, ?, ?)", l.HeadLength, l.HeadDigest[:], l.FirstDigest[:])
	if err != nil {
		return wrap(doing, err)
	}
	id, err := result.LastInsertId()
	l.ID = uint32(id)
	return wrap(doing, err)
}

// LoadPart stores a part's sums. It counts when all of it is there, and not
// before.
func (w *ProxyWriter) LoadPart(ctx context.Context, log uint32, p ProxyPart, rows []ProxyUsage) error {
	const doing = "load log of the proxy"
	when := func(t time.Time) sql.NullTime { return sql.NullTime{Time: t.UTC(), Valid: !t.IsZero()} }
	result, err := w.a.db.ExecContext(ctx, `INSERT INTO proxy_parts (log, start, end, tail_length, tail_digest, line_count, bad_lines, last_entry, cut_from, cut_until, state, started)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'loading', UTC_TIMESTAMP())`, log, p.Start, p.End, p.TailLength, p.TailDigest[:], p.Lines, p.Bad, when(p.LastEntry), when(p.CutFrom), when(p.CutUntil))
	if err != nil {
		return wrap(doing, err)
	}
	part, err := result.LastInsertId()
	if err != nil {
		return wrap(doing, err)
	}
	w.a.step("part begun")
	for len(rows) > 0 {
		n := min(len(rows), 1000)
		statement := []byte("INSERT INTO proxy_usage_hourly (day, hour, host, user, part, bytes, requests, denied) VALUES ")
		var args []any
		for i, r := range rows[:n] {
			if i > 0 {
				statement = append(statement, ", "...)
			}
			statement = append(statement, "(?, ?, ?, ?, ?, ?, ?, ?)"...)
			host := []byte{}
			if r.Host.IsValid() {
				host = r.Host.Unmap().AsSlice()
			}
			args = append(args, r.Day, r.Hour, host, r.User, part, r.Bytes, r.Requests, r.Denied)
		}
		if err := w.a.exec(ctx, doing, string(statement), args...); err != nil {
			return err
		}
		w.a.step("part filled")
		rows = rows[n:]
	}
	return w.a.exec(ctx, doing, "UPDATE proxy_parts SET state = 'loaded' WHERE id = ?", part)
}

// ProxyFile is a file of a log as it was when it was read to its end.
type ProxyFile struct {
	Path     string
	Inode    uint64
	Size     int64
	Modified time.Time
}

func (f *ProxyFile) key() []byte {
	digest := sha256.Sum256([]byte(f.Path))
	return digest[:]
}

// KnowsFile says whether a file was read to its end as it is.
func (proxy Proxy) KnowsFile(ctx context.Context, f ProxyFile) (known bool, err error) {
	err = proxy.a.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM proxy_files WHERE digest = ? AND inode = ? AND size = ? AND modified = ?)",
		f.key(), f.Inode, f.Size, f.Modified.UnixNano()).Scan(&known)
	return known, wrap("read ledger of the proxy's logs", err)
}

// NoteFile notes that a file was read to its end.
func (w *ProxyWriter) NoteFile(ctx context.Context, f ProxyFile) error {
	return w.a.exec(ctx, "note log of the proxy", "REPLACE INTO proxy_files (digest, path, inode, size, modified) VALUES (?, ?, ?, ?, ?)",
		f.key(), cutName(f.Path, 4096), f.Inode, f.Size, f.Modified.UnixNano())
}
