package mail

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

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
		"Subject":    "Past the proxy 2026-11-22: 21.1 GiB, 60 hosts, 2 quotas exceeded", "Date": "Mon, 23 Nov 2026 06:30:00 +0000",
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
		Total struct {
			Tests, Nodes                    int
			Supported, Partial, Unsupported float64
		}
		Warnings []struct {
			Slug  string
			Score struct{ Supported, Partial, Unsupported float64 }
		}
	}
	server.get("message/"+id+"/html-check", &html)
	total := &html.Total
	t.Logf("HTML check: %d tests of %d nodes, %.2f %% supported, %.2f %% partly, %.2f %% not", total.Tests, total.Nodes, total.Supported, total.Partial, total.Unsupported)
	// One that looked at nothing finds nothing.
	if total.Tests < 10 || total.Nodes < 100 {
		t.Errorf("HTML check: %d tests of %d nodes", total.Tests, total.Nodes)
	}
	if total.Supported < 97 || total.Unsupported > 0.5 {
		t.Errorf("HTML check: %.2f %% supported, %.2f %% not", total.Supported, total.Unsupported)
		for _, w := range html.Warnings {
			t.Logf("%s %+v", w.Slug, w.Score)
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
		"no STARTTLS":          {func(c *Config) { c.Server = plain.smtp }, "the server offers no STARTTLS; set mail.tls"},
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
