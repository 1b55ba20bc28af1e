package mail

import (
	"strings"
	"time"
)

// facts say what the figures are.
func (w *workbook) facts() error {
	s, err := w.sheet("facts", []sheetColumn{{w.text("fact"), plain, 24}, {w.text("value"), plain, 90}})
	if err != nil {
		return err
	}
	u := w.u
	complete := w.text("yes")
	if !u.Complete {
		complete = w.text("no")
	}
	rows := [][2]string{
		{w.text("range"), w.text("range." + u.Period.Kind)}, {w.text("from"), u.Period.From.String()}, {w.text("to"), u.Period.To.String()},
		{w.text("start"), u.Period.Start.Format(time.RFC3339)}, {w.text("zone"), u.Timezone},
		{w.text("group"), u.Group}, {w.text("complete"), complete},
	}
	if len(u.Doubts) > 0 {
		for _, doubt := range u.Doubts {
			rows = append(rows, [2]string{w.text("reason"), doubt.Text(w.words)})
		}
	} else {
		for _, reason := range u.Incomplete {
			rows = append(rows, [2]string{w.text("reason"), reason})
		}
	}
	for _, fact := range [][2]string{{w.text("estimated"), u.EstimatedText(w.words)}, {w.text("new"), u.NewHosts.Text(w.words)}} {
		if fact[1] != "" {
			rows = append(rows, fact)
		}
	}
	if u.DataUntil != nil {
		rows = append(rows, [2]string{w.text("data_until"), u.DataUntil.Format(time.RFC3339)})
	}
	for i := range u.OldTables {
		rows = append(rows, [2]string{w.text("old_table"), u.OldTables[i].Text(w.words)})
	}
	if u.Proxy != nil && len(u.Proxy.Unwritten) > 0 {
		rows = append(rows, [2]string{w.words.Text("mail.proxy"), u.Proxy.UnwrittenText(w.words)})
	}
	for _, rule := range u.Facts.Rules {
		rows = append(rows, [2]string{w.text("rule"), rule.Name + ": " + rule.In(w.words)})
	}
	var sources []string
	for _, source := range u.Facts.Sources {
		sources = append(sources, w.text("source."+source))
	}
	tops := w.text("tops_exact")
	if u.TopsAtLeast {
		tops = w.words.Text("mail.tops")
	}
	rows = append(rows,
		[2]string{w.text("routers"), strings.Join(u.Facts.Routers, ", ")},
		[2]string{w.text("sources"), strings.Join(sources, ", ")},
		[2]string{w.text("unit"), w.text("unit_text")},
		[2]string{w.text("tops"), tops},
		[2]string{w.text("version"), u.Facts.Version},
		[2]string{w.text("generated"), u.Facts.Generated.Format(time.RFC3339)},
	)
	for _, row := range rows {
		if err := s.add(row[0], row[1]); err != nil {
			return err
		}
	}
	return s.end(0)
}
