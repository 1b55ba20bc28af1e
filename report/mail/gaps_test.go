package mail

import (
	"strings"
	"testing"
	"time"

	"nfacct/report"
)

// Each gap is said once.
func TestGapOnce(t *testing.T) {
	u := office(3)
	u.Complete = false
	from := u.Period.Start.Add(3 * time.Hour)
	u.Gaps = []report.Gap{{Router: "gw-1", From: from, To: from.Add(75 * time.Minute)}}
	u.Doubts = []report.Doubt{{Kind: "silent", Router: "gw-1", What: "03:00", Until: "04:15"}}
	l, err := NewLetter(u, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(l.HTML, "04:15"); n != 1 {
		t.Errorf("the gap stands %d times", n)
	}
}
