package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

func TestFolderProblem(t *testing.T) {
	c, err := Parse("/etc/nfacct.toml", "# ours\nstate = \"/srv/nfacct\"\n[spool]\nfolder = \"/var/spool/flows\"\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path string
		err  error
		want string // the beginning; "" for as it was
	}{
		{"/srv/nfacct/database", syscall.EACCES, "/etc/nfacct.toml:2: state: folder /srv/nfacct cannot be used: mkdir /srv/nfacct/database: permission denied; make it a folder of "},
		{"/srv", syscall.EROFS, "/etc/nfacct.toml:2: state: folder /srv/nfacct cannot be used: mkdir /srv: read-only file system; "},
		{"/var/spool/flows/2026-11-23", syscall.ENOTDIR, "/etc/nfacct.toml:4: spool.folder: folder /var/spool/flows cannot be used: "},
		{"/srv/nfacct", syscall.ENOENT, "/etc/nfacct.toml:2: state: folder /srv/nfacct cannot be used: mkdir /srv/nfacct: no such file or directory; "},
		{"/srv/nfacct", syscall.EEXIST, "/etc/nfacct.toml:2: state: "},
		{"/srv/nfacct", syscall.ELOOP, "/etc/nfacct.toml:2: state: "},
		{"/srv/nfacct-other", syscall.EACCES, ""},
		{"/srv/nfacct/spool", syscall.ENOSPC, ""},
	} {
		err := fmt.Errorf("spool: %w", &fs.PathError{Op: "mkdir", Path: tt.path, Err: tt.err})
		got := c.FolderProblem(err)
		if tt.want == "" && got != err || tt.want != "" && !strings.HasPrefix(got.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.path, got, tt.want)
		}
	}
	if other := errors.New("x"); c.FolderProblem(other) != other || c.FolderProblem(nil) != nil {
		t.Error("changed")
	}
}
