package squid

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sumsReader reads a file as Reader does, without a database.
type sumsReader struct{}

func (*sumsReader) read(name string) (*sums, error) {
	f, err := openLog(name)
	if err != nil {
		return nil, err
	}
	defer f.close()
	format, err := NewFormat("native")
	if err != nil {
		return nil, err
	}
	r := &Reader{format: format}
	sums := newSums(time.UTC)
	var tail []byte
	for {
		if _, _, err := r.readPart(context.Background(), f.text, sums, place{whole: true}, &tail); err == io.EOF {
			return sums, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// denseLines makes lines of one day, of 300 clients and users.
func denseLines(n int) string {
	rng := rand.New(rand.NewPCG(3, 4))
	var b strings.Builder
	for i := range n {
		user := "-"
		if k := rng.IntN(400); k < 200 {
			user = "user" + strconv.Itoa(k)
		}
		fmt.Fprintf(&b, "%d.%03d %6d 10.1.%d.%d %s %d GET http://www%d.example.net/path/to/some/page%d.html %s HIER_DIRECT/192.0.2.%d text/html\n",
			started.Unix()+int64(i/25), i%1000, rng.IntN(9000), rng.IntN(2), rng.IntN(150), []string{"TCP_MISS/200", "TCP_HIT/200", "TCP_TUNNEL/200", "TCP_MISS/304", "TCP_DENIED/403"}[rng.IntN(5)],
			rng.IntN(200_000), rng.IntN(50), rng.IntN(100_000), user, rng.IntN(250))
	}
	return b.String()
}

// lightTotals reads what LightSquid wrote.
func lightTotals(b *testing.B, folder string) map[string]uint64 {
	b.Helper()
	totals := map[string]uint64{}
	days, err := filepath.Glob(filepath.Join(folder, "20*", ".total"))
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range days {
		file, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		lines := bufio.NewScanner(file)
		for n := 0; lines.Scan(); n++ {
			fields := strings.Fields(lines.Text())
			if n < 2 || len(fields) < 2 { // sums
				continue
			}
			bytes, err := strconv.ParseUint(fields[1], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			totals[fields[0]] += bytes
		}
		file.Close()
	}
	return totals
}
