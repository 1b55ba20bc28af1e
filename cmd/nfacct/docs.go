//go:build packaging

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"nfacct/cmd/internal/build"
	"nfacct/cmd/internal/exit"

	"github.com/spf13/cobra/doc"
)

// main of this build writes the man pages and completions of all commands into a
// folder: go run -tags packaging ./cmd/nfacct FOLDER. The program itself needs none
// of it.
func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run -tags packaging ./cmd/nfacct FOLDER")
		os.Exit(exit.CodeUsage)
	}
	if err := writeDocs(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exit.CodeFailed)
	}
}

func writeDocs(folder string) error {
	man, completions := filepath.Join(folder, "man"), filepath.Join(folder, "completions")
	for _, name := range []string{man, completions} {
		if err := os.MkdirAll(name, 0o755); err != nil {
			return err
		}
	}
	a := &app{in: os.Stdin, out: io.Discard, errOut: io.Discard}
	root := a.rootCommand()
	root.InitDefaultCompletionCmd()
	root.DisableAutoGenTag = true
	// The pages of one source are the same whenever they are made.
	day := time.Unix(0, 0).UTC()
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: build.This().Version, Manual: "nfacct", Date: &day}, man); err != nil {
		return err
	}
	return errors.Join(
		root.GenBashCompletionFileV2(filepath.Join(completions, "nfacct.bash"), true),
		root.GenZshCompletionFile(filepath.Join(completions, "_nfacct")),
		root.GenFishCompletionFile(filepath.Join(completions, "nfacct.fish"), true),
	)
}
