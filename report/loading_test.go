package report

import (
	"slices"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// That days are being loaded is said in words, and in place of what follows from it.
func TestLoading(t *testing.T) {
	week := sunday.Add(-7)
	for language, want := range map[string]string{
		"en": "An import is loading 2026-11-01 just now: the figures are between what they were and what they will be.",
		"ru": "Сейчас загружаются данные за 2026-11-01: цифры неполны, повторите запрос позже.",
	} {
		words, err := phrase.New(language, DefaultConfig().Units)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Doubt{Kind: "loading", What: week.String()}).Text(words); got != want {
			t.Error(got)
		}
	}
	u := &Usage{Doubts: []Doubt{{Kind: "empty"}, {Kind: "books", What: week.String()}, {Kind: "books", What: sunday.String()}}}
	u.loading([]archive.Day{week})
	if kinds := []string{u.Doubts[0].Kind, u.Doubts[1].What}; len(u.Doubts) != 2 || !slices.Equal(kinds, []string{"loading", sunday.String()}) {
		t.Error(u.Doubts)
	}
}

func TestReads(t *testing.T) {
	cfg := DefaultConfig()
	r := &Reporter{cfg: cfg, loc: time.UTC}
	first := func(p Period) archive.Day { return r.reads(p)[0] }
	if got, want := r.reads(DayPeriod(sunday, time.UTC)), []archive.Day{sunday.Add(-28), sunday.Add(-21), sunday.Add(-14), sunday.Add(-7), sunday.Add(-1), sunday}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := first(WeekPeriod(sunday, time.UTC)); got != sunday.Add(-13) {
		t.Error(got)
	}
	r.cfg.Quotas = []Quota{{Name: "month", Period: "month", Soft: 1}}
	if got := r.reads(DayPeriod(sunday, time.UTC)); len(got) != 6+5 || !slices.Contains(got, sunday.Add(-5)) {
		t.Error(got)
	}
	// Each month that a week has days of is judged from its first day on.
	if got, want := first(WeekPeriod(sunday.Add(-7), time.UTC)), archive.MonthOf(sunday.Add(-9)).First(); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}
