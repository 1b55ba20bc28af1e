package report

import (
	"strings"
	"testing"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// What is in doubt because of who was charged is said with its remedy, in every
// language, unless it is next to nothing.
func TestAttributionDoubts(t *testing.T) {
	book := archive.Book{Router: "gw", Bytes: 1_000_000, Findings: []archive.Finding{
		{Kind: archive.FoundUnlisted, Example: "0", Counts: archive.Counts{Records: 1, Bytes: 2000}},
		{Kind: archive.FoundUnlisted, Example: "15728647", Counts: archive.Counts{Records: 9, Bytes: 60_000}},
		{Kind: archive.FoundUnlisted, Example: "3", Counts: archive.Counts{Records: 1, Bytes: 10}},
		{Kind: archive.FoundSilentHop, Counts: archive.Counts{Records: 2, Bytes: 39_000}},
	}}
	doubts := bookDoubts([]archive.Book{book})
	if len(doubts) != 3 {
		t.Fatalf("%+v", doubts)
	}
	russian, err := phrase.New("ru", "iec")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*phrase.Catalogue{phrase.English(), russian} {
		var texts []string
		for _, d := range doubts {
			texts = append(texts, d.Text(c))
		}
		all := strings.Join(texts, "\n")
		for _, want := range []string{"15728647", "wan", "inner_routers", "IPFIX"} {
			if !strings.Contains(all, want) || strings.Contains(all, "%!") {
				t.Errorf("%q is not in\n%s", want, all)
			}
		}
	}
}

// The text of the books says how much rests on what version 5 leaves.
func TestWeakAttribution(t *testing.T) {
	u := monday()
	u.Books[0].Findings = []archive.Finding{
		{Kind: archive.FoundWeak, Example: "next hop", Counts: archive.Counts{Bytes: 1 << 30}},
		{Kind: archive.FoundWeak, Example: "answer to an upload", Counts: archive.Counts{Bytes: 1 << 20}},
	}
	var b strings.Builder
	if err := u.WriteText(&b, phrase.English(), 10, 0); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(b.String()), " ")
	if want := "by version 5: 1.0 GiB charged by the next hop and 1.0 MiB by the upload"; !strings.Contains(got, want) {
		t.Errorf("%q is not in\n%s", want, b.String())
	}
}
