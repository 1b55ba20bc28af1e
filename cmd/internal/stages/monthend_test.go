package stages

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/importer"
)

// The month's end is not done before the month's last file is sealed, nor while one of
// its files waits to be imported; one that is set aside does not hold it up for ever.
func TestMonthIsWhole(t *testing.T) {
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "nfacct.toml"), "state = \".\"\n[[router]]\nname = \"office\"\nexport = [\"127.0.0.1\"]\ninside = [\"192.168.88.0/24\"]\n")
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	at := func(text string) time.Time {
		when, err := time.ParseInLocation(time.DateTime, text, cfg.Location())
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	month, err := archive.ParseMonth("2026-10")
	if err != nil {
		t.Fatal(err)
	}
	check := func(what, now, want string) {
		t.Helper()
		err := MonthIsWhole(t.Context(), importer.Today(at(now), cfg.Location()), month, Pending(cfg, db))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || exit.Code(err) != exit.CodeTemporary) {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("ten past midnight", "2026-11-01 00:10:00", "not over until its last file is sealed")
	check("nothing of it", "2026-11-01 00:30:00", "")
	const file = "2026-10-31/20261031T120000Z.pcapng.zst"
	path := filepath.Join(cfg.Spool.Folder, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("not imported"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("a file waits", "2026-11-01 00:30:00", "1 of its files are not imported yet")
	if err := os.WriteFile(filepath.Join(cfg.Spool.Folder, "aside.json"), []byte(`[{"file": "`+file+`", "strikes": 2, "set": true}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	check("it is set aside", "2026-11-01 00:30:00", "")
	if err := os.Rename(path, path+".open"); err != nil {
		t.Fatal(err)
	}
	check("a file is open", "2026-11-01 00:30:00", "was not closed by the collector")
}
