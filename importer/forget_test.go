package importer

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestGrown: a capture that was imported while it was being written is replaced
// when it is whole, and its day can be loaded again.
func TestGrown(t *testing.T) {
	im := real(t, time.UTC, ipfixOffice())
	whole := captureOfOffice(t, "whole.pcapng.zst", 0)
	other := captureOfOffice(t, "other.pcapng.zst", time.Minute)
	begin, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(captureOfOffice(t, "end.pcapng.zst", time.Hour))
	text = append(begin[:len(begin):len(begin)], text...)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(whole, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := importAll(t, im, other, whole); s.Loaded != 2 || len(s.CutShort()) != 0 {
		t.Fatalf("%+v", s)
	}
	want := balanced(t, im)[0]
	if _, err := im.Forget(context.Background(), []string{whole}, Options{}); err != nil {
		t.Fatal(err)
	}
	if b := balanced(t, im)[0]; b.Records*2 != want.Records {
		t.Errorf("forgotten: %d records, before %d", b.Records, want.Records)
	}
	if _, err := im.Forget(context.Background(), []string{whole}, Options{}); err == nil || !strings.Contains(err.Error(), "never imported") {
		t.Error(err)
	}
	if err := os.WriteFile(whole, text[:len(begin)+9], 0o600); err != nil {
		t.Fatal(err)
	}
	if s := importAll(t, im, whole); s.Loaded != 1 || len(s.CutShort()) != 1 || s.CutShort()[0] != whole {
		t.Fatalf("%+v", s)
	}
	if err := os.WriteFile(whole, text, 0o600); err != nil {
		t.Fatal(err)
	}
	// As long as another file of the day is gone, it is not counted twice.
	away := filepath.Join(t.TempDir(), "away")
	if err := os.Rename(other, away); err != nil {
		t.Fatal(err)
	}
	before := everything(t, im)
	if _, err := im.Import(context.Background(), []string{whole}, Options{}); err == nil || !strings.Contains(err.Error(), "is not loaded a second time") || !strings.Contains(err.Error(), other) {
		t.Error(err)
	}
	if got := everything(t, im); got != before {
		t.Errorf("%s\nbefore:\n%s", got, before)
	}
	if err := os.Rename(away, other); err != nil {
		t.Fatal(err)
	}
	importAll(t, im, whole)
	if b := balanced(t, im)[0]; b.Records != want.Records || b.Bytes != want.Bytes {
		t.Errorf("%+v\nwant %+v", b, want)
	}
	loaded := everything(t, im)
	if _, err := im.ImportDay(context.Background(), today, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := everything(t, im); got != loaded {
		t.Errorf("%s\nbefore:\n%s", got, loaded)
	}
}

func captureOfOffice(t *testing.T, name string, later time.Duration) string {
	return capture(t, name,
		sent{at.Add(later), payload(t, "ipfix_test_mikrotik_tpl.dat")},
		sent{at.Add(later + time.Second), payload(t, "ipfix_test_mikrotik_data258.dat")})
}
