package main

import (
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows is the map of the house: which packages of ours each package may
// import. A datagram walks the road one way; imports walk it the other way. To
// add an arrow, change this table first. "*" is every stage, and for cmd/nfacct every
// package.
var arrows = map[string][]string{
	"cmd/nfacct":             {"*"},
	"cmd/internal/config":    {"*", "cmd/internal/schedule"},
	"cmd/internal/schedule":  {},
	"cmd/internal/provision": {"*", "cmd/internal/config", "cmd/internal/exit", "cmd/internal/stages"},
	"cmd/internal/stages":    {"*", "cmd/internal/build", "cmd/internal/config", "cmd/internal/exit"},
	"cmd/internal/terminal":  {"report/phrase"},
	"cmd/internal/build":     {},
	"cmd/internal/demo":      {"*", "cmd/internal/config", "cmd/internal/exit", "cmd/internal/provision", "cmd/internal/stages", "cmd/internal/terminal"},
	"cmd/internal/exit":      {"archive"},
	"cmd/internal/daemon":    {"*", "cmd/internal/build", "cmd/internal/config", "cmd/internal/exit", "cmd/internal/provision", "cmd/internal/schedule", "cmd/internal/stages", "cmd/internal/terminal"},
	"routeros":               {},
	"routeros/routerostest":  {"routeros/officetest"},
	"routeros/officetest":    {},
	"collector/flow":         {},
	"collector/netflow":      {"collector/flow"},
	"collector/spool":        {},
	"collector":              {"collector/netflow", "collector/spool"},
	"importer":               {"collector/flow", "collector/netflow", "collector/spool", "archive", "importer/rules", "importer/attribution"},
	"importer/live":          {"importer", "collector/spool", "archive"},
	"importer/routers":       {"importer", "importer/attribution", "archive", "routeros"},
	"importer/rules":         {"collector/flow", "importer/attribution"},
	"importer/attribution":   {"collector/flow"},
	"archive":                {"archive/mariadb"},
	"archive/mariadb":        {},
	"archive/pack":           {"archive", "archive/mariadb"},
	"archive/archivetest":    {},
	"report":                 {"archive", "report/phrase", "report/squid"},
	"report/squid":           {"archive"},
	"report/phrase":          {},
	"report/query":           {"archive"},
	"report/sheet":           {},
	"report/chart":           {},
	"report/health":          {},
	"report/mail":            {"report", "report/chart", "report/phrase", "archive"},
	"report/web":             {"report", "report/phrase", "report/query", "report/chart", "report/sheet", "report/health", "report/web/access", "archive"},
	"report/web/access":      {},
	"report/web/webtest":     {}, // a module of its own: nfacct is built without what drives a browser

	// What predecessors kept; migratetest makes their tables anew.
	"importer/migrate":             {"collector/flow", "collector/spool", "archive", "importer"},
	"importer/migrate/migratetest": {"routeros/officetest"},
}

// doors are the ways out of a report, unaware of each other.
var doors = []string{"report/mail", "report/web", "report/alert"}

func TestDoorsAreApart(t *testing.T) {
	for _, door := range doors {
		for _, other := range doors {
			if slices.Contains(arrows[door], other) {
				t.Errorf("%s may import %s: what both need belongs below them", door, other)
			}
		}
	}
}

// TestCommandsAreThin: a file of this package is one command: its flags, its calls,
// its printing. A file that grows beyond that has something for a stage in it.
func TestCommandsAreThin(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(text), "\n"); lines > 300 && !strings.HasSuffix(name, "_test.go") {
			t.Errorf("%s has %d lines", name, lines)
		}
	}
}

// roots is what may stand at the top of the tree.
var roots = []string{
	"cmd", "routeros", "collector", "importer", "archive", "report",
	"nfacct.toml", "go.mod", "go.sum", "README.md",
	"LICENSE", "CHANGELOG.md", "Makefile", ".gitignore", ".ci", ".git",
}

const module = "nfacct/"

func TestHouse(t *testing.T) {
	top := filepath.Join("..", "..")
	names := tracked(t, top)
	for _, name := range names {
		root, _, _ := strings.Cut(name, "/")
		if !slices.Contains(roots, root) {
			t.Errorf("%s stands at the root, where nobody expects it", root)
		}
	}
	described := map[string]bool{}
	packages := map[string]bool{}
	files := 0
	for _, name := range names {
		if path.Ext(name) != ".go" || strings.Contains(name, "/testdata/") {
			continue
		}
		files++
		folder := path.Dir(name)
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(top, name), nil, parser.ParseComments)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed, and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		test := strings.HasSuffix(name, "_test.go")
		packages[folder] = true
		if file.Doc != nil && !test {
			described[folder] = true
		}
		if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "models"}, file.Name.Name) {
			t.Errorf("%s: package %s says nothing about what lives in it", name, file.Name.Name)
		}
		allowed, known := arrows[folder]
		if !known {
			t.Errorf("%s: package %s is not on the map", name, folder)
		}
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			ours, ok := strings.CutPrefix(imported, module)
			if !ok {
				continue
			}
			cmd := strings.HasPrefix(ours, "cmd/")
			switch {
			case cmd && !strings.HasPrefix(folder, "cmd/"):
				t.Errorf("%s imports %s: nobody imports cmd", name, ours)
			case test || slices.Contains(allowed, ours) || slices.Contains(allowed, "*") && (!cmd || folder == "cmd/nfacct"):
			default:
				t.Errorf("%s imports %s: an arrow that is not on the map", name, ours)
			}
		}
	}
	if files < 20 {
		t.Errorf("only %d Go files seen: the test looks in the wrong place", files)
	}
	for folder := range packages {
		if !described[folder] {
			t.Errorf("%s has no package comment", folder)
		}
	}
}

// tracked names the files of the commit, so that a stray file in a checkout fails
// nothing. A tree without git, such as an unpacked tarball, is taken whole.
func tracked(t *testing.T, top string) []string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z")
	list.Dir = top
	if out, err := list.Output(); err == nil && len(out) > 0 {
		return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	}
	var names []string
	err := fs.WalkDir(os.DirFS(top), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
