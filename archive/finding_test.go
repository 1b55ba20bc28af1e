package archive

import (
	"fmt"
	"testing"
)

// What a book has no room to name adds up in one finding: nothing is cut in silence.
func TestFindingsBeyond(t *testing.T) {
	var list []Finding
	for n := range 50 {
		list = AddFinding(list, Finding{Kind: FoundClock, Exporter: fmt.Sprintf("192.0.2.%d", n), Seconds: int64(n), Counts: Counts{Records: 1, Bytes: 10}})
	}
	list = AddFinding(list, Finding{Kind: FoundShared, Exporter: "192.0.2.1", Counts: Counts{Records: 1}})
	var records uint64
	var others Finding
	for _, f := range list {
		if records += f.Records; f.Exporter == Others {
			others = f
		}
	}
	if len(list) != mostFindings+2 || records != 51 || others.Records != 50-mostFindings || others.Seconds != 49 {
		t.Errorf("%d findings of %d records, others %+v", len(list), records, others)
	}
}
