package report

import (
	"regexp"
	"slices"
	"time"

	"nfacct/archive"
)

// captureName finds the time in a name that flow-capture gave a file: the local one
// of its beginning, and its offset.
var captureName = regexp.MustCompile(`ft-v\d\d(?:m\d\d)?\.(\d{4}-\d\d-\d\d\.\d{6}[+-]\d{4})(?:\.(?:gz|zst))?$`)

// captures are when files of flow-capture begin, by router. Like a spool file one
// says that the router was heard, be it without a flow that a host is charged with.
type captures map[string][]int64

func (c captures) add(router, file string) {
	if found := captureName.FindStringSubmatch(file); found != nil {
		if start, err := time.Parse("2006-01-02.150405-0700", found[1]); err == nil {
			c[router] = append(c[router], start.Unix())
		}
	}
}

// slots marks the quarter-hours that the files are of. How long they are their
// names do not say: it is flow-capture's -n, and shows in the commonest distance
// between them.
func (c captures) slots(mark func(router string, unix int64)) {
	for router, starts := range c {
		slices.Sort(starts)
		length := commonest(starts)
		for _, start := range starts {
			first := start - start%archive.SlotSeconds
			for unix := first; unix < max(first+archive.SlotSeconds, start+length); unix += archive.SlotSeconds {
				mark(router, unix)
			}
		}
	}
}

// commonest is the distance that sorted instants have from the next most often, up
// to a day; of several the shortest.
func commonest(sorted []int64) (distance int64) {
	const most = 25 * 60 * 60 // of a day in autumn
	often := map[int64]int{}
	for i := 1; i < len(sorted); i++ {
		if d := sorted[i] - sorted[i-1]; d > 0 && d <= most {
			often[d]++
		}
	}
	for d, n := range often {
		if n > often[distance] || n == often[distance] && d < distance {
			distance = d
		}
	}
	return distance
}
