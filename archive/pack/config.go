package pack

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"os"
	"path"
	"strings"
	"time"

	"nfacct/archive"
)

// Config says how months are packed.
type Config struct {
	// Late is what becomes of rows for a month that is packed: beside loads them into
	// tables of their days, which are read with it until it is packed again; wait
	// leaves their file unloaded.
	Late string `toml:"late"`
	// KeepMonths is how many finished months keep their flows; 0 keeps all.
	// Rollups and books stay for ever.
	KeepMonths int `toml:"keep_months"`
	// Method is myisampack, innodb, or auto: myisampack where its files can be
	// reached.
	Method string `toml:"method"`
	// Command begins the command line of tools that run where the server's files
	// are, as in ["ssh", "db", "sudo", "-u", "mysql"]. No shell of ours reads it.
	Command []string `toml:"command"`
	// Work is a folder for copies on the server's machine, on the disk of its
	// data directory; empty is one beside the private server's data, or inside a
	// given one's data directory.
	Work string `toml:"work"`
	// Timeout ends a tool that takes longer.
	Timeout time.Duration `toml:"timeout"`
}

// The values of Config.Late and Config.Method.
const (
	LateBeside = "beside"
	LateWait   = "wait"
	// lateUnpack was the default while a month was one table. It means beside: what
	// it was for, late rows that are not left out, is the same.
	lateUnpack = "unpack"

	MethodAuto       = "auto"
	MethodMyISAMPack = "myisampack"
	MethodInnoDB     = "innodb"
)

// DefaultConfig keeps everything.
func DefaultConfig() Config {
	return Config{Late: LateBeside, Method: MethodAuto, Command: []string{}, Timeout: 6 * time.Hour}
}

// Check calls report for each value that cannot work.
func (c Config) Check(report func(key, problem, remedy string)) {
	switch c.Late {
	case LateBeside, LateWait, lateUnpack:
	default:
		report("late", fmt.Sprintf("%q is not known", c.Late), "write beside or wait")
	}
	switch c.Method {
	case MethodAuto, MethodMyISAMPack, MethodInnoDB:
	default:
		report("method", fmt.Sprintf("%q is not a way to pack", c.Method), "write auto, myisampack or innodb")
	}
	if c.KeepMonths < 0 {
		report("keep_months", "there are no fewer than no months", "write 0 to keep all, or how many finished months keep their flows")
	}
	for _, word := range c.Command {
		if word == "" {
			report("command", "an empty word", `write each word of the command by itself, as in ["ssh", "db", "sudo", "-u", "mysql"]`)
			break
		}
	}
	if c.Work != "" && (!path.IsAbs(c.Work) || path.Clean(c.Work) == "/") {
		report("work", fmt.Sprintf("%q is not a path to a folder on the server's machine", c.Work), "write an absolute path on the disk of the server's data directory, to a folder that nothing else uses")
	}
	if c.Timeout < time.Minute {
		report("timeout", fmt.Sprintf("%v is too short for any tool", c.Timeout), `write for example "6h"`)
	}
}

// choose finds out how months can be packed on a server.
func (p *Packer) choose(place archive.Place) (string, *tools, error) {
	// Measured on the office: 19.6 bytes a flow live, 18.1 so, 7.1 packed.
	const otherwise = "; or set archive.method = \"innodb\", which needs no files, but saves only a tenth where packing saves two thirds"
	if p.cfg.Method == MethodInnoDB {
		if place.Private {
			return "", nil, fmt.Errorf("archive.method is innodb, but the private server has only MyISAM and Aria: set it to auto")
		}
		return MethodInnoDB, nil, nil
	}
	if place.NoMyISAM {
		if p.cfg.Method == MethodMyISAMPack {
			return "", nil, fmt.Errorf("archive.method is myisampack, but the server's administrator has turned MyISAM off: set it to auto or innodb")
		}
		return MethodInnoDB, nil, nil
	}
	if !place.MariaDB {
		return "", nil, fmt.Errorf("myisampack's tables can be put back into MariaDB only, and the server is MySQL%s", otherwise)
	}
	work, shared := place.Work, ""
	if p.cfg.Work != "" || work == "" {
		// A folder of our own in it, and in that one for each database: what is left
		// of a try is removed whole.
		shared = path.Join(cmp.Or(p.cfg.Work, place.Data), "nfacct_pack")
		work = path.Join(shared, fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(place.Folder))))
	}
	t := &tools{prefix: p.cfg.Command, work: work, shared: shared, database: place.Folder, timeout: p.cfg.Timeout, log: p.log}
	if len(p.cfg.Command) > 0 {
		// ssh hands its words to a shell over there.
		for _, name := range []string{work, place.Folder} {
			if strings.Trim(name, safe) != "" {
				return "", nil, fmt.Errorf("%q is a path that a shell might not take as it is: set archive.work, or datadir, to letters, digits and the signs / - _ only", name)
			}
		}
		return MethodMyISAMPack, t, nil
	}
	info, err := os.Stat(place.Folder)
	if err != nil {
		return "", nil, fmt.Errorf("the server's files in %s cannot be reached from here (%w): set archive.command to what runs a tool beside them, as in [\"ssh\", \"db\", \"sudo\", \"-u\", \"mysql\"]%s", place.Folder, err, otherwise)
	}
	if err := t.become(info); err != nil {
		return "", nil, err
	}
	return MethodMyISAMPack, t, t.find()
}

// safe are the characters of paths that no shell changes.
const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.-@"
