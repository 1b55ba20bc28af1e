package mail

import (
	"strings"
	"time"

	"nfacct/archive"
	"nfacct/report"
)

func (w *workbook) books() error {
	columns := []sheetColumn{{w.text("day"), date, 12}, {w.text("router"), plain, 18}}
	for _, key := range []string{"datagrams", "records", "bytes", "lost", "dropped", "unspooled", "rejected", "class_up", "class_down", "router_local", "internal", "transit", "unattributed", "left_out", "loaded", "loaded_bytes", "implausible"} {
		columns = append(columns, sheetColumn{w.text(key), count, 15})
	}
	s, err := w.sheet("books", append(columns, sheetColumn{w.text("difference"), plain, 30}, sheetColumn{w.text("findings"), plain, 30}))
	if err != nil {
		return err
	}
	for i := range w.u.Books {
		b := &w.u.Books[i]
		var excluded archive.Counts
		for _, n := range b.Excluded {
			excluded = excluded.Plus(n)
		}
		var found []string
		for _, f := range b.Findings {
			if text := report.FindingText(b.Router, f, w.words); text != "" {
				found = append(found, text)
			}
		}
		c := &b.Classes
		day := time.Date(b.Day.Year, b.Day.Month, b.Day.Day, 0, 0, 0, 0, time.UTC)
		err := s.add(day, b.Router, b.Datagrams, b.Records, b.Bytes, b.LostRecords, b.KernelDropped, b.SpoolLost, b.LeftOut(), c.Up.Records, c.Down.Records,
			c.RouterLocal.Records, c.Internal.Records, c.Transit.Records, c.Unattributed.Records, excluded.Records, b.Loaded.Records, b.Loaded.Bytes, c.Implausible.Records, report.DifferenceText(b, w.words), strings.Join(found, " "))
		if err != nil {
			return err
		}
	}
	return s.end(len(w.u.Books))
}

// coverage holds flows against the routers' counters, where they are known.
func (w *workbook) coverage() error {
	if len(w.u.Coverage) == 0 {
		return nil
	}
	s, err := w.sheet("coverage", []sheetColumn{{w.text("router"), plain, 18}, {w.text("interface"), plain, 18}, {w.text("start"), moment, 18}, {w.text("end"), moment, 18},
		{w.text("flow_bytes"), count, 18}, {w.text("counter_bytes"), count, 18}, {w.text("share"), percent, 10}})
	if err != nil {
		return err
	}
	for i := range w.u.Coverage {
		c := &w.u.Coverage[i]
		if err := s.add(c.Router, c.Interface, w.local(&c.From), w.local(&c.To), c.FlowBytes, c.CounterBytes, c.Share); err != nil {
			return err
		}
	}
	return s.end(len(w.u.Coverage))
}

func (w *workbook) excluded() error {
	s, err := w.sheet("excluded", []sheetColumn{{w.text("rule"), plain, 24}, {w.text("records"), count, 15}, {w.text("bytes"), count, 18}})
	if err != nil {
		return err
	}
	for _, e := range w.u.Excluded {
		if err := s.add(e.Rule, e.Records, e.Bytes); err != nil {
			return err
		}
	}
	return s.end(len(w.u.Excluded))
}
