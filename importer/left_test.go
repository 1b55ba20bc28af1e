package importer

import (
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// TestLeftOut: sets that there was no room for are read when their template is
// known: at once if it stands in the same file, else with the file that brings it,
// which no other file does.
func TestLeftOut(t *testing.T) {
	start := at.Truncate(spool.SlotLength)
	slot := func(n int) time.Time { return start.Add(time.Duration(n) * spool.SlotLength) }
	make := func(at time.Time, what func(*hostile)) []sent {
		h := &hostile{at: at, next: map[[2]uint32]uint32{}}
		what(h)
		var all []sent
		for _, p := range h.out {
			all = append(all, sent{time.Unix(0, p.Received), p.Payload})
		}
		return all
	}
	const n = 3 * maxHeldOf
	data := func(h *hostile) {
		for range 3 {
			var sets [][]byte
			for range maxHeldOf {
				sets = append(sets, dataSet(300, smallData(honestHost, 1000)))
			}
			h.v9(hostilePort, 5, maxHeldOf, sets...)
		}
	}
	template := func(h *hostile) { h.v9(hostilePort, 5, 1, dataSet(0, layout(300, smallLayout...))) }
	other := func(h *hostile) { h.v9(hostilePort, 5, 1, dataSet(0, layout(301, smallLayout...))) }
	sum := func(im *Importer) string {
		return lines(t, im, "SELECT CONCAT_WS(' ', COALESCE(SUM(records), 0), COALESCE(SUM(no_template), 0)) FROM books")
	}

	t.Run("same file", func(t *testing.T) {
		im := real(t, time.UTC, hostileOffice())
		spoolFile(t, im.cfg.Spool, slot(0), append(make(slot(0).Add(time.Second), data), make(slot(0).Add(time.Minute), template)...)...)
		s := importAll(t, im)
		if got := sum(im); got != "768 0" || s.NoTemplate != 0 || s.Records != n {
			t.Errorf("records and sets without template %s, %+v", got, s)
		}
	})
	t.Run("later file", func(t *testing.T) {
		im := real(t, time.UTC, hostileOffice())
		spoolFile(t, im.cfg.Spool, slot(0), make(slot(0).Add(time.Second), data)...)
		importAll(t, im)
		if got := sum(im); got != "0 768" {
			t.Errorf("before: %s", got)
		}
		spoolFile(t, im.cfg.Spool, slot(1), make(slot(1).Add(time.Second), other)...)
		importAll(t, im)
		if got := sum(im); got != "0 768" {
			t.Errorf("with another template: %s", got)
		}
		spoolFile(t, im.cfg.Spool, slot(2), make(slot(2).Add(time.Second), template)...)
		importAll(t, im)
		if got := sum(im); got != "768 0" {
			t.Errorf("with the template: %s", got)
		}
		if _, err := im.ImportDay(t.Context(), archive.DayOf(start), Options{}); err != nil {
			t.Fatal(err)
		}
		if got := sum(im); got != "768 0" {
			t.Errorf("the day again: %s", got)
		}
	})
}

// TestWanted: of whatever a flood left waiting, each exporter and each stream is
// among the few that are remembered.
func TestWanted(t *testing.T) {
	packets := attackAs(t, 9, "fill-waiting:60")
	h := &hostile{at: at, next: map[[2]uint32]uint32{}}
	h.v9(honestPort, 77, 1, dataSet(999, smallData(honestHost, 1)))
	packets = append(packets, h.out...)
	s := readAll(t, packets, func(*flow.Record) {})
	all := s.held.wanted()
	templates, found := 0, false
	for _, w := range all {
		templates += len(w.Templates)
		found = found || w.Domain == 77 && w.Templates[0] == 999
	}
	if len(all) != 61 || templates > maxWanted || !found {
		t.Errorf("%d streams, %d templates, the honest one among them: %v", len(all), templates, found)
	}
	m := memory{Wanted: all}
	var none, some noted
	some.note(notedBit(netflow.TemplateKey{Exporter: gateway.Addr(), Version: flow.V9, Domain: 77, ID: 999}))
	if m.came(&none) || !m.came(&some) {
		t.Error("it is not told whether a template came")
	}
}
