package report

import (
	"math"
	"strings"
	"testing"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// TestFindings: every finding has words in both languages that name router, exporter
// and example; what makes figures too big or too small is a doubt.
func TestFindings(t *testing.T) {
	var findings []archive.Finding
	for _, kind := range []archive.FindingKind{archive.FoundImplausible, archive.FoundWrapped, archive.FoundPackets, archive.FoundRepeated, archive.FoundTwice} {
		findings = archive.AddFinding(findings, archive.Finding{Kind: kind, Exporter: "192.0.2.1", Counts: archive.Counts{Records: 3, Bytes: 1 << 20}, Example: "EXAMPLE"})
	}
	findings = archive.AddFinding(findings, archive.Finding{Kind: archive.FoundClock, Exporter: "192.0.2.1", Seconds: -2*86400 - 3661})
	book := archive.Book{Router: "office", Records: 10, Bytes: 100, Findings: findings}
	for language, clock := range map[string]string{"en": "2 days 1:01:01 behind", "ru": "отстают на 2 дня 1:01:01"} {
		words, err := phrase.New(language, "iec")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			text := FindingText(book.Router, f, words)
			if f.Kind == archive.FoundClock {
				f.Example = clock
			}
			for _, part := range []string{"office", "192.0.2.1", f.Example} {
				if !strings.Contains(text, part) || strings.Contains(text, "%!") {
					t.Errorf("%s: %q lacks %q", f.Kind, text, part)
				}
			}
		}
		if texts := BookFindings(&book, words); len(texts) != 3 {
			t.Errorf("beside the books: %q", texts)
		}
	}
	var doubts []string
	for _, d := range bookDoubts([]archive.Book{book}) {
		doubts = append(doubts, d.Kind)
	}
	if got := strings.Join(doubts, " "); got != "implausible twice wrapped" {
		t.Errorf("doubts: %s", got)
	}
}

func TestPlus(t *testing.T) {
	if plus(math.MaxUint64-1, 5) != math.MaxUint64 || plus(1, 2) != 3 {
		t.Error("wraps")
	}
}
