package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	gomail "github.com/wneessen/go-mail"

	"nfacct/archive"
)

// Outbox sends what the ledger of mails says is to be sent. A mail is rendered
// anew for each try, so that nothing but the ledger has to be kept.
type Outbox struct {
	cfg    Config
	mails  archive.Mails
	send   func(ctx context.Context, msg *gomail.Msg) (answer string, err error)
	wanted func(mail archive.Mail) error
	letter func(ctx context.Context, mail archive.Mail) (*Letter, error)
	log    *slog.Logger
}

// NewOutbox returns an outbox that renders letters by the function given. What
// wanted has an error for is dropped: its recipient is none any more.
func NewOutbox(cfg Config, mails archive.Mails, wanted func(archive.Mail) error, letter func(context.Context, archive.Mail) (*Letter, error), log *slog.Logger) (*Outbox, error) {
	transport, err := NewTransport(cfg)
	if err != nil {
		return nil, err
	}
	return &Outbox{cfg: cfg, mails: mails, send: transport.Send, wanted: wanted, letter: letter, log: log}, nil
}

// giveUp is for how long a mail is tried from its first refusal on, unless that was
// for good; giveUpServer for how long when the server cannot be reached at all, it
// refuses this machine or the sender, or the report cannot be made.
const (
	giveUp       = 24 * time.Hour
	giveUpServer = 30 * 24 * time.Hour
)

// pause is how long to wait after so many tries: 1, 2, 4 ... minutes, at most an
// hour. The ledger keeps the number of tries alone, so there is no backoff to keep.
func pause(attempts int) time.Duration {
	return min(time.Minute<<min(max(attempts-1, 0), 6), time.Hour)
}

// Noting says how a report is entered for its recipients.
type Noting struct {
	Asked bool // by a person, whoever the configuration names
	Again bool // those who have it already too
}

// Note enters a report for its recipients, each once; addresses that differ in
// case alone are the same. A mail that was given up begins anew only when a person
// asks for it: the server has refused its recipient for good.
func (o *Outbox) Note(ctx context.Context, report, period, department string, recipients []string, how Noting) error {
	for _, recipient := range recipients {
		addr, err := ParseAddress(recipient)
		if err != nil {
			return err
		}
		mail := archive.Mail{Report: report, Period: period, Department: department, Recipient: addr.Address, Asked: how.Asked}
		round := 0
		if how.Again {
			round = int(time.Now().Unix())
		}
		mail.MessageID = MessageID(o.cfg.From, report, period, department, addr.Address, round)
		if err := o.mails.Add(ctx, mail, how.Again); err != nil {
			return err
		}
	}
	return nil
}

// Result says how a round of the outbox went.
type Result struct {
	Sent, Dropped int
	Waiting       int // not sent, and due again later
	GivenUp       int // not sent, and not tried again
	// Problems are of the mails that wait or are given up.
	Problems []Problem
}

// Problem is why a mail was not sent, with whom it was for.
type Problem struct {
	Err     error
	GivenUp bool // it is not tried again
}

func (p Problem) Error() string { return p.Err.Error() }
func (p Problem) Unwrap() error { return p.Err }

// Deliver tries each mail that is due once. With all, those too that were to wait
// longer. A mail that fails is noted for later, and the others go on; an error is
// of the ledger alone.
func (o *Outbox) Deliver(ctx context.Context, all bool) (Result, error) {
	var result Result
	due, err := o.mails.Due(ctx, all)
	if err != nil {
		return result, err
	}
	if len(due) == 0 {
		return result, nil
	}
	round, err := o.mails.Round(ctx)
	if err != nil {
		return result, err
	}
	defer round.Close()
	letters := map[letterKey]made{}
	var dead error // the server does not answer: the others need not wait for it too
	for _, mail := range due {
		if ctx.Err() != nil {
			return result, ctx.Err()
		}
		mine, err := round.Claim(ctx, mail.ID, all)
		if err != nil {
			return result, err
		}
		if !mine { // another process has it
			continue
		}
		if why := o.wanted(mail); why != nil && !mail.Asked {
			if err := o.mails.Drop(ctx, mail.ID, why.Error()); err != nil {
				return result, err
			}
			result.Dropped++
			o.log.Info("mail dropped", "report", mail.Report, "period", mail.Period, "department", mail.Department, "to", mail.Recipient, "why", why)
			continue
		}
		err = dead
		if err == nil {
			err = o.deliver(ctx, mail, letters)
		}
		// What the server has said is written down even when the program is being
		// stopped: forgotten, it would be said twice.
		note, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		if err == nil {
			err = o.mails.Delivered(note, mail.ID)
			cancel()
			if err != nil {
				return result, err
			}
			result.Sent++
			o.log.Info("mailed", "report", mail.Report, "period", mail.Period, "department", mail.Department, "to", mail.Recipient)
			continue
		}
		if errors.Is(err, ErrUnreachable) {
			dead = err
		}
		state, noted := o.noteFailure(note, mail, err)
		cancel()
		if noted != nil {
			return result, noted
		}
		problem := Problem{fmt.Errorf("%s %s to %s: %w", mail.Report, mail.Period, mail.Recipient, err), state == archive.MailFailed}
		if problem.GivenUp {
			result.GivenUp++
		} else {
			result.Waiting++
		}
		result.Problems = append(result.Problems, problem)
		o.log.Debug("not mailed", "report", mail.Report, "period", mail.Period, "to", mail.Recipient, "err", err, "state", state)
	}
	return result, nil
}

// noteFailure writes down why a mail was not sent, and returns what becomes of it.
// Only what the server has against this mail is held against its recipient.
func (o *Outbox) noteFailure(ctx context.Context, mail archive.Mail, err error) (state string, noted error) {
	wait := pause(mail.Attempts + 1)
	var refusal *Refusal
	switch {
	case !errors.As(err, &refusal), refusal.Code >= 500 && !refusal.OfRecipient:
		return o.mails.Postponed(ctx, mail.ID, err.Error(), wait, giveUpServer)
	case refusal.Permanent():
		return o.mails.GiveUp(ctx, mail.ID, err.Error())
	}
	return o.mails.Refused(ctx, mail.ID, err.Error(), wait, giveUp)
}

// letterKey is what mails have in common that are the same letter.
type letterKey struct {
	report, period, department string
	asked                      bool
}

// made is a letter, or why there is none: then it is the same for all that it is for.
type made struct {
	letter *Letter
	err    error
}

func (o *Outbox) deliver(ctx context.Context, mail archive.Mail, letters map[letterKey]made) error {
	key := letterKey{mail.Report, mail.Period, mail.Department, mail.Asked}
	m, known := letters[key]
	if !known {
		m.letter, m.err = o.letter(ctx, mail)
		clear(letters) // they come in this order, and workbooks are big
		letters[key] = m
	}
	if m.err != nil {
		return fmt.Errorf("make report: %w", m.err)
	}
	return o.sendFitting(ctx, m.letter, Envelope{From: o.cfg.From, ReplyTo: o.cfg.ReplyTo, To: mail.Recipient, MessageID: mail.MessageID, Date: time.Now()})
}
