package routeros

import (
	"context"
	"log/slog"
	"testing"
	"time"
)

// discard is a slog handler that discards, of the type that the library wants.
type discard struct{}

func (discard) Enabled(context.Context, slog.Level) bool  { return false }
func (discard) Handle(context.Context, slog.Record) error { return nil }
func (d discard) WithAttrs([]slog.Attr) slog.Handler      { return d }
func (d discard) WithGroup(string) slog.Handler           { return d }

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "1w2d": 9 * 24 * time.Hour, "00:30:00": 30 * time.Minute,
		"1d 00:00:00": 24 * time.Hour, "1d00:00:10": 24*time.Hour + 10*time.Second, "1800": 30 * time.Minute, "500ms": 500 * time.Millisecond,
		"1w2d3h4m5s": 9*24*time.Hour + 3*time.Hour + 4*time.Minute + 5*time.Second, "0s": 0, "00:00:00.5": 500 * time.Millisecond,
		"7101w3d6h28m15s": maxTimeout,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
		if back, err := parseDuration(formatDuration(want)); err != nil || back != want {
			t.Errorf("%s is written as %s", want, formatDuration(want))
		}
	}
	for _, text := range []string{"", "m", "-1s", "1x", "1:2", "99999999999999999999s", "1h:", "00:61:00", "9999999999w"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		kind kind
		a, b string
		want bool
	}{
		{boolean, "yes", "true", true}, {boolean, "no", "false", true}, {boolean, "yes", "no", false}, {boolean, "", "", false},
		{duration, "60s", "1m", true}, {duration, "1m", "2m", false}, {duration, "x", "x", false},
		{integer, "020", "20", true}, {integer, "20", "21", false},
		{address, "0.0.0.0", "", true}, {address, "::ffff:192.0.2.1", "192.0.2.1", true}, {address, "2001:DB8::1", "2001:db8:0::1", true}, {address, "192.0.2.1", "192.0.2.2", false},
		{set, "b,a", "a, b", true}, {set, "a", "a,b", false},
		{anyCase, "IPFIX", "ipfix", true}, {quantity, "1M", "1m", true},
		{policies, "api,read,!ftp,!ssh", "read,api", true}, {policies, "api,read,ssh", "read,api", false},
		{networks, "192.0.2.7/32", "192.0.2.7", true}, {networks, "192.0.2.0/24", "192.0.2.0", false},
		{plainText, "a", "a", true}, {plainText, "a", "A", false},
	} {
		if got := c.kind.same(c.a, c.b); got != c.want {
			t.Errorf("kind %d: %q and %q: %v", c.kind, c.a, c.b, got)
		}
	}
}

func TestVersion(t *testing.T) {
	for text, want := range map[string]Version{
		"7.10 (stable)": {7, 10}, "6.49.7 (long-term)": {6, 49}, "7.24beta2": {7, 24}, "": {}, "rubbish": {}, "7": {7, 0},
	} {
		if got := ParseVersion(text); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if v := (Version{7, 9}); v.AtLeast(7, 24) || !v.AtLeast(6, 49) || !v.AtLeast(7, 9) {
		t.Error("order of versions")
	}
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"ether1": "ether1", "192.0.2.1/24": "192.0.2.1/24", "": `""`, "a b": `"a b"`, `say "$x"?`: `"say \"\$x\"\?"`, "a\x1b[31m": `"a?[31m"`, "[:beep]": `"[:beep]"`,
	} {
		if got := quote(text); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}
