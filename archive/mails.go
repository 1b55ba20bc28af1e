package archive

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// Mail is one report of one period for one recipient.
type Mail struct {
	ID             uint64
	Report, Period string // day and 2026-11-23, week, month, range
	Department     string // empty: everything
	Recipient      string
	MessageID      string
	State          string // waiting, sending, sent or failed
	Attempts       int
	Problem        string // of the last attempt
	Created, Next  time.Time
	Sent           time.Time // zero as long as it is not
}

// Mails is the ledger of what was mailed to whom.
type Mails struct{ a *Archive }

// Mails is the ledger of what was mailed to whom.
func (a *Archive) Mails() Mails { return Mails{a} }

// mailLease is how long a try may take: what is "sending" for longer was
// interrupted, and is due again.
const mailLease = 10 * time.Minute

// Add notes that a mail is to be sent, once: one that is there already stays as it
// is, except that one that was given up begins anew. With again, one that was
// sent does too.
func (m Mails) Add(ctx context.Context, mail Mail, again bool) error {
	states := "'failed'"
	if again {
		states = "'failed', 'sent'"
	}
	// The state is assigned last, since assignments see those before them.
	anew := "state IN (" + states + ")"
	return m.a.exec(ctx, "note mail to "+mail.Recipient, `INSERT INTO mails (report, period, department, recipient, message_id, state, attempts, problem, created, next)
VALUES (?, ?, ?, ?, ?, 'waiting', 0, '', UTC_TIMESTAMP(), UTC_TIMESTAMP())
ON DUPLICATE KEY UPDATE
	message_id = IF(`+anew+`, VALUES(message_id), message_id),
	created = IF(`+anew+`, VALUES(created), created),
	next = IF(`+anew+`, VALUES(next), next),
	attempts = IF(`+anew+`, 0, attempts),
	sent = IF(`+anew+`, NULL, sent),
	state = IF(`+anew+`, 'waiting', state)`,
		mail.Report, mail.Period, mail.Department, mail.Recipient, mail.MessageID)
}

// Due lists what waits and whose time has come, and what was interrupted. With
// all, also what has to wait longer.
func (m Mails) Due(ctx context.Context, all bool) ([]Mail, error) {
	return m.list(ctx, "list mails that wait", "WHERE "+dueMail+" ORDER BY report, period, department, recipient", claimArgs(all)...)
}

// Claim takes a mail for one try; false if another process was faster. With all,
// also before its time.
func (m Mails) Claim(ctx context.Context, id uint64, all bool) (bool, error) {
	result, err := m.a.db.ExecContext(ctx, "UPDATE mails SET state = 'sending', claimed = UTC_TIMESTAMP(), attempts = attempts + 1 WHERE id = ? AND "+dueMail,
		append([]any{id}, claimArgs(all)...)...)
	if err != nil {
		return false, wrap("claim mail", err)
	}
	n, err := result.RowsAffected()
	return n == 1, wrap("claim mail", err)
}

const dueMail = `(state = 'waiting' AND (next <= UTC_TIMESTAMP() OR ?)
	OR state = 'sending' AND claimed < UTC_TIMESTAMP() - INTERVAL ? SECOND)`

func claimArgs(all bool) []any { return []any{all, int(mailLease.Seconds())} }

// Delivered notes that the mail was handed to the server.
func (m Mails) Delivered(ctx context.Context, id uint64) error {
	return m.a.exec(ctx, "note mail as sent", "UPDATE mails SET state = 'sent', problem = '', sent = UTC_TIMESTAMP() WHERE id = ?", id)
}

// Refused notes why the mail was not sent. It is due again after wait, unless it
// was noted more than limit ago: then it is given up.
func (m Mails) Refused(ctx context.Context, id uint64, problem string, wait, limit time.Duration) error {
	problem = strings.ToValidUTF8(problem[:min(len(problem), 10_000)], "")
	return m.a.exec(ctx, "note mail as refused", `UPDATE mails SET problem = ?, next = UTC_TIMESTAMP() + INTERVAL ? SECOND,
state = IF(created < UTC_TIMESTAMP() - INTERVAL ? SECOND, 'failed', 'waiting') WHERE id = ?`,
		problem, int(wait.Seconds()), int(limit.Seconds()), id)
}

// Of lists the mails of a report of a period.
func (m Mails) Of(ctx context.Context, report, period string) ([]Mail, error) {
	return m.list(ctx, "list mails of "+period, "WHERE report = ? AND period = ? ORDER BY department, recipient", report, period)
}

func (m Mails) list(ctx context.Context, what, where string, args ...any) ([]Mail, error) {
	rows, err := m.a.db.QueryContext(ctx, "SELECT id, report, period, department, recipient, message_id, state, attempts, problem, created, next, sent FROM mails "+where, args...)
	if err != nil {
		return nil, wrap(what, err)
	}
	defer rows.Close()
	var mails []Mail
	for rows.Next() {
		var mail Mail
		var sent sql.NullTime
		if err := rows.Scan(&mail.ID, &mail.Report, &mail.Period, &mail.Department, &mail.Recipient, &mail.MessageID,
			&mail.State, &mail.Attempts, &mail.Problem, &mail.Created, &mail.Next, &sent); err != nil {
			return nil, wrap(what, err)
		}
		mail.Sent = sent.Time
		mails = append(mails, mail)
	}
	return mails, wrap(what, rows.Err())
}
