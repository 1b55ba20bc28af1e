package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"image/png"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// send hands a letter to a server.
func send(t *testing.T, cfg Config, l *Letter, to string) (string, error) {
	t.Helper()
	transport, err := NewTransport(cfg)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := l.Message(Envelope{From: cfg.From, To: to, MessageID: MessageID(cfg.From, "day", "2026-11-22", "", to, 0), Date: time.Date(2026, 11, 23, 6, 30, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return transport.Send(t.Context(), msg)
}

// A report through a real server, by STARTTLS and with a password: what arrives is
// what mail programs want.
func TestMailpit(t *testing.T) {
	server := startMailpit(t)
	u := office(60)
	l, err := NewLetter(u, Options{Source: "mail.to"})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := send(t, server.config(), l, "head@example.net")
	if err != nil || !strings.HasPrefix(answer, "2") {
		t.Fatalf("%q, %v", answer, err)
	}
	list := server.list()
	if len(list) != 1 {
		t.Fatalf("%d mails", len(list))
	}
	id := list[0].ID

	var headers map[string][]string
	server.get("message/"+id+"/headers", &headers)
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "Precedence": "bulk",
		"List-Id": "nfacct reports <reports.nfacct.example.net>", "From": `"nfacct" <nfacct@example.net>`,
		"Message-Id": "<" + MessageID("nfacct@example.net", "day", "2026-11-22", "", "head@example.net", 0) + ">",
		"Subject":    "Past the proxy 2026-11-22: 21.1 GiB, 60 hosts, 2 over quota", "Date": "Mon, 23 Nov 2026 06:30:00 +0000",
	} {
		if got := headers[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"User-Agent", "X-Mailer", "Bcc"} {
		if headers[name] != nil {
			t.Errorf("%s: %q", name, headers[name])
		}
	}

	var message struct {
		Text, HTML          string
		Inline, Attachments []struct{ PartID, FileName, ContentType, ContentID string }
	}
	server.get("message/"+id, &message)
	if message.Text != l.Text && strings.ReplaceAll(message.Text, "\r\n", "\n") != l.Text {
		t.Error("the text is another")
	}
	if !strings.Contains(message.HTML, "accounts-1") || !strings.Contains(message.Text, "accounts-1") {
		t.Error("no hosts")
	}
	if len(message.Inline) != 2 || len(message.Attachments) != 1 {
		t.Fatalf("%d images, %d attachments", len(message.Inline), len(message.Attachments))
	}
	for _, part := range message.Inline {
		if !strings.Contains(l.HTML, `src="cid:`+part.ContentID+`"`) {
			t.Errorf("nothing shows %s", part.ContentID)
		}
		if _, err := png.Decode(bytes.NewReader(server.raw("message/" + id + "/part/" + part.PartID))); err != nil {
			t.Errorf("%s: %v", part.FileName, err)
		}
	}
	if a := message.Attachments[0]; a.FileName != "nfacct-2026-11-22.xlsx" || a.ContentType != workbookType {
		t.Errorf("%+v", a)
	}
	compareWorkbook(t, server.raw("message/"+id+"/part/"+message.Attachments[0].PartID), u)

	if got, want := structure(t, server.raw("message/"+id+"/raw")), "multipart/mixed(multipart/related(multipart/alternative(text/plain text/html) image/png image/png) "+workbookType+")"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}

	var html struct {
		Total    struct{ Supported, Partial, Unsupported float64 }
		Warnings []struct {
			Slug  string
			Score struct{ Supported, Partial, Unsupported float64 }
		}
	}
	server.get("message/"+id+"/html-check", &html)
	t.Logf("HTML check: %.2f %% supported, %.2f %% partly, %.2f %% not", html.Total.Supported, html.Total.Partial, html.Total.Unsupported)
	if html.Total.Supported < 97 || html.Total.Unsupported > 0.5 {
		for _, w := range html.Warnings {
			t.Errorf("HTML check: %s %+v", w.Slug, w.Score)
		}
	}
	var links struct{ Errors int }
	server.get("message/"+id+"/link-check", &links)
	if links.Errors != 0 {
		t.Errorf("%d links are broken", links.Errors)
	}
}

// structure is the tree of a message's parts.
func structure(t *testing.T, raw []byte) string {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var walk func(contentType string, body io.Reader) string
	walk = func(contentType string, body io.Reader) string {
		kind, params, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(kind, "multipart/") {
			return kind
		}
		var parts []string
		for reader := multipart.NewReader(body, params["boundary"]); ; {
			part, err := reader.NextRawPart()
			if err != nil {
				break
			}
			parts = append(parts, walk(part.Header.Get("Content-Type"), part))
			if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
				io.Copy(io.Discard, quotedprintable.NewReader(part))
			}
		}
		return kind + "(" + strings.Join(parts, " ") + ")"
	}
	return walk(msg.Header.Get("Content-Type"), msg.Body)
}

// Nothing is handed to a server that is not the one configured, or that would have
// it readable.
func TestRefusedServers(t *testing.T) {
	server, plain := startMailpit(t), startMailpit(t, "--plain")
	other, _ := certificate(t, t.TempDir(), "mail.example.net")
	l := &Letter{Subject: "x", Text: "x", HTML: "x"}
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"another authority":    {func(c *Config) { c.CAFile = other }, "name its authority in mail.ca_file"},
		"system's authorities": {func(c *Config) { c.CAFile = "" }, "certificate"},
		"no STARTTLS":          {func(c *Config) { c.Server = plain.smtp }, "the server offers no TLS"},
		"TLS from the start":   {func(c *Config) { c.TLS = TLSImplicit }, "tls"},
		"readable":             {func(c *Config) { c.TLS, c.User = TLSNone, "" }, "STARTTLS"},
		"wrong password":       {func(c *Config) { os.WriteFile(c.PasswordFile, []byte("wrong"), 0o600) }, "535"},
		"nobody there":         {func(c *Config) { c.Server = freeAddress(t) }, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := server.config()
			test.change(&cfg)
			answer, err := send(t, cfg, l, "head@example.net")
			if err == nil {
				t.Fatalf("sent: %s", answer)
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "wrong\n") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
	if n := len(server.list()) + len(plain.list()); n != 0 {
		t.Errorf("%d mails came", n)
	}
	cfg := server.config()
	cfg.Server, cfg.User, cfg.TLS = plain.smtp, "", TLSOpportunistic
	if _, err := send(t, cfg, l, "head@example.net"); err != nil {
		t.Errorf("opportunistic: %v", err)
	}
}

// openLedger is the ledger of a private database.
func openLedger(t *testing.T) *archive.Archive {
	t.Helper()
	cfg := archive.DefaultConfig()
	cfg.Folder = filepath.Join(t.TempDir(), "database")
	db, err := archive.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// What the server refuses is tried again, what it took never is.
func TestOutbox(t *testing.T) {
	server := startMailpit(t, "--smtp-allowed-recipients", `^(head|one|two)@example\.net$`)
	db := openLedger(t)
	rendered := 0
	outbox, err := NewOutbox(server.config(), db.Mails(), func(_ context.Context, m archive.Mail) (*Letter, error) {
		rendered++
		if m.Department == "broken" {
			return nil, errors.New("no such department")
		}
		return &Letter{Subject: m.Report + " " + m.Period + " " + m.Department, Text: "x", HTML: "x"}, nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	note := func(department string, to ...string) {
		t.Helper()
		if err := outbox.Note(t.Context(), "day", "2026-11-22", department, to, false); err != nil {
			t.Fatal(err)
		}
	}
	deliver := func(all bool, sent, failed int) Result {
		t.Helper()
		result, err := outbox.Deliver(t.Context(), all)
		if err != nil || result.Sent != sent || result.Failed != failed {
			t.Fatalf("%+v, %v, want %d sent and %d failed", result, err, sent, failed)
		}
		return result
	}
	states := func() string {
		t.Helper()
		mails, err := db.Mails().Of(t.Context(), "day", "2026-11-22")
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, m := range mails {
			list = append(list, fmt.Sprintf("%s%s=%s/%d", m.Department, strings.TrimSuffix(m.Recipient, "@example.net"), m.State, m.Attempts))
		}
		return strings.Join(list, " ")
	}

	// A server in trouble: nobody gets it, nothing is lost, nothing hurries.
	server.chaos(451)
	note("", "head@example.net", "One <one@example.net>")
	if result := deliver(false, 0, 2); !strings.Contains(result.Problems[0].Error(), "451") {
		t.Errorf("%v", result.Problems)
	}
	deliver(false, 0, 0) // it is not time yet
	server.chaos(0)
	deliver(true, 2, 0)
	if got := states(); got != "head=sent/2 one=sent/2" {
		t.Error(got)
	}

	// Nobody gets it twice: not by another note, not by another try.
	note("", "head@example.net", "one@example.net")
	deliver(true, 0, 0)

	// One that is refused and one that cannot be made delay no other.
	note("", "refused@example.net", "two@example.net")
	note("broken", "head@example.net")
	note("sales", "one@example.net")
	deliver(false, 2, 2)
	if got := states(); got != "head=sent/2 one=sent/2 refused=waiting/1 two=sent/1 brokenhead=waiting/1 salesone=sent/1" {
		t.Error(got)
	}
	if rendered > 6 {
		t.Errorf("rendered %d times", rendered)
	}

	// After a day it is given up; a note begins it anew.
	if _, err := db.DB().Exec("UPDATE mails SET created = created - INTERVAL 25 HOUR WHERE state = 'waiting'"); err != nil {
		t.Fatal(err)
	}
	deliver(true, 0, 2)
	deliver(true, 0, 0)
	note("", "refused@example.net")
	deliver(false, 0, 1)

	// A try that was interrupted is made again when its time is over.
	if _, err := db.DB().Exec("UPDATE mails SET state = 'sending', claimed = UTC_TIMESTAMP() WHERE recipient = 'two@example.net'"); err != nil {
		t.Fatal(err)
	}
	deliver(false, 0, 0)
	if _, err := db.DB().Exec("UPDATE mails SET claimed = UTC_TIMESTAMP() - INTERVAL 11 MINUTE WHERE recipient = 'two@example.net'"); err != nil {
		t.Fatal(err)
	}
	deliver(false, 1, 0)
	ids := map[string]int{}
	for _, m := range server.list() {
		ids[m.MessageID]++
	}
	if len(ids) != 4 || len(server.list()) != 5 {
		t.Errorf("%d mails with %d ids: the one sent again has the id that it had", len(server.list()), len(ids))
	}

	// On purpose it can be sent again.
	if err := outbox.Note(t.Context(), "day", "2026-11-22", "", []string{"head@example.net"}, true); err != nil {
		t.Fatal(err)
	}
	deliver(false, 1, 0)
}

// Two processes at once send each mail once.
func TestOutboxTwice(t *testing.T) {
	server := startMailpit(t)
	db := openLedger(t)
	letter := func(context.Context, archive.Mail) (*Letter, error) {
		return &Letter{Subject: "x", Text: "x", HTML: "x"}, nil
	}
	results := make(chan Result)
	var to []string
	for i := range 10 {
		to = append(to, fmt.Sprintf("head%d@example.net", i))
	}
	for i := range 3 {
		outbox, err := NewOutbox(server.config(), db.Mails(), letter, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := outbox.Note(t.Context(), "day", "2026-11-22", "", to, false); err != nil {
				t.Fatal(err)
			}
		}
		go func() {
			result, err := outbox.Deliver(t.Context(), true)
			if err != nil {
				t.Error(err)
			}
			results <- result
		}()
	}
	sent := 0
	for range 3 {
		sent += (<-results).Sent
	}
	if sent != 10 || len(server.list()) != 10 {
		t.Errorf("sent %d, received %d", sent, len(server.list()))
	}
}

// A dead server is asked once a round, not once a recipient.
func TestOutboxDeadServer(t *testing.T) {
	db := openLedger(t)
	cfg := DefaultConfig()
	cfg.Server, cfg.From, cfg.TLS = freeAddress(t), "nfacct@example.net", TLSNone
	outbox, err := NewOutbox(cfg, db.Mails(), func(context.Context, archive.Mail) (*Letter, error) {
		return &Letter{Subject: "x", Text: "x", HTML: "x"}, nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := outbox.Note(t.Context(), "day", "2026-11-22", "", []string{"a@example.net", "b@example.net"}, false); err != nil {
		t.Fatal(err)
	}
	result, err := outbox.Deliver(t.Context(), false)
	if err != nil || result.Failed != 2 || !slices.ContainsFunc(result.Problems, func(err error) bool { return strings.Contains(err.Error(), "connection refused") }) {
		t.Errorf("%+v, %v", result, err)
	}
}

// The DKIM signature is there, for the domain and selector configured.
func TestDKIM(t *testing.T) {
	server := startMailpit(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cfg := server.config()
	cfg.DKIMDomain, cfg.DKIMSelector, cfg.DKIMKeyFile = "example.net", "nfacct", filepath.Join(t.TempDir(), "dkim.pem")
	if err := os.WriteFile(cfg.DKIMKeyFile, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Check(func(key, problem, _ string) { t.Errorf("%s: %s", key, problem) })
	transport, err := NewTransport(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := transport.Test(t.Context(), phrase.English(), "head@example.net", time.Now()); err != nil || !strings.HasPrefix(answer, "2") {
		t.Fatalf("%q, %v", answer, err)
	}
	raw := server.raw("message/" + server.list()[0].ID + "/raw")
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	// Another implementation finds the signature good.
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	raw = raw[bytes.Index(raw, []byte("DKIM-Signature:")):] // before it stands what the server says
	verified, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(domain string) ([]string, error) {
		if domain != "nfacct._domainkey.example.net" {
			return nil, fmt.Errorf("asked for %s", domain)
		}
		return []string{"v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)}, nil
	}})
	if err != nil || len(verified) != 1 || verified[0].Err != nil {
		t.Errorf("%v, %+v", err, verified)
	} else {
		t.Logf("signed: %q", verified[0].HeaderKeys)
	}
	signature := msg.Header.Get("Dkim-Signature")
	for _, want := range []string{"d=example.net", "s=nfacct", "a=rsa-sha256", "c=relaxed/relaxed", "bh="} {
		if !strings.Contains(signature, want) {
			t.Errorf("no %s in %q", want, signature)
		}
	}
}
