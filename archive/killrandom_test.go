package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"
)

// Whatever is killed, whenever, while files are loaded, a day is loaded again, a file is
// taken out, a month of one table is converted, and days are closed: other days can be
// read at once, books and rows agree after the next Lock, and the deed can be done. NFACCT_KILL_ROUNDS sets how often this is tried.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	rounds := 6
	if text := os.Getenv("NFACCT_KILL_ROUNDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		rounds = n
	}
	cfg := furnished(t)
	a := openConfig(t, cfg)
	outcomes := map[string]*outcome{}
	whole := map[string]time.Duration{}
	child := func(deed string) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "NFACCT_TEST_CHILD="+deed, "NFACCT_TEST_STEP=0", "NFACCT_TEST_FOLDER="+cfg.Folder, "NFACCT_TEST_LOAD="+cfg.Load)
		return cmd
	}
	for deed := range randomDeeds {
		outcomes[deed] = newOutcome(t, a, deed)
		began := time.Now()
		if out, err := child(deed).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		whole[deed] = time.Since(began)
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	killed := map[string]int{}
	names := slices.Sorted(maps.Keys(randomDeeds))
	for round := range rounds {
		deed, victim := names[round%len(names)], []string{"nfacct", "mariadbd", "both"}[(round+round/3)%3]
		prepare(t, a)
		if round%4 >= 2 {
			makeOld(t, a, MonthOf(monday))
		}
		after := time.Duration(random.Int64N(int64(whole[deed])))
		what := fmt.Sprintf("round %d of seed %d: %s, %s killed after %v", round, seed, deed, victim, after)
		cmd := child(deed)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		if victim != "mariadbd" {
			cmd.Process.Kill()
		}
		if victim != "nfacct" {
			killServer(t, cfg.Folder)
		}
		if cmd.Wait() != nil {
			killed[victim]++
		}
		if deed != "forget" { // which changes October too
			if n, err := rowsOf(t.Context(), a, october); err != nil || n != 40 {
				t.Errorf("%s: a reader of another day is told %d rows: %v", what, n, err)
			}
		}
		unlock, err := locked(t.Context(), a, 10*time.Second)
		for try := 0; errors.Is(err, ErrUnavailable) && try < 5; try++ { // the pool's connections are of the server that died
			unlock, err = locked(t.Context(), a, 10*time.Second)
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		unlock()
		audited(t, a, what)
		if err := do(t.Context(), a, deed, func(string) {}); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		same(t, what, state(t, a), outcomes[deed].after)
		if err := settled(t.Context(), a); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d rounds; deeds ended by the death of %v", rounds, killed)
}

// rowsOf is how many rows a reader is told of a day. He asks again when the server is
// only coming back.
func rowsOf(ctx context.Context, a *Archive, day Day) (n int, err error) {
	for try := 0; try == 0 || errors.Is(err, ErrUnavailable) && try < 5; try++ {
		n = 0
		err = a.onParts(ctx, day, day, func(parts []Part) error {
			for _, p := range parts {
				var rows int
				if err := a.reading.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+p.Table+" WHERE "+p.Where()).Scan(&rows); err != nil {
					return wrap("count", err)
				}
				n += rows
			}
			return nil
		})
	}
	return n, err
}
