package archive

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Mail is one report of one period for one recipient.
type Mail struct {
	ID             uint64
	Report, Period string // day and 2026-11-23, week, month, range
	Department     string // empty: everything
	Recipient      string // in whatever case; another case is the same recipient
	// Asked is whether a person wanted it for just this recipient, whoever the
	// configuration names.
	Asked     bool
	MessageID string
	State     string // one of the constants below
	Attempts  int
	Problem   string // of the last attempt
	Created   time.Time
	Next      time.Time
	Sent      time.Time // zero as long as it is not
}

// The values of Mail.State. A mail that failed was refused for good, or tried for
// long enough; one that was dropped is not wanted any more.
const (
	MailWaiting = "waiting"
	MailSending = "sending"
	MailSent    = "sent"
	MailFailed  = "failed"
	MailDropped = "dropped"
)

// Mails is the ledger of what was mailed to whom.
type Mails struct{ a *Archive }

// Mails is the ledger of what was mailed to whom.
func (a *Archive) Mails() Mails { return Mails{a} }

// mailLease is how long a try may take: what is "sending" for longer was
// interrupted, and is due again, even if its connection is still there.
const mailLease = 10 * time.Minute

// Restarts is whether adding the mail again sends it anew: one that was dropped,
// one that failed if a person asks for it, and with again one that was sent too.
func (m *Mail) Restarts(asked, again bool) bool {
	switch m.State {
	case MailDropped:
		return true
	case MailFailed:
		return asked || again
	case MailSent:
		return again
	}
	return false
}

// Add notes that a mail is to be sent, once: one that is there already stays as it
// is, unless it Restarts.
func (m Mails) Add(ctx context.Context, mail Mail, again bool) error {
	var states []string
	for _, state := range []string{MailDropped, MailFailed, MailSent} {
		if (&Mail{State: state}).Restarts(mail.Asked, again) {
			states = append(states, "'"+state+"'")
		}
	}
	// The state is assigned last, since assignments see those before them.
	anew := "state IN (" + strings.Join(states, ", ") + ")"
	return m.a.exec(ctx, "note mail to "+mail.Recipient, `INSERT INTO mails (report, period, department, recipient, asked, message_id, state, attempts, problem, created, next)
VALUES (?, ?, ?, ?, ?, ?, 'waiting', 0, '', UTC_TIMESTAMP(), UTC_TIMESTAMP())
ON DUPLICATE KEY UPDATE
	asked = GREATEST(asked, VALUES(asked)),
	message_id = IF(`+anew+`, VALUES(message_id), message_id),
	created = IF(`+anew+`, VALUES(created), created),
	next = IF(`+anew+`, VALUES(next), next),
	attempts = IF(`+anew+`, 0, attempts),
	sent = IF(`+anew+`, NULL, sent),
	refused = IF(`+anew+`, NULL, refused),
	state = IF(`+anew+`, 'waiting', state)`,
		mail.Report, mail.Period, mail.Department, mail.Recipient, mail.Asked, mail.MessageID)
}

// Due lists what waits and whose time has come, and what was interrupted. With
// all, also what has to wait longer.
func (m Mails) Due(ctx context.Context, all bool) ([]Mail, error) {
	due, args := m.due(all)
	return m.list(ctx, "list mails that wait", "WHERE "+due+" ORDER BY report, period, department, recipient, id", args...)
}

// due is the condition of mails to try. A try holds a lock of the database's for
// as long as its connection lives, so that the end of a process is seen at once.
func (m Mails) due(all bool) (condition string, args []any) {
	// No try is put off for longer than an hour: what is, was by a clock that was ahead.
	return `(state = 'waiting' AND (next NOT BETWEEN UTC_TIMESTAMP() + INTERVAL 1 SECOND AND UTC_TIMESTAMP() + INTERVAL 1 DAY OR ?)
	OR state = 'sending' AND (claimed < UTC_TIMESTAMP() - INTERVAL ? SECOND OR IS_FREE_LOCK(LEFT(CONCAT('nfacct mail ', claimer, ' ', ?), 64))))`,
		[]any{all, int(mailLease.Seconds()), m.a.dsn.DBName}
}

// MailRound tries mails. What it has claimed is due again when it is closed, or
// its process ends.
type MailRound struct {
	m    Mails
	conn *sql.Conn
}

// Round begins one.
func (m Mails) Round(ctx context.Context) (*MailRound, error) {
	conn, err := m.a.db.Conn(ctx)
	if err != nil {
		return nil, wrap("connect", err)
	}
	var id uint64
	var got sql.NullBool
	err = conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id)
	if err == nil {
		err = conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 10)", m.a.lockName(fmt.Sprint("mail ", id))).Scan(&got)
	}
	if err == nil && !got.Bool {
		err = ErrLocked // not even another's: the number is of this connection alone
	}
	if err != nil {
		release(conn)
		return nil, wrap("begin to mail", err)
	}
	return &MailRound{m, conn}, nil
}

// Close ends the round.
func (r *MailRound) Close() { release(r.conn) }

// Claim takes a mail for one try; false if another process was faster. With all,
// also before its time.
func (r *MailRound) Claim(ctx context.Context, id uint64, all bool) (bool, error) {
	due, args := r.m.due(all)
	result, err := r.conn.ExecContext(ctx, "UPDATE mails SET state = 'sending', claimed = UTC_TIMESTAMP(), claimer = CONNECTION_ID(), attempts = attempts + 1 WHERE id = ? AND "+due,
		append([]any{id}, args...)...)
	if err != nil {
		return false, wrap("claim mail", err)
	}
	n, err := result.RowsAffected()
	return n == 1, wrap("claim mail", err)
}

// Delivered notes that the mail was handed to the server.
func (m Mails) Delivered(ctx context.Context, id uint64) error {
	return m.a.exec(ctx, "note mail as sent", "UPDATE mails SET state = 'sent', problem = '', sent = UTC_TIMESTAMP() WHERE id = ?", id)
}

// Refused notes why a mail was not sent to its recipient, and returns the state
// that it has then. It is due again after wait, unless it was refused first more
// than limit ago: then it is given up.
func (m Mails) Refused(ctx context.Context, id uint64, problem string, wait, limit time.Duration) (state string, err error) {
	return m.note(ctx, id, "note mail as refused", `UPDATE mails SET problem = ?, next = UTC_TIMESTAMP() + INTERVAL ? SECOND, refused = COALESCE(refused, UTC_TIMESTAMP()),
state = IF(refused < UTC_TIMESTAMP() - INTERVAL ? SECOND, 'failed', 'waiting') WHERE id = ?`,
		cutProblem(problem), int(wait.Seconds()), int(limit.Seconds()), id)
}

// Postponed notes why no mail can be sent now, whoever it is for, and returns the
// state that it has then. It is due again after wait, unless it was noted more than
// limit ago: then it is given up.
func (m Mails) Postponed(ctx context.Context, id uint64, problem string, wait, limit time.Duration) (state string, err error) {
	return m.note(ctx, id, "note mail as postponed", `UPDATE mails SET problem = ?, next = UTC_TIMESTAMP() + INTERVAL ? SECOND,
state = IF(created < UTC_TIMESTAMP() - INTERVAL ? SECOND, 'failed', 'waiting') WHERE id = ?`,
		cutProblem(problem), int(wait.Seconds()), int(limit.Seconds()), id)
}

// GiveUp notes why a mail was refused for good, and returns the state that it has
// then.
func (m Mails) GiveUp(ctx context.Context, id uint64, problem string) (state string, err error) {
	return m.note(ctx, id, "give up mail", "UPDATE mails SET problem = ?, refused = COALESCE(refused, UTC_TIMESTAMP()), state = 'failed' WHERE id = ?", cutProblem(problem), id)
}

// note changes a mail and reads what state it has then.
func (m Mails) note(ctx context.Context, id uint64, what, update string, args ...any) (state string, err error) {
	if err := m.a.exec(ctx, what, update, args...); err != nil {
		return "", err
	}
	err = m.a.db.QueryRowContext(ctx, "SELECT state FROM mails WHERE id = ?", id).Scan(&state)
	return state, wrap(what, err)
}

// Drop notes why a claimed mail is not wanted any more.
func (m Mails) Drop(ctx context.Context, id uint64, problem string) error {
	return m.a.exec(ctx, "drop mail", "UPDATE mails SET state = 'dropped', problem = ? WHERE id = ?", cutProblem(problem), id)
}

func cutProblem(problem string) string {
	return strings.ToValidUTF8(problem[:min(len(problem), 10_000)], "")
}

// Of lists the mails of a report of a period.
func (m Mails) Of(ctx context.Context, report, period string) ([]Mail, error) {
	return m.list(ctx, "list mails of "+period, "WHERE report = ? AND period = ? ORDER BY department, recipient, id", report, period)
}

// Undelivered lists mails noted since a time that their recipients have not got, and
// are still to get or were given up.
func (m Mails) Undelivered(ctx context.Context, since time.Time) ([]Mail, error) {
	return m.list(ctx, "list mails that are not delivered", "WHERE state IN ('waiting', 'sending', 'failed') AND created >= ? ORDER BY created, id", since.UTC())
}

func (m Mails) list(ctx context.Context, what, where string, args ...any) ([]Mail, error) {
	return collect(ctx, m.a.db, what, "SELECT id, report, period, department, recipient, asked, message_id, state, attempts, problem, created, next, sent FROM mails "+where, func(mail *Mail) []any {
		return []any{&mail.ID, &mail.Report, &mail.Period, &mail.Department, &mail.Recipient, &mail.Asked, &mail.MessageID,
			&mail.State, &mail.Attempts, &mail.Problem, &mail.Created, &mail.Next, (*moment)(&mail.Sent)}
	}, args...)
}
