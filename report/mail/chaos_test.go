package mail

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"nfacct/archive"
)

// What becomes of a mail depends on where the server refused it and how: only its
// recipient, refused for good, is given up.
func TestChaos(t *testing.T) {
	server := startMailpit(t)
	db := emptyLedger(t)
	outbox, err := NewOutbox(server.config(), db.Mails(), everybody, func(context.Context, archive.Mail) (*Letter, error) {
		return &Letter{Subject: "x", Text: "x", HTML: "x"}, nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := outbox.Note(t.Context(), "day", "2026-11-22", "", []string{"a@example.net", "b@example.net"}, Noting{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		where       string
		code        int
		unreachable bool // all of them wait for the server
		givenUp     bool
	}{
		{"Sender", 451, false, false},
		{"Sender", 550, false, false},
		{"Authentication", 454, true, false},
		{"Authentication", 535, true, false},
		{"Recipient", 421, false, false},
		{"Recipient", 450, false, false},
		{"Recipient", 530, false, false},
		{"Recipient", 552, false, true}, // of what has no workbook
		{"Recipient", 550, false, true},
	} {
		server.chaosOf(c.where, c.code)
		result, err := outbox.Deliver(t.Context(), true)
		if err != nil || len(result.Problems) != 2 || result.GivenUp == 2 != c.givenUp || result.Waiting == 2 == c.givenUp {
			t.Fatalf("%s %d: %+v, %v", c.where, c.code, result, err)
		}
		for _, problem := range result.Problems {
			var refusal *Refusal
			if is := errors.As(problem, &refusal); is == c.unreachable || errors.Is(problem, ErrUnreachable) != c.unreachable || is && refusal.Code != c.code {
				t.Errorf("%s %d: %v, %+v", c.where, c.code, problem, refusal)
			}
		}
		server.chaosOf(c.where, 0)
		if c.givenUp {
			if err := outbox.Note(t.Context(), "day", "2026-11-22", "", []string{"a@example.net", "b@example.net"}, Noting{Asked: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if result, err := outbox.Deliver(t.Context(), true); err != nil || result.Sent != 2 || len(server.list()) != 2 {
		t.Errorf("%+v, %v, %d mails", result, err, len(server.list()))
	}
}
