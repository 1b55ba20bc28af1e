package config

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// What is dumped says the same when it is read again, and no password.
func TestDump(t *testing.T) {
	reference, err := Load("../../../nfacct.toml")
	if err != nil {
		t.Fatal(err)
	}
	dump := func(c *Config) string {
		var out bytes.Buffer
		if err := c.Dump(&out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	text := dump(reference)
	again, err := Parse(filepath.Join(t.TempDir(), "nfacct.toml"), text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if dump(again) != text {
		t.Errorf("read again it is\n%s", dump(again))
	}
	reference.Database.DSN = "nfacct:geheim@tcp(127.0.0.1:3306)/nfacct"
	if text := dump(reference); strings.Contains(text, "geheim") || !strings.Contains(text, "127.0.0.1:3306") {
		t.Errorf("the DSN is not right: %s", text)
	}
}
