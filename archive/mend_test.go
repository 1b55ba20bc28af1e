package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// told is all that people are told of an archive: which files it has, its books and
// what each host had. A difference that is said is an error.
func told(ctx context.Context, a *Archive) (answer []string, err error) {
	names, err := a.Reader().LoadedNames(ctx)
	if err != nil {
		return nil, err
	}
	answer = append(answer, names...)
	books, err := a.Reader().Audit(ctx, Day{1, 1, 1}, Day{9999, 12, 31})
	if err != nil {
		return nil, err
	}
	for _, b := range books {
		if b.Difference != "" {
			return nil, errors.New(b.Difference)
		}
		answer = append(answer, fmt.Sprintf("%s %s %d %d %v", b.Day, b.Router, b.Records, b.Bytes, b.Loaded))
	}
	for _, query := range []string{
		"SELECT CONCAT_WS(' ', day, INET6_NTOA(host), SUM(up_bytes), SUM(down_bytes), SUM(flows)) FROM usage_hourly GROUP BY day, host ORDER BY day, host",
		"SELECT CONCAT_WS(' ', id, name) FROM routers ORDER BY id",
	} {
		rows, err := a.db.QueryContext(ctx, query)
		if err != nil {
			return nil, wrap("ask", err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				rows.Close()
				return nil, err
			}
			answer = append(answer, line)
		}
		if err := rows.Err(); err != nil {
			return nil, wrap("ask", err)
		}
	}
	return answer, nil
}

// TestDatabaseDamages: random damages, NFACCT_DAMAGES of them, of the database's files are never silently
// less: the answers are the same, or something is said. Then everything is mended, or
// it is said that it is not, and which days to load again.
func TestDatabaseDamages(t *testing.T) {
	t.Parallel()
	rounds := 25
	if text := os.Getenv("NFACCT_DAMAGES"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	cfg := furnished(t)
	a := mustOpen(t, cfg)
	unlock, err := locked(t.Context(), a, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		mustLoad(t, a, newFile(t, a, i+1, 300, monday, monday.Add(1)))
	}
	want, err := told(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	mustClose(t, a)
	sound := filepath.Join(t.TempDir(), "sound")
	if err := os.CopyFS(sound, os.DirFS(filepath.Join(cfg.Folder, "data"))); err != nil {
		t.Fatal(err)
	}
	var files []string
	entries, err := os.ReadDir(filepath.Join(sound, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Size() > 0 && e.Name() != "db.opt" {
			files = append(files, e.Name())
		}
	}
	same, said, mended := 0, 0, 0
	begun := time.Now()
	for seed := range rounds {
		if time.Since(begun) > 4*time.Minute {
			if os.Getenv("NFACCT_DAMAGES") != "" {
				t.Errorf("only %d of %d damages were tried: the machine is busy", seed, rounds)
			}
			t.Logf("stopped after %d damages: the machine is busy", seed)
			break
		}
		random := rand.New(rand.NewPCG(uint64(seed), 5))
		data := filepath.Join(cfg.Folder, "data")
		if err := os.RemoveAll(data); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(data, os.DirFS(sound)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(data, 0o700); err != nil {
			t.Fatal(err)
		}
		name := files[random.IntN(len(files))]
		if seed%2 == 0 { // those that matter most
			name = []string{"imports.MAD", "books.MAD", "usage_hourly.MAD", "imports.MAI", "books.MAI", "routers.MAD"}[random.IntN(6)]
		}
		what := spoil(t, random, filepath.Join(data, databaseName, name))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		a, err := Open(ctx, cfg, quietLog)
		var got []string
		if err == nil {
			got, err = told(ctx, a)
			a.Close()
		}
		switch {
		case err != nil:
			said++
		case slices.Equal(got, want):
			same++
		default:
			t.Errorf("%d: %s, %s: silently different:\n%s\nwant:\n%s", seed, name, what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if err != nil && seed%4 == 0 {
			m, after, again := mendAll(ctx, cfg)
			switch {
			case again != nil:
				t.Logf("%d: %s, %s: not mended: %v", seed, name, what, again)
			case slices.ContainsFunc(m.Mended, func(t Mended) bool { return !t.Sound }):
				t.Logf("%d: %s, %s: %+v", seed, name, what, m.Mended)
			case len(m.Days) == 0 && !slices.Equal(after, want):
				t.Errorf("%d: %s, %s: mended, and silently different:\n%s", seed, name, what, strings.Join(after, "\n"))
			default:
				mended++
			}
		}
		cancel()
	}
	t.Logf("%d gave the same answers, %d were said, %d were mended", same, said, mended)
}

var quietLog = slog.New(slog.DiscardHandler)

func mendAll(ctx context.Context, cfg Config) (*Mending, []string, error) {
	a, err := OpenDamaged(ctx, cfg, quietLog)
	if err != nil {
		return nil, nil, err
	}
	defer a.Close()
	m, err := a.Mend(ctx, time.Second)
	if err != nil || len(m.Days) > 0 {
		return m, nil, err
	}
	answer, err := told(ctx, a)
	return m, answer, err
}

// spoil damages a file in one way.
func spoil(t *testing.T, random *rand.Rand, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	from := random.IntN(len(b))
	n := min(1+random.IntN(8192), len(b)-from)
	what := ""
	switch random.IntN(4) {
	case 0:
		b[from] ^= 1 << random.IntN(8)
		what = fmt.Sprintf("a bit of byte %d", from)
	case 1:
		clear(b[from : from+n])
		what = fmt.Sprintf("zeros from %d, %d", from, n)
	case 2:
		b = b[:from]
		what = fmt.Sprintf("cut at %d", from)
	default:
		for i := range n {
			b[from+i] = byte(random.Uint32())
		}
		what = fmt.Sprintf("noise from %d, %d", from, n)
	}
	if err := os.WriteFile(path, b, 0o660); err != nil {
		t.Fatal(err)
	}
	return what
}
