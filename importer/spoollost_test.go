package importer

import (
	"testing"
	"time"

	"nfacct/collector/spool"
)

// TestSpoolLost: what the kernel dropped and what found no room on the disk are
// two figures of the book, and the second is in the database too.
func TestSpoolLost(t *testing.T) {
	im := real(t, time.UTC, v5Office())
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	w, err := spool.NewWriter(spool.Config{Folder: im.cfg.Spool}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Begin(start, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(spool.AppendStatistics(nil, start.UnixNano(), start.UnixNano(), spool.Statistics{Received: 5, QueueDropped: 5, KernelDropped: 3})); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	importAll(t, im)
	if got := lines(t, im, "SELECT CONCAT_WS(' ', kernel_dropped, spool_lost, lost_records) FROM books"); got != "3 5 0" {
		t.Errorf("%q", got)
	}
}
