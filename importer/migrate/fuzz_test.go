package migrate

import (
	"net/netip"
	"testing"

	"nfacct/archive"
)

// FuzzColumns: whatever stands in a column, it is read as others read it, or not
// at all.
func FuzzColumns(f *testing.F) {
	for _, text := range []string{"192.168.0.1", "010.1.1.1", "1.2.3", "256.1.1.1", "2001:db8::1", "07-05-2018", "2018-05-07", "31-02-2018", "--", "65536", "-1", "2018_0", "wan_2024_07c"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if addr, ok := parse4([]byte(text)); ok {
			if want, err := netip.ParseAddr(text); err != nil || want != addr {
				t.Fatalf("%q is %v, netip says %v, %v", text, addr, want, err)
			}
		}
		if day, ok := readDay(text); ok {
			if again, ok := readDay(day.String()); !ok || again != day {
				t.Fatalf("%q is %v, which is %v", text, day, again)
			}
		}
		if n, ok := counter([]byte(text)); ok && n != number([]byte(text)) {
			t.Fatalf("%q is %d", text, n)
		}
		if m := monthOf(text); m != (archive.Month{}) && monthOf(plainName(text)) != m {
			t.Fatalf("%q is %v, but %q is not", text, m, plainName(text))
		}
		port([]byte(text))
		protocol([]byte(text))
		modulo(text)
	})
}
