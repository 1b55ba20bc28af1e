package archive

import "testing"

func TestServicePort(t *testing.T) {
	for _, c := range []struct {
		name             string
		host, peer, want uint64
	}{
		{"a client", 51_000, 443, 443},
		{"a published server", 443, 51_000, 443},
		{"a published server, asked from a low port", 25, 587, 25},
		{"both the same", 123, 123, 123},
		{"a server of no well-known port", 8080, 51_000, 51_000},
		{"no ports", 0, 0, 0},
		{"no port of the host", 0, 53, 53},
	} {
		if got := servicePort(c.host, c.peer); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
