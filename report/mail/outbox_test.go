package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"nfacct/archive"
)

// emptyLedger is the ledger with nothing in it.
func emptyLedger(t *testing.T) *archive.Archive {
	t.Helper()
	if _, err := ledger.DB().ExecContext(t.Context(), "DELETE FROM mails"); err != nil {
		t.Fatal(err)
	}
	return ledger
}

// What the server refuses is tried again, what it took never is.
func TestOutbox(t *testing.T) {
	server := startMailpit(t, "--smtp-allowed-recipients", `^(head|one|two)@example\.net$`)
	db := emptyLedger(t)
	rendered := 0
	outbox, err := NewOutbox(server.config(), db.Mails(), everybody, func(_ context.Context, m archive.Mail) (*Letter, error) {
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
		if err := outbox.Note(t.Context(), "day", "2026-11-22", department, to, Noting{}); err != nil {
			t.Fatal(err)
		}
	}
	deliver := func(all bool, sent, waiting, givenUp int) Result {
		t.Helper()
		result, err := outbox.Deliver(t.Context(), all)
		if err != nil || result.Sent != sent || result.Waiting != waiting || result.GivenUp != givenUp {
			t.Fatalf("%+v, %v, want %d sent, %d waiting and %d given up", result, err, sent, waiting, givenUp)
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
	if result := deliver(false, 0, 2, 0); !strings.Contains(result.Problems[0].Error(), "451") {
		t.Errorf("%v", result.Problems)
	}
	deliver(false, 0, 0, 0) // it is not time yet
	server.chaos(0)
	deliver(true, 2, 0, 0)
	if got := states(); got != "head=sent/2 one=sent/2" {
		t.Error(got)
	}

	// Nobody gets it twice: not by another note, not by another try.
	note("", "head@example.net", "one@example.net")
	deliver(true, 0, 0, 0)

	// One that is refused and one that cannot be made delay no other. Who is refused
	// for good is not tried again, whoever cannot be blamed is.
	note("", "refused@example.net", "two@example.net")
	note("broken", "head@example.net", "one@example.net")
	note("sales", "one@example.net")
	before := rendered
	result := deliver(false, 2, 2, 1)
	for _, p := range result.Problems {
		if p.GivenUp != strings.Contains(p.Error(), "refused@") || !p.GivenUp && !strings.Contains(p.Error(), "make report: no such department") {
			t.Errorf("%v, given up %t", p, p.GivenUp)
		}
	}
	if got := states(); got != "head=sent/2 one=sent/2 refused=failed/1 two=sent/1 brokenhead=waiting/1 brokenone=waiting/1 salesone=sent/1" {
		t.Error(got)
	}
	if rendered-before != 3 {
		t.Errorf("%d letters made of 3", rendered-before)
	}
	deliver(true, 0, 2, 0)
	if _, err := db.DB().Exec("DELETE FROM mails WHERE department = 'broken'"); err != nil {
		t.Fatal(err)
	}

	// A note alone does not begin anew what was given up, a person's does; after a
	// day it is given up again.
	ask := func(to string) {
		t.Helper()
		if err := outbox.Note(t.Context(), "day", "2026-11-22", "", []string{to}, Noting{Asked: true}); err != nil {
			t.Fatal(err)
		}
	}
	note("", "refused@example.net")
	deliver(true, 0, 0, 0)
	ask("refused@example.net")
	server.chaos(451)
	deliver(false, 0, 1, 0)
	if _, err := db.DB().Exec("UPDATE mails SET refused = refused - INTERVAL 25 HOUR WHERE state = 'waiting'"); err != nil {
		t.Fatal(err)
	}
	deliver(true, 0, 0, 1)
	deliver(true, 0, 0, 0)
	ask("refused@example.net")
	deliver(false, 0, 1, 0)

	// A try that somebody is at is left to him; interrupted, it is made again.
	if _, err := db.DB().Exec("UPDATE mails SET state = 'waiting', next = UTC_TIMESTAMP() WHERE recipient = 'two@example.net'"); err != nil {
		t.Fatal(err)
	}
	round, err := db.Mails().Round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	due, err := db.Mails().Due(t.Context(), false)
	if err != nil || len(due) != 1 {
		t.Fatalf("%v, %v", due, err)
	}
	if mine, err := round.Claim(t.Context(), due[0].ID, false); err != nil || !mine {
		t.Fatalf("%t, %v", mine, err)
	}
	deliver(true, 0, 1, 0) // the refused one alone
	round.Close()
	server.chaos(0)
	deliver(false, 1, 0, 0)
	ids := map[string]int{}
	for _, m := range server.list() {
		ids[m.MessageID]++
	}
	if len(ids) != 4 || len(server.list()) != 5 {
		t.Errorf("%d mails with %d ids: the one sent again has the id that it had", len(server.list()), len(ids))
	}

	// On purpose it can be sent again.
	if err := outbox.Note(t.Context(), "day", "2026-11-22", "", []string{"head@example.net"}, Noting{Again: true}); err != nil {
		t.Fatal(err)
	}
	deliver(false, 1, 0, 0)
}

// Two processes at once send each mail once.
func TestOutboxTwice(t *testing.T) {
	server := startMailpit(t)
	db := emptyLedger(t)
	letter := func(context.Context, archive.Mail) (*Letter, error) {
		return &Letter{Subject: "x", Text: "x", HTML: "x"}, nil
	}
	results := make(chan Result)
	var to []string
	for i := range 10 {
		to = append(to, fmt.Sprintf("head%d@example.net", i))
	}
	for i := range 3 {
		outbox, err := NewOutbox(server.config(), db.Mails(), everybody, letter, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := outbox.Note(t.Context(), "day", "2026-11-22", "", to, Noting{}); err != nil {
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
	db := emptyLedger(t)
	cfg := DefaultConfig()
	cfg.Server, cfg.From, cfg.TLS = freeAddress(t), "nfacct@example.net", TLSNone
	outbox, err := NewOutbox(cfg, db.Mails(), everybody, func(context.Context, archive.Mail) (*Letter, error) {
		return &Letter{Subject: "x", Text: "x", HTML: "x"}, nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := outbox.Note(t.Context(), "day", "2026-11-22", "", []string{"a@example.net", "b@example.net"}, Noting{}); err != nil {
		t.Fatal(err)
	}
	result, err := outbox.Deliver(t.Context(), false)
	if err != nil || result.Waiting != 2 || !slices.ContainsFunc(result.Problems, func(err Problem) bool { return strings.Contains(err.Error(), "connection refused") }) {
		t.Errorf("%+v, %v", result, err)
	}
}

func everybody(archive.Mail) error { return nil }

// plainOutbox is one for a mailpit without TLS.
func plainOutbox(t *testing.T, server *mailServer, db *archive.Archive, wanted func(archive.Mail) error) *Outbox {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Server, cfg.From, cfg.TLS = server.smtp, "nfacct@example.net", TLSNone
	outbox, err := NewOutbox(cfg, db.Mails(), wanted, func(context.Context, archive.Mail) (*Letter, error) {
		return &Letter{Subject: "x", Text: "x", HTML: "x"}, nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return outbox
}

// Who is no recipient any more gets nothing that waits, unless it was asked for;
// who comes back gets it. Case makes no other recipient.
func TestOutboxRecipients(t *testing.T) {
	server := startMailpit(t, "--plain")
	db := emptyLedger(t)
	gone := true
	outbox := plainOutbox(t, server, db, func(archive.Mail) error {
		if gone {
			return errors.New("no more")
		}
		return nil
	})
	note := func(how Noting, to ...string) {
		t.Helper()
		if err := outbox.Note(t.Context(), "day", "2026-11-22", "", to, how); err != nil {
			t.Fatal(err)
		}
	}
	deliver := func(want Result) {
		t.Helper()
		got, err := outbox.Deliver(t.Context(), true)
		if err != nil || got.Sent != want.Sent || got.Waiting != want.Waiting || got.Dropped != want.Dropped {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
	}
	note(Noting{}, "left@example.net")
	note(Noting{Asked: true}, "asked@example.net")
	deliver(Result{Sent: 1, Dropped: 1})
	deliver(Result{})
	gone = false
	note(Noting{}, "left@example.net", "LEFT@Example.NET", "Asked@example.net")
	deliver(Result{Sent: 1})
	if list := server.list(); len(list) != 2 || list[0].To[0].Address != "left@example.net" || list[1].To[0].Address != "asked@example.net" {
		t.Errorf("%+v", list)
	}
}

// A server that cannot be reached for days costs no mail, and the day of the
// recipients' refusals begins only when it is back.
func TestOutboxDeadForDays(t *testing.T) {
	db := emptyLedger(t)
	dead := plainOutbox(t, &mailServer{smtp: "mail.nfacct.invalid:25"}, db, everybody)
	if err := dead.Note(t.Context(), "day", "2026-11-22", "", []string{"a@example.net"}, Noting{}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.DB().Exec("UPDATE mails SET created = created - INTERVAL 3 DAY"); err != nil {
		t.Fatal(err)
	}
	result, err := dead.Deliver(t.Context(), true)
	if err != nil || result.Waiting != 1 || !errors.Is(result.Problems[0], ErrUnreachable) {
		t.Fatalf("%+v, %v", result, err)
	}
	server := startMailpit(t, "--plain")
	outbox := plainOutbox(t, server, db, everybody)
	server.chaos(451)
	if result, err := outbox.Deliver(t.Context(), true); err != nil || result.Waiting != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	server.chaos(0)
	if result, err := outbox.Deliver(t.Context(), true); err != nil || result.Sent != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
}
