// Package build tells which nfacct this is.
package build

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Build is the source that the program was built from.
type Build struct {
	Version  string `json:"version"` // of the module: a tag, or a pseudo-version with the commit's time
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // the work tree had changes that are in no commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// release is the version that a package gives; make package sets it.
var release string

// This reads the data that the Go command stamps into the program.
func This() Build {
	b := Build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := cmp.Or(release, info.Main.Version); v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

func (b Build) String() string {
	commit := b.Commit
	switch {
	case commit == "":
		commit = "unknown"
	case b.Modified:
		commit += " with changes"
	}
	return fmt.Sprintf("nfacct %s, commit %s, %s %s", b.Version, commit, b.Go, b.Platform)
}

// Program names the build in reports.
func Program() string { return "nfacct " + This().Version }
