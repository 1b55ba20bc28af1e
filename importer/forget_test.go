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

// TestForgetKilled: what was cut short while a file was taken out is finished by
// the next run, whatever that was asked to do: behind its last day, or before it.
func TestForgetKilled(t *testing.T) {
	im := real(t, time.UTC, ipfixOffice())
	twoDays := capture(t, "two.pcapng.zst",
		sent{at, payload(t, "ipfix_test_mikrotik_tpl.dat")},
		sent{at.Add(time.Second), payload(t, "ipfix_test_mikrotik_data258.dat")})
	other := captureOfOffice(t, "other.pcapng.zst", time.Minute)
	importAll(t, im, other)
	want := everything(t, im)
	for _, whole := range []bool{true, false} {
		importAll(t, im, twoDays)
		lock, err := im.archive.Lock(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		b := im.build(Options{})
		b.writer = lock
		files, err := b.loadedAs(t.Context(), twoDays)
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		if err := lock.BeginForget(t.Context(), []uint32{files[0].ID}); err != nil {
			t.Fatal(err)
		}
		if whole {
			days, err := im.archive.Reader().DaysOf(t.Context(), files[0].ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, day := range days {
				if err := b.again(t.Context(), day, nil, files[0].ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		lock.Unlock() // as if it had died
		if _, err := im.Import(context.Background(), nil, Options{}); err != nil {
			t.Fatal(err)
		}
		if got := everything(t, im); got != want {
			t.Errorf("whole %v: %s\nwant:\n%s", whole, got, want)
		}
		if left, err := im.archive.Reader().Forgetting(t.Context()); err != nil || len(left) > 0 {
			t.Errorf("left: %v %v", left, err)
		}
		if files, err := b.loadedAs(t.Context(), twoDays); err != nil || len(files) > 0 {
			t.Errorf("in the ledger: %v %v", files, err)
		}
	}
	// What cannot be finished waits, and keeps nobody from importing.
	importAll(t, im, twoDays)
	lock, err := im.archive.Lock(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	files, err := im.build(Options{}).loadedAs(t.Context(), twoDays)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := lock.BeginForget(t.Context(), []uint32{files[0].ID}); err != nil {
		t.Fatal(err)
	}
	lock.Unlock()
	away := other + ".away"
	if err := os.Rename(other, away); err != nil {
		t.Fatal(err)
	}
	third := captureOfOffice(t, "third.pcapng.zst", 2*time.Minute)
	if s := importAll(t, im, third); s.Loaded != 1 {
		t.Errorf("%+v", s)
	}
	if err := os.Rename(away, other); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Forget(context.Background(), []string{third}, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := everything(t, im); got != want {
		t.Errorf("%s\nwant:\n%s", got, want)
	}
}
