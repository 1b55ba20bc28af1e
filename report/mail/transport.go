package mail

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"net"
	"os/exec"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"nfacct/report"
	"nfacct/report/phrase"
)

// authTypes are the ways to log in. Those that send the password itself are
// refused by the library without TLS.
var authTypes = map[string]gomail.SMTPAuthType{
	"auto":          gomail.SMTPAuthAutoDiscover,
	"plain":         gomail.SMTPAuthPlain,
	"login":         gomail.SMTPAuthLogin,
	"cram-md5":      gomail.SMTPAuthCramMD5,
	"scram-sha-256": gomail.SMTPAuthSCRAMSHA256,
	"xoauth2":       gomail.SMTPAuthXOAUTH2,
}

// Transport hands messages to a mail server or to sendmail.
type Transport struct {
	cfg    Config
	signer *gomail.DKIMSigner // nil: not signed
}

// sendTimeout bounds one try; it is shorter than the ledger's lease on a mail.
const sendTimeout = 3 * time.Minute

// ErrUnreachable says that the server itself, not a recipient, is the trouble.
var ErrUnreachable = errors.New("mail server")

// NewTransport reads what has to be read. A configuration that passed its Check
// and is Enabled gives one.
func NewTransport(cfg Config) (*Transport, error) {
	if !cfg.Enabled() {
		return nil, errors.New("no way to send mail: set mail.server or mail.sendmail")
	}
	if _, err := ParseAddress(cfg.From); err != nil {
		return nil, fmt.Errorf("mail.from: %w", err)
	}
	t := &Transport{cfg: cfg}
	if cfg.DKIMKeyFile != "" {
		signer, err := readSigner(cfg)
		if err != nil {
			return nil, fmt.Errorf("mail.dkim_key_file: %w", err)
		}
		t.signer = signer
	}
	return t, nil
}

// String names where mail goes.
func (t *Transport) String() string {
	if t.cfg.Sendmail != "" {
		return t.cfg.Sendmail
	}
	return t.cfg.Server
}

// Send hands one message to the server and returns what it said. What the server
// has against this message is a *Refusal; ErrUnreachable is of all messages.
func (t *Transport) Send(ctx context.Context, msg *gomail.Msg) (answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if t.signer != nil {
		msg.SetDKIM(t.signer)
	}
	if t.cfg.Sendmail != "" {
		return "", t.pipe(ctx, msg)
	}
	client, secret, err := t.client(ctx)
	if err != nil {
		return "", err
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return "", fmt.Errorf("%w %s: %s", ErrUnreachable, t.cfg.Server, t.said(err, secret))
	}
	// What is said at parting is of no interest: the server has answered for the
	// message by then.
	defer client.CloseWithSMTPClient(conn)
	if err := fits(conn, msg); err != nil {
		return "", err
	}
	if err := client.SendWithSMTPClient(conn, msg); err != nil && !msg.IsDelivered() {
		return "", refusalOf(err, t.said(err, secret))
	}
	return t.hide(report.Clean(msg.ServerResponse()), secret), nil
}

// said is an error of the library, or of a server, fit to be shown, with what a
// person can do where that is known.
func (t *Transport) said(err error, secret string) string {
	text := err.Error()
	if i := strings.Index(text, ", affected recipient(s): "); i >= 0 {
		text = text[:i]
	}
	text = t.hide(report.Clean(text), secret)
	var unknown *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return text + ": name its authority in mail.ca_file, or the host that the certificate is for in mail.server"
	case errors.As(err, &record) && t.cfg.TLS == TLSImplicit:
		return `the server does not begin with TLS on this port; set mail.tls to "starttls", or use its port for TLS (465)`
	case errors.As(err, &record):
		return "the server answered STARTTLS with something that is not TLS"
	case strings.HasPrefix(text, "STARTTLS mode set to"): // go-mail's words; it has no error value for it
		return `the server offers no STARTTLS; set mail.tls to "tls" if it has a port for TLS (465), or to "none" for a server on this machine`
	}
	return text
}

// client knows the way to the server, and the password for it. Its connections end
// with ctx.
func (t *Transport) client(ctx context.Context) (client *gomail.Client, secret string, err error) {
	host, port, err := t.cfg.address()
	if err != nil {
		return nil, "", err
	}
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if t.cfg.CAFile != "" {
		if config.RootCAs, err = authorities(t.cfg.CAFile); err != nil {
			return nil, "", fmt.Errorf("mail.ca_file: %w", err)
		}
	}
	dial := &boundedDialer{ctx: ctx, dialer: net.Dialer{Timeout: 30 * time.Second}}
	options := []gomail.Option{
		gomail.WithTLSConfig(config),
		gomail.WithTimeout(30 * time.Second),
		// Addresses are ASCII, so nothing is lost, and old servers are spared it.
		gomail.WithoutSMTPUTF8(),
	}
	usual := 587
	switch t.cfg.TLS {
	case TLSImplicit:
		usual = 465
		options = append(options, gomail.WithSSL())
		dial.tls = config
	case TLSOpportunistic:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case TLSNone:
		usual = 25
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if port == 0 {
		port = usual
	}
	options = append(options, gomail.WithPort(port), gomail.WithDialContextFunc(dial.DialContext))
	helo := cmp.Or(t.cfg.Helo, qualifiedName())
	if helo != "" {
		options = append(options, gomail.WithHELO(helo))
	}
	if t.cfg.User != "" {
		secret, err = t.cfg.password()
		if err != nil {
			return nil, "", fmt.Errorf("mail.password_file: %w", err)
		}
		options = append(options, gomail.WithSMTPAuth(authTypes[t.cfg.Auth]), gomail.WithUsername(t.cfg.User), gomail.WithPassword(secret))
	}
	if client, err = gomail.NewClient(host, options...); err == nil && helo == "" {
		err = greetByAddress(client, dial)
	}
	return client, secret, err
}

// pipe hands the message to sendmail. Recipients stand on its command line, behind
// --, so that none can be taken for an option.
func (t *Transport) pipe(ctx context.Context, msg *gomail.Msg) error {
	from, err := msg.GetSender(false)
	if err != nil {
		return err
	}
	recipients, err := msg.GetRecipients()
	if err != nil {
		return err
	}
	// The library writes them as SMTP does, in <>.
	from = strings.Trim(from, "<>")
	for i := range recipients {
		recipients[i] = strings.Trim(recipients[i], "<>")
	}
	var text, complaint bytes.Buffer
	if _, err := msg.WriteTo(&text); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, t.cfg.Sendmail, append([]string{"-i", "-f", from, "--"}, recipients...)...)
	// Programs on this machine take its own line ends.
	cmd.Stdin = bytes.NewReader(bytes.ReplaceAll(text.Bytes(), []byte("\r\n"), []byte("\n")))
	cmd.Stdout, cmd.Stderr = &complaint, &complaint
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		said := report.Clean(complaint.String()[:min(complaint.Len(), 1000)])
		return refusalOfSendmail(err, said, fmt.Sprintf("%s: %v: %s", t.cfg.Sendmail, err, said))
	}
	return nil
}

// readSigner reads the key of the DKIM signature (RFC 6376).
func readSigner(cfg Config) (*gomail.DKIMSigner, error) {
	pem, err := readSecret(cfg.DKIMKeyFile)
	if err != nil {
		return nil, err
	}
	key, err := gomail.PrivKeyFromPEM(pem)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.DKIMKeyFile, err)
	}
	signer := gomail.NewDKIMSigner(cfg.DKIMDomain, cfg.DKIMSelector, key)
	signer.HeaderCanonicalization(gomail.CanonicalizationRelaxed)
	signer.BodyCanonicalization(gomail.CanonicalizationRelaxed)
	return signer, nil
}

// Test sends a message that only says that it came, and returns what the server
// said.
func (t *Transport) Test(ctx context.Context, words *phrase.Catalogue, to string, now time.Time) (answer string, err error) {
	text := words.Text("mail.test.text")
	l := &Letter{
		Subject: words.Text("mail.test.subject"), Text: text + "\n",
		HTML: "<!DOCTYPE html>\n<html lang=\"" + words.Language + "\"><head><title>nfacct</title></head><body>" + template.HTMLEscapeString(text) + "</body></html>\n",
	}
	msg, err := l.Message(Envelope{From: t.cfg.From, ReplyTo: t.cfg.ReplyTo, To: to, Date: now,
		MessageID: MessageID(t.cfg.From, "test", now.UTC().Format("20060102T150405.000"), "", to, 0)})
	if err != nil {
		return "", err
	}
	if answer, err = t.Send(ctx, msg); err == nil && answer == "" {
		answer = "no complaint"
	}
	return answer, err
}
