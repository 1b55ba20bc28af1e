package routeros

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// A router's answers are somebody's bytes: whatever an item holds, reading it does
// not fail, and every text that comes out of it can be shown.
func FuzzFacts(f *testing.F) {
	f.Add("address", "10.0.0.1/24", "interface", "ether1", "dynamic", "yes")
	f.Add("active-address", "10.0.0.1", "comment", "S\xe3o Jos\xe9", "host-name", "\x1b[31m")
	f.Add("dst-address", "0.0.0.0/0", "gateway", "192.0.2.1%ether1", "immediate-gw", "%")
	f.Add("dst-address", "::/0", "gateway-status", "x via  ether1,y", "active", "true")
	f.Add(".id", "*F00007", "rx-byte", "18 446 744 073 709 551 615", "tx-byte", "-1")
	f.Add("list", "WAN", "interface", "\u202e", "disabled", "no")
	f.Add("action", "masquerade", "out-interface-list", "WAN", "dst-address", "!x")
	f.Add("uptime", "99999w6d", "version", "7.10 (stable)", "board-name", strings.Repeat("x", 1<<16))
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2, k3, v3 string) {
		item := Values{k1: v1, k2: v2, k3: v3}
		facts := &Facts{Lists: map[string][]string{}, Missing: map[string]string{}}
		for _, page := range []string{"", "windows-1251", "nothing"} {
			v := Config{CodePage: page}.decoded(item)
			for _, take := range []func(*Facts, Values){
				(*Facts).takeResource, (*Facts).takeInterface, (*Facts).takeMember, (*Facts).takeAddress, (*Facts).takeDefault, (*Facts).takeStatic,
				(*Facts).takeNAT, (*Facts).takeFastTrack, (*Facts).takeLease, (*Facts).takeNeighbour, (*Facts).takeListEntry,
			} {
				take(facts, v)
			}
		}
		facts.tidy()
		facts.Uplinks()
		facts.Inside()
		facts.InnerRouters()
		facts.Sampling()
		texts := []string{facts.Version, facts.Board, facts.Architecture}
		for _, l := range facts.Leases {
			texts = append(texts, l.MAC, l.HostName, l.Comment)
		}
		for _, a := range facts.Addresses {
			texts = append(texts, a.Interface)
		}
		for _, r := range append(facts.Defaults, facts.Static...) {
			texts = append(texts, r.Gateway, r.Interface)
		}
		for _, text := range texts {
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\x1b\n\r\x00\u202e") {
				t.Errorf("%q cannot be shown", text)
			}
		}
	})
}

// A value of RouterOS, read and written again, is the same.
func FuzzValue(f *testing.F) {
	for _, text := range []string{"1m", "00:30:00", "1w2d3h4m5s6ms", "00:00:00.5", "15", "99999999999w", "1m00:00:01", "7.10 (stable)", "6.49.7", "7.24beta2", "*D", "*FFFFFFFFF", "a,b,!c", "10.0.0.0/8,10.0.0.1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := parseDuration(text); err == nil {
			if d < 0 {
				t.Fatalf("%q is %v", text, d)
			}
			// RouterOS writes no less than milliseconds.
			if again, err := parseDuration(formatDuration(d)); err != nil || d-again < 0 || d-again >= 1e6 {
				t.Fatalf("%q is %v, written %q and read %v, %v", text, d, formatDuration(d), again, err)
			}
		}
		if v := ParseVersion(text); v.Major < 0 && !strings.HasPrefix(text, "-") {
			t.Fatalf("%q is %v", text, v)
		}
		for _, list := range [][]string{members(text), granted(text), prefixes(text)} {
			for i := 1; i < len(list); i++ {
				if list[i] < list[i-1] {
					t.Fatalf("%q: %q is not sorted", text, list)
				}
			}
		}
		indexOf(text)
		number(text)
		parseAddr(text)
		if yes, known := parseBool(text); isYes(text) != yes || yes && !known {
			t.Fatalf("%q is read in two ways", text)
		}
	})
}
