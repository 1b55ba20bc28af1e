package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Refusal is a server's no to one message, or that of sendmail.
type Refusal struct {
	// Code is the reply's (RFC 5321, section 4.2): 400 to 599, or 0 when there was
	// none, as when the connection broke.
	Code int
	// Enhanced is the status code of RFC 3463, such as 5.3.4; empty when there was
	// none.
	Enhanced string
	// OfRecipient is whether the server refused the recipient or the message.
	// Otherwise it refused this machine, its login or the sender, for any recipient:
	// the administrator mends that in the configuration or at the server.
	OfRecipient bool
	text        string
}

// Error is the server's answer, with the remedy where the configuration has one.
func (r *Refusal) Error() string {
	if r.Code >= 500 && !r.OfRecipient {
		return r.text + ": the server refuses this machine or the sender, not the recipient; check mail.user, mail.from and mail.helo, and whether the server may relay for this machine"
	}
	return r.text
}

// TooBig is whether a smaller message may pass: the reply is 552, which a full
// mailbox (5.2.2) has too, or its status code says so in words of RFC 3463.
func (r *Refusal) TooBig() bool {
	switch r.Enhanced {
	case "5.3.4", "5.2.3":
		return true
	case "":
		return r.Code == 552
	}
	return false
}

// Permanent is whether it would be refused again: 5xx to the recipient or the
// message (RFC 5321, section 4.2.1).
func (r *Refusal) Permanent() bool { return r.OfRecipient && r.Code >= 500 }

// refusesClient are answers that name the client, its greeting, its login or the
// sender. Postfix gives them at RCPT TO (smtpd_delay_reject is on by default).
var refusesClient = regexp.MustCompile(`(?i)\b(helo|ehlo) command rejected|\bclient (host|address)|\bsender (address|domain|verify)|\bnot owned by\b|` +
	`\brelay(ing)? (access )?(is )?(denied|not (permitted|allowed)|prohibited)|\b(unable|not (permitted|allowed)) to relay|\brcpthosts\b|` +
	`\bauthenticat(e|ion)\b.*\b(required|first|failed)|\b(required|must)\b.*\bauthenticat|\b(blocked using|blacklisted|block ?list)\b`)

// recipientRefused is whether a 5xx at RCPT TO is of the recipient. The subject and
// detail of the status code decide it where there is one (RFC 3463, section 3):
// 5.1.7 and 5.1.8 are of the sender, 5.5 of the protocol and 5.7 of policy, which
// is against who sends far more often than against who gets it. Codes without one
// go by RFC 5321, section 4.2.3, and by the text.
func recipientRefused(code int, enhanced, text string) bool {
	if enhanced != "" {
		subject, detail, _ := strings.Cut(enhanced[2:], ".")
		switch subject {
		case "1":
			return detail != "7" && detail != "8"
		case "5", "7":
			return false
		}
		return true
	}
	switch code {
	case 503, 504, 530, 535, 538, 553, 554:
		return false
	}
	return !refusesClient.MatchString(text)
}

// enhanced finds a status code of RFC 3463.
var enhanced = regexp.MustCompile(`\b[45]\.\d{1,3}\.\d{1,3}\b`)

// refusalOf is what a server said to a message. Text is what is shown of it.
func refusalOf(err error, text string) *Refusal {
	r := &Refusal{text: text}
	var said *gomail.SendError
	if !errors.As(err, &said) {
		return r
	}
	r.Code = said.ErrorCode()
	after := ""
	if r.Code != 0 {
		// Servers give it without having announced it, too.
		_, after, _ = strings.Cut(text, strconv.Itoa(r.Code))
		r.Enhanced = enhanced.FindString(after)
	}
	switch said.Reason {
	case gomail.ErrSMTPRcptTo:
		r.OfRecipient = r.Code < 500 || recipientRefused(r.Code, r.Enhanced, after)
	case gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		r.OfRecipient = r.Code != 530
	}
	return r
}

// sendmailTooBig is how sendmail programs say it: they have only exit codes.
var sendmailTooBig = regexp.MustCompile(`(?i)\b5\.3\.4\b|(message|mail)( file| size)?( is)? (too (big|large)|exceeds)`)

// refusalOfSendmail tells by its exit code (sysexits.h) what a program says.
func refusalOfSendmail(err error, complaint, text string) *Refusal {
	r := &Refusal{text: text}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return r
	}
	const noUser, noHost = 67, 68
	switch code := exit.ExitCode(); {
	case code == noUser || code == noHost:
		r.Code, r.OfRecipient = 550, true
	case sendmailTooBig.MatchString(complaint):
		r.Code, r.Enhanced, r.OfRecipient = 552, "5.3.4", true
	}
	return r
}

// fits asks before a message is sent whether the server takes one so big: it has
// said how big they may be (RFC 1870). The library does not look at that.
func fits(conn *smtp.Client, msg *gomail.Msg) error {
	_, announced := conn.Extension("SIZE")
	most, err := strconv.ParseInt(strings.TrimSpace(announced), 10, 64)
	if err != nil || most <= 0 { // 0 is no limit
		return nil
	}
	size, err := msg.WriteTo(io.Discard)
	if err != nil {
		return err
	}
	if size <= most {
		return nil
	}
	return &Refusal{Code: 552, Enhanced: "5.3.4", OfRecipient: true, text: fmt.Sprintf("the message has %d bytes, and the server takes no more than %d", size, most)}
}

// sendFitting sends a letter, and once more without its workbook when it is too
// big with it.
func (o *Outbox) sendFitting(ctx context.Context, letter *Letter, e Envelope) error {
	send := func(l *Letter) error {
		msg, err := l.Message(e)
		if err != nil {
			return err
		}
		_, err = o.send(ctx, msg)
		return err
	}
	err := send(letter)
	var refusal *Refusal
	if !errors.As(err, &refusal) || !refusal.TooBig() || len(letter.Workbook) == 0 {
		return err
	}
	light, err2 := letter.Light()
	if err2 != nil {
		return errors.Join(err, err2)
	}
	o.log.Info("mail too big, sent without the workbook", "to", e.To, "err", err)
	return send(light)
}
