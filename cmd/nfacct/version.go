package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is the source that the program was built from.
type build struct {
	Version  string `json:"version"` // of the module: a tag, or a pseudo-version with the commit's time
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // the work tree had changes that are in no commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// release is the version that a package gives; make package sets it.
var release string

// thisBuild reads the data that the Go command stamps into the program.
func thisBuild() build {
	b := build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
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

func (b build) String() string {
	commit := b.Commit
	switch {
	case commit == "":
		commit = "unknown"
	case b.Modified:
		commit += " with changes"
	}
	return fmt.Sprintf("nfacct %s, commit %s, %s %s", b.Version, commit, b.Go, b.Platform)
}

// version names the build in reports.
func version() string { return "nfacct " + thisBuild().Version }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "the version, its commit and the Go version",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if a.json {
				return a.printJSON(b)
			}
			_, err := fmt.Fprintln(a.out, b)
			return err
		},
	}
}
