package importer

import (
	"slices"
	"strings"
	"testing"

	"nfacct/archive"
	"nfacct/importer/attribution"
)

// The archive, which does not know package attribution, sums up what rests on its weak
// rules: by their numbers in rows, and by their names in books.
func TestWeakRules(t *testing.T) {
	for rule := attribution.NoRule; rule < attribution.Rules; rule++ {
		name := rule.String()
		weak := rule == attribution.NextHopSilent || slices.Contains(weak[:], rule)
		if stored := slices.Contains(archive.WeakRules[:], uint8(rule)); stored != weak {
			t.Errorf("%s: %v in the archive, %v here", name, stored, weak)
		}
		if named := strings.HasPrefix(name, "next hop") || strings.HasPrefix(name, "answer to an upload"); named != weak {
			t.Errorf("%q is not told by its name", name)
		}
	}
}
