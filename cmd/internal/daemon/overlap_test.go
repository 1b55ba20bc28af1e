package daemon

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/schedule"
)

// Two branches with the same private network are told once, when the daemon starts.
func TestOverlapAtStart(t *testing.T) {
	for second, said := range map[string]bool{"192.168.88.0/25": true, "192.168.89.0/24": false} {
		cfg, err := config.Parse("nfacct.toml", `timezone = "UTC"
[[router]]
name = "gw-1"
export = ["192.0.2.1"]
inside = ["192.168.88.0/24"]
[[router]]
name = "gw-2"
export = ["192.0.2.2"]
inside = ["`+netip.MustParsePrefix(second).String()+`"]
`)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		d := &Daemon{Log: slog.New(slog.NewTextHandler(&log, nil))}
		d.sayStart(cfg, schedule.New(nil, time.UTC, nil, d.Log))
		if has := strings.Contains(log.String(), "behind router gw-1 and 192.168.88.0/25 behind router gw-2 have the same addresses"); has != said {
			t.Errorf("%s: %s", second, &log)
		}
	}
}
