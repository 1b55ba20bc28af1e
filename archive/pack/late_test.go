package pack

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// A configuration from before days had tables is told what its word means now.
func TestLateUnpackIsTold(t *testing.T) {
	for late, want := range map[string]bool{lateUnpack: true, LateBeside: false, LateWait: false} {
		cfg := DefaultConfig()
		cfg.Late = late
		cfg.Check(func(key, problem, remedy string) { t.Errorf("%s is refused: %s: %s", late, key, problem) })
		var said bytes.Buffer
		New(cfg, nil, slog.New(slog.NewTextHandler(&said, nil)))
		if got := strings.Contains(said.String(), "means"); got != want {
			t.Errorf("%s: said %q", late, said.String())
		}
	}
}
