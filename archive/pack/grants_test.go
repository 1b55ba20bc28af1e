package pack

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"nfacct/archive"
)

// The GRANTs that are asked for at the first connection suffice for everything:
// pasted as they are, they let a user load, pack and unpack.
func TestGrants(t *testing.T) {
	t.Parallel()
	root := given(t)
	var socket string
	if err := root.DB().QueryRow("SELECT @@socket").Scan(&socket); err != nil {
		t.Fatal(err)
	}
	if _, err := root.DB().Exec("CREATE USER nf@localhost IDENTIFIED BY 'secret'"); err != nil {
		t.Fatal(err)
	}
	dsn := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(dsn, []byte("nf:secret@unix("+socket+")/nfacct"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := archive.DefaultConfig()
	cfg.DSNFile, cfg.PackFiles = dsn, true
	statement := regexp.MustCompile(`run: (GRANT [A-Z, ]+ ON \S+ TO (?:the user|'nf'@'localhost'))`)
	var a *archive.Archive
	for tries := 0; ; tries++ {
		var err error
		if a, err = archive.Open(t.Context(), cfg, testLog()); err == nil {
			break
		}
		wanted := statement.FindAllStringSubmatch(err.Error(), -1)
		if wanted == nil || tries == 5 {
			t.Fatal(err)
		}
		for _, found := range wanted {
			t.Log(found[1])
			text := regexp.MustCompile(`the user$`).ReplaceAllString(found[1], "nf@localhost")
			if _, err := root.DB().Exec(text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
	}
	t.Cleanup(func() { a.Close() })
	mustLoad(t, a, file{1, 5000, october.First(), 31}, file{2, 50, november.First(), 3})
	p := New(DefaultConfig(), a, testLog())
	if r, err := p.Pack(t.Context(), october, Options{Wait: time.Minute}); err != nil || r.Method != MethodMyISAMPack {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := p.Unpack(t.Context(), october, Options{Wait: time.Minute}); err != nil && !errors.Is(err, archive.ErrPacked) {
		t.Fatal(err)
	}
}
