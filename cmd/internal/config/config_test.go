package config

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nfacct/cmd/internal/schedule"
)

var update = flag.Bool("update", false, "rewrite what the bad files are expected to say")

// The reference configuration lists every key with its default.
func TestReferenceFile(t *testing.T) {
	name := filepath.Join("..", "..", "..", "nfacct.toml")
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(name, string(source))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(name, "")
	if err != nil {
		t.Fatal(err)
	}
	// The file shows a router and a rule, since there is no default for them.
	if len(got.Routers) != 1 || len(got.Importer.Rules) != 1 || got.Importer.Rules[0].On() {
		t.Errorf("want one example of a router, and one of a rule that is off: %+v %+v", got.Routers, got.Importer.Rules)
	}
	got.Importer.Rules = nil
	// The same of departments and quotas.
	if len(got.Report.Departments) != 1 || len(got.Report.Quotas) != 1 || got.Report.Quotas[0].On() {
		t.Errorf("want one example of a department, and one of a quota that is off: %+v %+v", got.Report.Departments, got.Report.Quotas)
	}
	got.Report.Departments, got.Report.Quotas = nil, nil
	if diff := cmp.Diff(plain(want), plain(got), cmp.Comparer(func(a, b schedule.Spec) bool { return a.String() == b.String() })); diff != "" {
		t.Errorf("defaults of the code (-) and nfacct.toml (+) differ:\n%s", diff)
	}
	// Every key of the structs stands in the file.
	for key := range everyKey(reflect.TypeFor[Config](), "") {
		if key == "importer" { // only a part of importer.rule
			continue
		}
		if len(got.lines.all(key)) == 0 || got.lines[got.lines.all(key)[0]] == 0 {
			t.Errorf("nfacct.toml does not show %s", key)
		}
	}
	// Every key has its sentence: a comment on the line above it.
	text := strings.Split(string(source), "\n")
	for key, line := range got.lines {
		if above := strings.TrimSpace(text[max(line-2, 0)]); line > 1 && !strings.HasPrefix(text[line-1], "[") && !strings.HasPrefix(above, "#") {
			t.Errorf("line %d: %s has no comment above it", line, key)
		}
	}
}

// plain drops what is not configuration, and the example router.
func plain(c *Config) map[string]any {
	v := reflect.ValueOf(*c)
	m := map[string]any{}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && f.Name != "Routers" {
			m[f.Name] = v.Field(i).Interface()
		}
	}
	return m
}

func everyKey(t reflect.Type, path string) map[string]bool {
	keys := map[string]bool{}
	for name, field := range fields(t) {
		key := join(path, name)
		keys[key] = true
		for inner := range everyKey(field, key) {
			keys[inner] = true
		}
	}
	return keys
}

// A quota may leave out whatever its example shows as the default.
func TestQuotaDefaults(t *testing.T) {
	c, err := Parse("nfacct.toml", "[[report.quota]]\nname = \"a\"\nhard = \"5GiB\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if q := c.Report.Quotas[0]; q.Each != "host" || q.Period != "day" || !q.On() || q.Soft != 0 {
		t.Errorf("%+v", q)
	}
}

// Every way to get it wrong: a file each, whose first line is the message.
func TestBadFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(source), "\n")
			want, ok := strings.CutPrefix(first, "# want: ")
			if !ok {
				t.Fatal("the first line does not say what to expect")
			}
			_, err = Parse(filepath.Base(name), string(source))
			if err == nil {
				t.Fatal("was accepted")
			}
			if *update {
				line := "# want: " + strings.ReplaceAll(err.Error(), "\n", " | ")
				if err := os.WriteFile(name, []byte(line+strings.TrimPrefix(string(source), first)), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got := strings.ReplaceAll(err.Error(), "\n", " | "); got != want {
				t.Errorf("\n got: %s\nwant: %s", got, want)
			}
		})
	}
}

func TestLocate(t *testing.T) {
	source := `a = 1
b = [
  "x = 1", # not a key
  'y = 2',
]
[t]
s = """
q = 3
"""
"quoted" = 1
[[r]]
n = 1
[[r]]
n = 2
[r.sub]
k = 1
`
	want := lines{
		"a": 1, "b": 2, "t": 6, "t.s": 7, "t.quoted": 10,
		"r[0]": 11, "r[0].n": 12, "r[1]": 13, "r[1].n": 14, "r[1].sub": 15, "r[1].sub.k": 16,
	}
	if diff := cmp.Diff(want, locate(source)); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	names, _ := filepath.Glob("testdata/bad/*.toml")
	for _, name := range append(names, filepath.Join("..", "..", "..", "nfacct.toml")) {
		if source, err := os.ReadFile(name); err == nil {
			f.Add(string(source))
		}
	}
	f.Fuzz(func(t *testing.T, source string) {
		if _, err := Parse("fuzz.toml", source); err != nil && !strings.HasPrefix(err.Error(), "fuzz.toml:") {
			t.Errorf("error without a place: %v", err)
		}
	})
}

// Names on routers that are not UTF-8 are read by the office's language, unless
// the router has a code page of its own.
func TestCodePage(t *testing.T) {
	for source, want := range map[string]string{
		"":                            "windows-1252",
		"[report]\nlanguage = \"ru\"": "windows-1251",
		"[report]\nlanguage = \"ru\"\n[[router]]\ncode_page = \"koi8-r\"": "koi8-r",
	} {
		if !strings.Contains(source, "[[router]]") {
			source += "\n[[router]]"
		}
		c, err := Parse("x.toml", source+"\nname = \"gw\"\nexport = [\"192.0.2.1\"]\ninside = [\"10.0.0.0/8\"]\naddress = \"192.0.2.1\"\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Routers[0].CodePage; got != want {
			t.Errorf("%q: %s, want %s", source, got, want)
		}
	}
}
