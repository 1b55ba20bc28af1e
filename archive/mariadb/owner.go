package mariadb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// The private server runs as the owner of its folder, root included among those
// who may start it: a mariadbd that runs as root reads and writes every file of the
// machine for whoever can send it a statement.

// account is who the private server runs as.
type account struct{ uid, gid int }

// serverUsers are who the server runs as where root owns the state folder: the
// account that MariaDB's packages make, else the one that owns nothing.
var serverUsers = []string{"mysql", "nobody"}

// ownerOf is who owns a file.
func ownerOf(info fs.FileInfo) account {
	status := info.Sys().(*syscall.Stat_t)
	return account{int(status.Uid), int(status.Gid)}
}

// credential is what a program of the server is started with; nil as we are.
func (o account) credential() *syscall.Credential {
	if o.uid == os.Geteuid() {
		return nil
	}
	return &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
}

// enters says whether an account can come to a folder through all those above it.
func (o account) enters(folder string) bool { return o.closed(folder) == nil }

// closed are the folders above one that an account cannot pass.
func (o account) closed(folder string) (closed []string) {
	for at := filepath.Dir(folder); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return append(closed, at)
		}
		owner, bit := ownerOf(info), fs.FileMode(0o001)
		switch {
		case owner.uid == o.uid:
			bit = 0o100
		case owner.gid == o.gid:
			bit = 0o010
		}
		if info.Mode().Perm()&bit == 0 {
			closed = append(closed, at)
		}
		if at == filepath.Dir(at) {
			return closed
		}
	}
}

// serverAccount chooses who owns a folder of the private server when root sets it
// up: the owner of the folder that it stands in, or where that is root too one of
// serverUsers that can come to it. reached is false when none can.
func serverAccount(folder string) (_ account, reached bool, err error) {
	info, err := os.Stat(filepath.Dir(folder))
	if err != nil {
		return account{}, false, err
	}
	if owner := ownerOf(info); owner.uid != 0 {
		return owner, owner.enters(folder), nil
	}
	for _, name := range serverUsers {
		if o, known := lookup(name); known && o.enters(folder) {
			return o, true, nil
		}
	}
	return account{0, 0}, false, nil
}

func lookup(name string) (_ account, known bool) {
	found, err := user.Lookup(name)
	if err != nil {
		return account{}, false
	}
	uid, _ := strconv.Atoi(found.Uid)
	gid, _ := strconv.Atoi(found.Gid)
	return account{uid, gid}, true
}

// ServedByRoot says that the server of a folder has to run as root, and how to change
// that; "" when it does not.
func ServedByRoot(folder string) (remedy string) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return ""
	}
	if info, err := os.Stat(folder); err != nil || ownerOf(info).uid != 0 {
		return ""
	}
	return rootRemedy(folder)
}

// rootRemedy is what lets another user than root have a folder.
func rootRemedy(folder string) string {
	o, known := account{}, false
	if info, err := os.Stat(filepath.Dir(folder)); err == nil && ownerOf(info).uid != 0 {
		o, known = ownerOf(info), true
	}
	for i := 0; i < len(serverUsers) && !known; i++ {
		o, known = lookup(serverUsers[i])
	}
	if !known {
		return "make a user named " + serverUsers[0] + ", then start nfacct run again"
	}
	if closed := o.closed(folder); closed != nil {
		return "chmod o+x " + strings.Join(closed, " ") + ", or let state name a folder elsewhere; then start nfacct run again"
	}
	return fmt.Sprintf("start nfacct run again as root: the folder becomes that of user id %d", o.uid)
}

// give makes a folder and all in it an account's. Links are not followed.
func give(folder string, to account) error {
	return filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, to.uid, to.gid)
	})
}

// Own gives what root made in the private server's folder to the folder's owner:
// left to root, it would lock out whoever runs nfacct as that user.
func Own(name string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(name))
	if err != nil {
		return err
	}
	owner := ownerOf(info)
	if err := os.Lchown(name, owner.uid, owner.gid); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
