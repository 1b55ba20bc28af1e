package query

import (
	"testing"
	"time"
)

// What a person types, as it is kept; "" is an error.
func TestParseCondition(t *testing.T) {
	s := &Setting{Location: time.UTC, Now: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC), Routers: map[string]uint16{"gw-1": 1},
		Departments: []Department{{Name: "it's"}}, Services: func(string) []Service { return nil }}
	for _, c := range []struct{ field, text, want string }{
		{"weekday", "Mon-Fri", "mon-fri"}, {"weekday", "sat,sun", "sat,sun"}, {"weekday", "1-5", "1-5"}, {"weekday", "fri-mon", ""}, {"weekday", "0", ""}, {"weekday", "8", ""},
		{"host", "192.168.88.77/24", "192.168.88.0/24"}, {"host", "::ffff:10.0.0.1", "10.0.0.1"}, {"host", "10.0.0.9-10.0.0.1", ""}, {"host", "10.0.0.1-::1", ""}, {"host", "fe80::1%eth0", ""}, {"host", "1' OR '1'='1", ""},
		{"peer", "! 203.0.113.7", "!203.0.113.7"}, {"peer_port", "443, 80", "443,80"}, {"peer_port", "65536", ""}, {"peer_port", "-1", ""}, {"peer_port", "443,", ""},
		{"proto", "TCP", "tcp"}, {"proto", "47", "47"}, {"proto", "256", ""}, {"day", "today", "2026-12-01"}, {"day", "2026-11-01..yesterday", "2026-11-01..2026-11-30"}, {"day", "2026-02-30", ""},
		{"router", "gw-1", "gw-1"}, {"router", "gw-2", ""}, {"department", "it's", "it's"}, {"department", "-", "-"}, {"department", "x", ""}, {"service", "nothing", ""},
		{"direction", "UP", "up"}, {"direction", "in", ""}, {"bytes", ">10MiB", ">10MiB"}, {"bytes", "<0", ""}, {"bytes", "2000-1000", ""}, {"hour", "24", ""}, {"nothing", "1", ""},
	} {
		got, err := ParseCondition(c.field, c.text, s)
		if (err == nil) != (c.want != "") || err == nil && got.String() != c.want {
			t.Errorf("%s=%q is %q, %v, want %q", c.field, c.text, got, err, c.want)
		}
	}
}
