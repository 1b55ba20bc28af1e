package archive

import "testing"

// What was found altered in a day is forgotten when the day is loaded again, and not
// when another one is.
func TestAlteredDays(t *testing.T) {
	ways(t, func(t *testing.T, a *Archive) {
		tuesday := monday.Add(1)
		one, two := newFile(t, a, 1, 50, monday, tuesday), newFile(t, a, 2, 50, tuesday)
		mustLoad(t, a, one, two)
		if err := writing(a).Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		damage := func() string {
			t.Helper()
			kept, err := packing(a).Kept(t.Context(), Part{Table: monday.Table(), From: monday, To: monday})
			if err != nil || !kept.Known {
				t.Fatal(kept, err)
			}
			return kept.Damage
		}
		if got := damage(); got != "" {
			t.Fatalf("damaged from the start: %s", got)
		}
		run(t, a, "UPDATE "+monday.Table()+" SET peer_port = peer_port ^ 16 LIMIT 1")
		mustLoad(t, a, newFile(t, a, 3, 50, monday))
		for _, step := range []struct {
			day     Day
			files   []testFile
			damaged bool
		}{
			{tuesday, []testFile{one, two}, true},
			{monday, []testFile{one, newFile(t, a, 3, 50, monday)}, false},
			{tuesday, []testFile{one, two}, false},
		} {
			if err := reload(t.Context(), a, step.day, step.files...); err != nil {
				t.Fatal(err)
			}
			if err := writing(a).Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := damage(); (got != "") != step.damaged {
				t.Errorf("%s loaded again: damage %q", step.day, got)
			}
		}
	})
}
