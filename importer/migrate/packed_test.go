package migrate

import (
	"errors"
	"strings"
	"testing"

	"nfacct/archive"
	"nfacct/importer/migrate/migratetest"
)

// TestPackedMonth: a month that is packed in the archive takes old rows as it
// takes late ones: not at all, with words for it, or beside it, as configured.
func TestPackedMonth(t *testing.T) {
	clearOld(t)
	makeOld(t, "2018_5", migratetest.Text2018, month(2018, 5, 10))
	p := newPlace(t, func(cfg *archive.Config) { cfg.LateWaits = true })
	// As archive/pack leaves a month.
	mustExec(t, p.archive.DB(), "CREATE TABLE flows_2018_05c (day DATE NOT NULL, flows INT NOT NULL) ENGINE=MyISAM")
	summary := NewSummary()
	if err := p.migrator(t, options()).Tables(t.Context(), server(t), summary); err != nil {
		t.Fatal(err)
	}
	r := summary.Tables[0]
	if r.State != Failed || r.Days[Failed] != monthDays || errors.Is(summary.Err(), ErrPartial) {
		t.Errorf("%s %v", r.State, r.Days)
	}
	if text := summary.Err().Error(); !strings.Contains(text, archive.ErrPacked.Error()) || strings.Count(text, "\n") > 3 {
		t.Error(text)
	}
	if left := lines(t, p.archive.DB(), "SELECT file FROM imports"); len(left) > 0 {
		t.Errorf("left in the ledger: %v", left)
	}
}
