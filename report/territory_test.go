package report

import (
	"fmt"
	"testing"
)

// A service's name and its protocol and port go both ways.
func TestParseService(t *testing.T) {
	for proto := range 256 {
		for _, port := range []uint16{0, 1, 22, 53, 80, 443, 853, 3389, 4433, 51820, 65535} {
			code := ServiceCode{uint8(proto), port}
			if proto != 6 && proto != 17 && proto != 132 {
				code.Port = 0
			}
			name := ServiceName(code)
			if got := ParseService(name); len(got) != 1 || got[0] != code {
				t.Fatalf("%s of %v is read as %v", name, code, got)
			}
		}
	}
	for name, want := range map[string]string{
		"https": "[{6 443}]", "dns": "[{17 53}]", "dns/tcp": "[{6 53}]", "quic": "[{17 443}]", "443": "[{6 443} {17 443}]", "6/443": "[{6 443}]", "icmp": "[{1 0}]", "nothing": "[]", "tcp/99999": "[]", "": "[]",
	} {
		if got := fmt.Sprint(ParseService(name)); got != want {
			t.Errorf("%q is %s, want %s", name, got, want)
		}
	}
}
