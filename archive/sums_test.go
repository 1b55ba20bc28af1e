package archive

import "testing"

// What was found altered in a month is forgotten with the last of its days that is
// loaded again, and not with a file of which a day is.
func TestAlteredDays(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		tuesday := monday.Add(1)
		one, two := newFile(t, a, 1, 50, monday, tuesday), newFile(t, a, 2, 50, tuesday)
		mustLoad(t, a, one, two)
		if err := a.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		damage := func() string {
			t.Helper()
			kept, err := a.KeptSum(t.Context(), MonthOf(monday))
			if err != nil {
				t.Fatal(err)
			}
			return kept.Damage
		}
		if got := damage(); got != "" {
			t.Fatalf("damaged from the start: %s", got)
		}
		run(t, a, "UPDATE "+MonthOf(monday).Table()+" SET peer_port = peer_port ^ 16 LIMIT 1")
		for _, step := range []struct {
			day     Day
			files   []testFile
			damaged bool
		}{
			{tuesday, []testFile{one, two}, true},
			{tuesday, []testFile{one, two}, true},
			{monday, []testFile{one}, false},
			{tuesday, []testFile{one, two}, false},
		} {
			if err := reload(t.Context(), a, step.day, step.files...); err != nil {
				t.Fatal(err)
			}
			if err := a.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := damage(); (got != "") != step.damaged {
				t.Errorf("%s loaded again: damage %q", step.day, got)
			}
		}
	})
}
