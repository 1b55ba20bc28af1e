package mail

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"nfacct/archive"
)

// ledger is a private database that the tests share, since one takes seconds to
// make. Each test begins with it empty.
var ledger *archive.Archive

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	folder, err := os.MkdirTemp("", "nfacct-mail-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	cfg := archive.DefaultConfig()
	cfg.Folder = filepath.Join(folder, "database")
	ledger, err = archive.Open(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer ledger.Close()
	return m.Run()
}
