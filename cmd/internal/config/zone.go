package config

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// zoneFolders are where systems keep the data of time zones (Go's time package
// looks in the same).
var zoneFolders = []string{"/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/usr/lib/locale/TZ", "/etc/zoneinfo"}

// machine is where a system says which zone its clock is in.
type machine struct {
	localtime string   // the zone's data, or a link to it
	names     []string // files with its name: Debian's, FreeBSD's
}

var thisMachine = machine{"/etc/localtime", []string{"/etc/timezone", "/var/db/zoneinfo"}}

// localZone is the machine's own zone by its real name, so that a report says which
// it is of. known is false when the machine has none; its clock is then read as UTC.
func (m machine) localZone() (loc *time.Location, known bool) {
	if text, set := os.LookupEnv("TZ"); set {
		text = strings.TrimPrefix(text, ":")
		if text == "" { // as Go and the C library have it
			return time.UTC, true
		}
		if loc, err := time.LoadLocation(zoneName(text)); err == nil {
			return loc, true
		}
		return time.UTC, false
	}
	target, err := filepath.EvalSymlinks(m.localtime)
	if err != nil {
		return time.UTC, false
	}
	// The name before the links, which may lead to another name of the same zone.
	candidates := []string{}
	if link, err := os.Readlink(m.localtime); err == nil {
		candidates = append(candidates, zoneName(link))
	}
	candidates = append(candidates, zoneName(target))
	data, err := os.ReadFile(target)
	if err != nil {
		return time.UTC, false
	}
	for _, file := range m.names {
		if text, err := os.ReadFile(file); err == nil {
			candidates = append(candidates, strings.TrimSpace(string(text)))
		}
	}
	for _, name := range append(candidates, zoneOf(data)) {
		if sameZone(name, data) {
			if loc, err := time.LoadLocation(name); err == nil {
				return loc, true
			}
		}
	}
	return time.Local, true // a zone of its own that has no name
}

// zoneName is the name in a path of zone data: Europe/Berlin.
func zoneName(path string) string {
	if _, name, found := strings.Cut(path, "zoneinfo/"); found {
		return name
	}
	return path
}

// sameZone says whether a zone of that name has the data.
func sameZone(name string, data []byte) bool {
	if name == "" || filepath.IsAbs(name) {
		return false
	}
	for _, folder := range zoneFolders {
		if other, err := os.ReadFile(filepath.Join(folder, name)); err == nil {
			return bytes.Equal(other, data)
		}
	}
	return false
}

// zoneOf finds a zone by its data, which some systems copy instead of linking it.
func zoneOf(data []byte) (name string) {
	for _, folder := range zoneFolders {
		_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				if entry != nil && (entry.Name() == "posix" || entry.Name() == "right") {
					return fs.SkipDir
				}
				return nil
			}
			if info, err := entry.Info(); err != nil || info.Size() != int64(len(data)) {
				return nil
			}
			found := strings.TrimPrefix(path, folder+"/")
			if strings.Contains(found, "/") && sameZone(found, data) { // not localtime or posixrules
				name = found
				return fs.SkipAll
			}
			return nil
		})
		if name != "" {
			return name
		}
	}
	return ""
}
