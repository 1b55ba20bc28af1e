package report

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// latin are words that a Russian reader has to know; all others in everything()
// are names of hosts, users, rules, routers and services.
var latin = []string{
	"Excel", "direct", "proxied", "share", // a program, and keys of the page's addresses
	"host", "peer", "src", "dst", "sort", "top", "total", "up", "down", "flows", "name", // of the page's addresses
	"Squid", "IP", "DHCP", "DNS", "nfacct",
	"Europe", "Berlin", "CEST", "CET", "W",
	"management", "workshop", "dads", "laptop", "with", "a", "very", "it", "reception", "sales", "phones", "anna", "boris",
	"NTP", "net", "core", "rmem", "max", "collector", "receive", "buffer", "queue", "import", // what to do
	"MikroTik", "RouterOS", "FastTrack", "traffic", "flow", "jobs", "provision",
	"PPPoE", "L", "TP", "IPFIX", "inner", "routers", "report", "squid", "access", "log", // names, and keys of the configuration
	"proxy", "dns", "multicast", "broadcast", "weekly", "office", "ether", "wan", "https", "quic", "k", "v",
}

// everyDoubt is a doubt of each kind that a catalogue has words for.
func everyDoubt(words *phrase.Catalogue) (doubts []Doubt) {
	for _, key := range words.Keys() {
		if kind, ok := strings.CutPrefix(key, "doubt."); ok {
			doubts = append(doubts, Doubt{Kind: kind, Router: "office", What: "2026-11-23", Until: "04:25", Count: 3, Share: 0.02})
		}
	}
	return doubts
}

// No Russian phrase has words of another language, but for names and keys.
func TestRussianPhrases(t *testing.T) {
	words, err := phrase.New("ru", "iec")
	if err != nil {
		t.Fatal(err)
	}
	rules := []string{"plural", "decimal", "thousands", "toml"}
	for _, key := range words.Keys() {
		if slices.Contains(rules, key) {
			continue
		}
		for count := range uint64(6) {
			text := words.Plural(key, count, "", "", "", "")
			text, _, _ = strings.Cut(text, "%!") // arguments that it has no use for
			for _, word := range regexp.MustCompile(`[A-Za-z]+`).FindAllString(text, -1) {
				if !slices.Contains(latin, word) && !slices.Contains(rules, word) {
					t.Errorf("%s: %q in %q", key, word, text)
				}
			}
		}
	}
}

// A Russian report speaks Russian.
func TestRussianIsRussian(t *testing.T) {
	words, err := phrase.New("ru", "iec")
	if err != nil {
		t.Fatal(err)
	}
	u := everything()
	u.OldTables = []OldTable{{Router: "office", Days: "2026-11-23"}}
	u.Complete, u.Doubts = false, everyDoubt(words)
	u.QuietHours = []int{1, 2}
	b := &u.Books[0]
	b.LostRecords, b.LostEstimated, b.KernelDropped, b.SpoolLost, b.NoTemplate, b.Rejected = 5, true, 1, 2, 3, map[string]uint64{"short": 1}
	b.Difference = "the classes are"
	for _, kind := range []string{"classes", "loaded", "tables", "rows"} {
		b.Imbalances = append(b.Imbalances, archive.Imbalance{Kind: kind, Is: archive.Counts{Records: 1, Bytes: 60}})
	}
	var text bytes.Buffer
	if err := u.WriteText(&text, words, 0, 0); err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`[0-9a-f]*:[0-9a-f:]+`).ReplaceAllString(text.String(), "") // IPv6
	for _, word := range regexp.MustCompile(`[A-Za-z]+`).FindAllString(plain, -1) {
		if !slices.Contains(latin, word) {
			t.Errorf("%q in a Russian report", word)
		}
	}
	rule := NewRule("dns", []RuleTerm{{"up", ""}, {"protocol", "17,6"}, {"port", "1"}, {"host_port", "2"}, {"peer_port", "53"}, {"either", "192.0.2.0/24"}, {"host", "192.0.2.1"}, {"peer", "192.0.2.2"},
		{"interface", "3"}, {"min_bytes", "1"}, {"max_bytes", "65536"}, {"broadcast", ""}, {"proxy", ""}})
	if got := rule.In(words); regexp.MustCompile(`[A-Za-z]`).MatchString(got) || !strings.HasPrefix(got, "только исходящий; протокол 17,6; порт 1") {
		t.Errorf("a rule is %q", got)
	}
	if want := "only up; protocol 17,6; port 1; host port 2; peer port 53; either side 192.0.2.0/24"; !strings.HasPrefix(rule.Text, want) {
		t.Errorf("a rule is %q", rule.Text)
	}
}
