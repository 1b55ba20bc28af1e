package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"log/slog"
	"strings"
	"testing"

	gomail "github.com/wneessen/go-mail"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// A letter that is too big for the server goes without its workbook at once, and
// says so in both its parts; whether the server says it before or after.
func TestTooBig(t *testing.T) {
	server := startMailpit(t, "--plain")
	u := office(60)
	u.Group = "it's sales"
	for name, test := range map[string]struct {
		announces bool
		words     *phrase.Catalogue
		messages  int32
		want      []string
	}{
		"announced": {true, phrase.English(), 1, []string{"is not attached: with it, this mail was bigger than the mail server takes."}},
		"refused":   {false, russian(t), 2, []string{"не приложена: с ней письмо больше, чем принимает почтовый сервер."}},
	} {
		t.Run(name, func(t *testing.T) {
			db := emptyLedger(t)
			l, err := NewLetter(u, Options{Words: test.words})
			if err != nil {
				t.Fatal(err)
			}
			l.Workbook = append(l.Workbook, make([]byte, 500_000)...) // an office of thousands
			relay := startRelay(t, server, 400_000, test.announces)
			cfg := DefaultConfig()
			cfg.Server, cfg.From, cfg.TLS = relay.address, "nfacct@example.net", TLSNone
			outbox, err := NewOutbox(cfg, db.Mails(), everybody, func(context.Context, archive.Mail) (*Letter, error) { return l, nil }, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			to := name + "@example.net"
			if err := outbox.Note(t.Context(), "day", "2026-11-22", "", []string{to}, Noting{}); err != nil {
				t.Fatal(err)
			}
			result, err := outbox.Deliver(t.Context(), false)
			if err != nil || result.Sent != 1 || relay.messages.Load() != test.messages {
				t.Fatalf("%+v, %v; %d messages transferred, want %d", result, err, relay.messages.Load(), test.messages)
			}
			got := server.list()[0]
			if got.To[0].Address != to {
				t.Fatalf("%+v", got)
			}
			var message struct {
				Text, HTML  string
				Inline      []struct{ PartID string }
				Attachments []struct{ FileName string }
			}
			server.get("message/"+got.ID, &message)
			if len(message.Attachments) != 0 || len(message.Inline) != 2 {
				t.Errorf("%d attachments, %d images", len(message.Attachments), len(message.Inline))
			}
			const command = `nfacct report --day 2026-11-22 --department 'it'\''s sales' --format xlsx --output nfacct-2026-11-22.xlsx`
			html := strings.ReplaceAll(message.HTML, "&#39;", "'")
			for _, want := range append(test.want, command) {
				if flat := strings.Join(strings.Fields(message.Text), " "); !strings.Contains(flat, want) {
					t.Errorf("the text does not say %q:\n%s", want, message.Text[max(0, len(message.Text)-600):])
				}
				if !strings.Contains(html, want) {
					t.Errorf("the HTML does not say %q", want)
				}
			}
			if strings.Contains(html, l.File+".") {
				t.Error("the HTML speaks of a workbook that is not attached")
			}
		})
	}
}

// A mailbox that is full is no matter of the letter's size.
func TestTooBigWords(t *testing.T) {
	for text, want := range map[string]bool{
		"552 5.3.4 message size exceeds fixed limit": true,
		"552 message too large":                      true,
		"550 5.2.3 RESOLVER.RST.RecipSizeLimit":      true,
		"552 5.2.2 mailbox full":                     false,
		"554 5.7.1 spam":                             false,
	} {
		var r Refusal
		r.Code = int(text[0]-'0')*100 + int(text[1]-'0')*10 + int(text[2]-'0')
		r.Enhanced = enhanced.FindString(text)
		if got := r.TooBig(); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// A message that is signed is measured before it is sent, and then is the same.
func TestMeasuredSigned(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := (&Letter{Subject: "x", Text: "x", HTML: "x", Workbook: []byte("x"), File: "x.xlsx"}).Message(Envelope{From: "nfacct@example.net", To: "head@example.net", MessageID: "x@example.net"})
	if err != nil {
		t.Fatal(err)
	}
	msg.SetDKIM(gomail.NewDKIMSigner("example.net", "nfacct", key))
	measured, err := msg.WriteTo(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var sent bytes.Buffer
	if _, err := msg.WriteTo(&sent); err != nil || int64(sent.Len()) != measured || bytes.Count(sent.Bytes(), []byte("DKIM-Signature:")) != 1 {
		t.Errorf("measured %d, sent %d, %v\n%s", measured, sent.Len(), err, &sent)
	}
}
