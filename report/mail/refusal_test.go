package mail

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"nfacct/archive"
)

// postfix answers as Postfix does by default: what it has against the client, the
// greeting or the sender comes at RCPT TO.
type postfix struct {
	address string
	rcpt    func(command string) string // its answer to RCPT TO

	mu   sync.Mutex
	ehlo []string
}

func startPostfix(t *testing.T, rcpt func(string) string) *postfix {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	p := &postfix{address: listener.Addr().String(), rcpt: rcpt}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

func (p *postfix) serve(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	io.WriteString(conn, "220 mail.example.net ESMTP Postfix\r\n")
	for lines.Scan() {
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		answer := "250 2.0.0 Ok"
		switch verb {
		case "EHLO":
			p.mu.Lock()
			p.ehlo = append(p.ehlo, rest)
			p.mu.Unlock()
			answer = "250-mail.example.net\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME"
		case "RCPT":
			answer = p.rcpt(rest)
		case "DATA":
			io.WriteString(conn, "354 go on\r\n")
			for lines.Scan() && lines.Text() != "." {
			}
		case "QUIT":
			answer = "221 2.0.0 Bye"
		}
		io.WriteString(conn, answer+"\r\n")
	}
}

func (p *postfix) outbox(t *testing.T, db *archive.Archive) *Outbox {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Server, cfg.From, cfg.TLS = p.address, "nfacct@example.net", TLSNone
	outbox, err := NewOutbox(cfg, db.Mails(), everybody, func(context.Context, archive.Mail) (*Letter, error) {
		return &Letter{Subject: "x", Text: "x", HTML: "x"}, nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return outbox
}

// A refusal at RCPT TO of the client, its greeting or the sender is waited for and
// says what to check; one of the recipient is given up. The answers are those of
// Postfix, qmail, Exim and Exchange, as users reported them.
func TestRefusedAtRecipient(t *testing.T) {
	db := emptyLedger(t)
	for answer, givenUp := range map[string]bool{
		"504 5.5.2 <vm>: Helo command rejected: need fully-qualified hostname":              false,
		"554 5.7.1 <head@example.net>: Relay access denied":                                 false,
		"554 5.7.1 <unknown[192.0.2.5]>: Client host rejected: Access denied":               false,
		"553 5.7.1 <nfacct@example.net>: Sender address rejected: not owned by user nfacct": false,
		"550 5.1.8 <nfacct@example.net>: Sender address rejected: Domain not found":         false,
		"550 relay not permitted":                                                                         false,
		"553 sorry, that domain isn't in my list of allowed rcpthosts":                                    false,
		"530 5.7.0 Authentication required":                                                               false,
		"550 authentication is required for relay":                                                        false,
		"550 5.1.1 <head@example.net>: Recipient address rejected: User unknown in relay recipient table": true,
		"550 5.4.1 Recipient address rejected: Access denied":                                             true,
		"552 5.2.2 mailbox full":                                                                          true,
		"550 no such user here":                                                                           true,
		"553 5.1.3 bad recipient address syntax":                                                          true,
		"501 bad address":                                                                                 true,
	} {
		t.Run(answer, func(t *testing.T) {
			emptyLedger(t)
			outbox := startPostfix(t, func(string) string { return answer }).outbox(t, db)
			if err := outbox.Note(t.Context(), "day", "2026-11-22", "", []string{"head@example.net", "two@example.net"}, Noting{}); err != nil {
				t.Fatal(err)
			}
			result, err := outbox.Deliver(t.Context(), true)
			if err != nil || len(result.Problems) != 2 {
				t.Fatalf("%+v, %v", result, err)
			}
			for _, p := range result.Problems {
				if p.GivenUp != givenUp {
					t.Errorf("given up %t, want %t: %v", p.GivenUp, givenUp, p)
				}
				if says := strings.Contains(p.Error(), "check mail.user, mail.from and mail.helo"); says == givenUp {
					t.Errorf("the remedy is said %t: %v", says, p)
				}
			}
			if givenUp {
				return
			}
			// It goes as soon as the administrator has mended it.
			if _, err := db.DB().Exec("UPDATE mails SET refused = refused - INTERVAL 25 HOUR, created = created - INTERVAL 25 HOUR"); err != nil {
				t.Fatal(err)
			}
			outbox = startPostfix(t, func(string) string { return "250 2.1.5 Ok" }).outbox(t, db)
			if result, err := outbox.Deliver(t.Context(), true); err != nil || result.Sent != 2 {
				t.Errorf("%+v, %v", result, err)
			}
		})
	}
}

// Whom a server has refused for good gets nothing by another note, only when a
// person asks for it.
func TestGivenUp(t *testing.T) {
	db := emptyLedger(t)
	gone := true
	outbox := startPostfix(t, func(command string) string {
		if gone && strings.Contains(command, "gone@") {
			return "550 5.1.1 User unknown"
		}
		return "250 2.1.5 Ok"
	}).outbox(t, db)
	round := func(how Noting, want string) {
		t.Helper()
		if err := outbox.Note(t.Context(), "day", "2026-11-22", "", []string{"gone@example.net", "head@example.net"}, how); err != nil {
			t.Fatal(err)
		}
		result, err := outbox.Deliver(t.Context(), true)
		if got := fmt.Sprintf("%d sent, %d waiting, %d given up", result.Sent, result.Waiting, result.GivenUp); err != nil || got != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
	round(Noting{}, "1 sent, 0 waiting, 1 given up")
	gone = false
	round(Noting{}, "0 sent, 0 waiting, 0 given up")
	round(Noting{Asked: true}, "1 sent, 0 waiting, 0 given up")
}

// The greeting is a qualified name or the literal of this machine's address.
func TestGreeting(t *testing.T) {
	db := emptyLedger(t)
	server := startPostfix(t, func(string) string { return "250 2.1.5 Ok" })
	outbox := server.outbox(t, db)
	if err := outbox.Note(t.Context(), "day", "2026-11-22", "", []string{"head@example.net"}, Noting{}); err != nil {
		t.Fatal(err)
	}
	if result, err := outbox.Deliver(t.Context(), true); err != nil || result.Sent != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	want := qualifiedName()
	if want == "" {
		want = "[127.0.0.1]"
	}
	if len(server.ehlo) != 1 || server.ehlo[0] != want {
		t.Errorf("greeted with %q, want %q", server.ehlo, want)
	}
	for name, want := range map[string]bool{
		"vm": false, "localhost": false, "localhost.localdomain": false, "vm.(none)": false, "192.0.2.1": false, "": false, ".": false,
		"mail.example.net": true, "gw-1.office.example": true,
	} {
		if qualified(name) != want {
			t.Errorf("qualified(%q) is not %t", name, want)
		}
	}
	for addr, want := range map[string]string{
		"192.0.2.5:1025": "[192.0.2.5]", "[2001:db8::5]:1025": "[IPv6:2001:db8::5]", "[fe80::1%eth0]:25": "[IPv6:fe80::1]", "[::ffff:192.0.2.5]:1": "[192.0.2.5]",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := addressLiteral(tcp); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
