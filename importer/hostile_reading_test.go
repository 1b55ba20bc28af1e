package importer

import (
	"runtime"
	"testing"
	"time"
)

// hostileReading are the modes that reading has to bear, alone and one upon the
// other.
var hostileReading = [][]string{
	{"template-flood"}, {"stream-flood"}, {"fill-waiting"}, {"late-templates"}, {"half-known"}, {"many-hosts"},
	{"stream-flood", "fill-waiting"},
	{"fill-waiting", "stream-flood", "late-templates:200"},
	{"half-known:100", "template-flood:200", "fill-waiting:20", "stream-flood:500"},
}

// TestHostileReading: whatever an attacker with the exporter's address sends, the
// honest stream's record is read, within bounded memory and time.
func TestHostileReading(t *testing.T) {
	for seed, modes := range hostileReading {
		t.Run(name(modes), func(t *testing.T) {
			path := attack(t, uint64(seed), modes...)
			im := newImporter(t, "", hostileOffice())
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			begin := time.Now()
			var l ledger
			s := load(t, im, &l, anyDay, path)
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			honest(t, l.rows)
			if s.Failed != 0 || took > 30*time.Second {
				t.Errorf("%d failed, %v", s.Failed, took)
			}
			t.Logf("%v, %d MiB taken from the system", took, (after.Sys-before.Sys)>>20)
			if after.Sys > 512<<20 {
				t.Errorf("%d MiB taken from the system", after.Sys>>20)
			}
		})
	}
}

func name(modes []string) (all string) {
	for i, mode := range modes {
		if i > 0 {
			all += ","
		}
		all += mode
	}
	return all
}
