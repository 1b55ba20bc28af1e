package mail

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"nfacct/archive"
)

// A dry run says of each recipient what --send would do.
func TestPlan(t *testing.T) {
	list := []Mailing{
		{Report: "day", Period: "2026-11-23", To: []string{"Head <head@example.net>", "HEAD@Example.net", "has@example.net", "waits@example.net", "gone@example.net", "now@example.net", "broken@example.net"}},
		{Report: "day", Period: "2026-11-23", Department: "sales", To: []string{"has@example.net"}},
	}
	entry := func(id uint64, recipient, state string) archive.Mail {
		return archive.Mail{ID: id, Report: "day", Period: "2026-11-23", Recipient: recipient + "@example.net", State: state}
	}
	ledger := []archive.Mail{entry(1, "has", "sent"), entry(2, "waits", "waiting"), entry(3, "gone", "failed"), entry(4, "now", "sending"), entry(5, "broken", "sending")}
	other := archive.Mail{ID: 9, Report: "week", Period: "2026-W47", Recipient: "old@example.net", State: "waiting"}
	left := archive.Mail{ID: 10, Report: "week", Period: "2026-W47", Recipient: "left@example.net", State: "waiting"}
	due := []archive.Mail{ledger[1], ledger[4], other, left}
	for again, want := range map[bool]string{
		false: "head new true, has sent false, waits waiting true, gone failed false, now sending false, broken sending true, saleshas new true, old waiting true, left dropped false",
		true:  "head new true, has sent true, waits waiting true, gone failed true, now sending false, broken sending true, saleshas new true, old waiting true, left dropped false",
	} {
		planned, err := Plan(list, ledger, due, false, again, func(m archive.Mail) error {
			if m.Recipient == "left@example.net" {
				return errors.New("no more")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range planned {
			got = append(got, fmt.Sprintf("%s%s %s %t", p.Department, strings.TrimSuffix(p.Recipient, "@example.net"), p.State, p.Send))
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("again %t:\n got %s\nwant %s", again, text, want)
		}
	}
}
