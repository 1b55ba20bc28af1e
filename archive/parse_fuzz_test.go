package archive

import (
	"strings"
	"testing"
	"time"
)

// The DSN that an administrator writes: an error quotes nothing of it, since a
// password may stand anywhere in one that is wrong.
func FuzzDSN(f *testing.F) {
	for _, text := range []string{"nf:se/cret@tcp(db:3306)/nfacct", "nf@unix(/run/s.sock)/x?parseTime=true", "nf:p@ss(word@tcp(h)/", "tcp(", "/", "@", "a:b@c(d)e", "nf:secret@tcp([::1]:3306)/db?loc=%ZZ"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const secret = "Hunter2-Hunter2"
		dsn, err := parseDSN(text)
		if err == nil && (dsn.DBName == "" || dsn.Net != "tcp" && dsn.Net != "unix") {
			t.Errorf("%q was accepted: %+v", text, dsn)
		}
		if _, err := parseDSN("nf:" + secret + text); err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells the password: %v", err)
		}
	})
}

// A server's words on rights: whatever stands there, no right is taken for given
// that none of the lines names.
func FuzzGrants(f *testing.F) {
	for _, text := range []string{
		"GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", "GRANT USAGE ON *.* TO `nf`@`%` IDENTIFIED BY PASSWORD '*94BD'",
		"GRANT SELECT, INSERT ON `nf%`.* TO `nf`@`%`", "GRANT SELECT ON `a``b`.* TO x", "GRANT ON *.* TO ", "GRANT `role` TO `nf`@`%`",
	} {
		f.Add(text, "nfacct")
	}
	f.Fuzz(func(t *testing.T, text, database string) {
		if len(text) > 200 || len(database) > 64 {
			return // LIKE with many % takes long, and names are no longer
		}
		missing := missingRights(strings.Split(text, "\n"), database)
		for _, right := range rights {
			given := true
			for _, m := range missing {
				given = given && m != right
			}
			if given && !strings.Contains(text, right) && !strings.Contains(text, "ALL") {
				t.Errorf("%q gives %s on %q", text, right, database)
			}
		}
	})
}

// A day and a month that are accepted are written as they were read.
func FuzzDay(f *testing.F) {
	for _, text := range []string{"2026-11-23", "2026-02-29", "0001-01-01", "9999-12-31", "2026-11", "today", "yesterday", "2026-1-1", "flows_2026_11"} {
		f.Add(text)
	}
	now := time.Date(2026, 12, 1, 0, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if day, err := ParseDay(text, now, time.UTC); err == nil && day.String() != text && strings.ToLower(text) != "today" && strings.ToLower(text) != "yesterday" {
			t.Errorf("%q is %v", text, day)
		}
		if month, err := ParseMonth(text); err == nil && month.String() != text {
			t.Errorf("%q is %v", text, month)
		}
	})
}
