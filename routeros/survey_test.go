package routeros

import (
	"strings"
	"testing"
)

// What the configuration names and the router does not have is said.
func TestLacking(t *testing.T) {
	f := &Facts{
		Interfaces: []Interface{{Index: 1, Name: "ether1"}, {Index: 2, Name: "ether2"}},
		Lists:      map[string][]string{"WAN": {"ether1"}},
	}
	p := DefaultProvision()
	router := Config{Interfaces: []string{"WAN", "ether2", "all", "pppoe-out1"}}
	if got := p.lacking(f, router, Named{WAN: []uint32{1, 7}}); len(got) != 2 || !strings.Contains(got[0], "interface 7") || !strings.Contains(got[1], `"pppoe-out1"`) {
		t.Errorf("%q", got)
	}
	if got := p.lacking(f, Config{}, Named{}); got != nil {
		t.Errorf("nothing is named: %q", got)
	}
}
