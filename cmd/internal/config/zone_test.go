package config

import (
	"os"
	"path/filepath"
	"testing"
)

// The machine's own zone has a name, however the machine says which it is.
func TestLocalZone(t *testing.T) {
	if zone, set := os.LookupEnv("TZ"); set {
		os.Unsetenv("TZ")
		defer os.Setenv("TZ", zone)
	}
	berlin, err := os.ReadFile("/usr/share/zoneinfo/Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	for _, err := range []error{
		os.Symlink("/usr/share/zoneinfo/Europe/Berlin", at("link")),
		os.WriteFile(at("copy"), berlin, 0o644), os.WriteFile(at("timezone"), []byte("Europe/Berlin\n"), 0o644),
		os.WriteFile(at("stale"), []byte("Asia/Tokyo\n"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name string
		machine
		tz    string
		want  string
		known bool
	}{
		{"link", machine{at("link"), nil}, "", "Europe/Berlin", true},
		{"copy and name", machine{at("copy"), []string{at("timezone")}}, "", "Europe/Berlin", true},
		{"name of another zone", machine{at("link"), []string{at("stale")}}, "", "Europe/Berlin", true},
		{"nothing", machine{at("none"), nil}, "", "UTC", false},
		{"TZ", machine{at("none"), nil}, "Asia/Tokyo", "Asia/Tokyo", true},
		{"TZ with a colon", machine{at("link"), nil}, ":Asia/Tokyo", "Asia/Tokyo", true},
		{"TZ as a path", machine{at("link"), nil}, "/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo", true},
		{"TZ that is none", machine{at("link"), nil}, "Nowhere/City", "UTC", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.tz != "" {
				t.Setenv("TZ", test.tz)
			}
			loc, known := test.localZone()
			if loc.String() != test.want || known != test.known {
				t.Errorf("%v, %v; want %s, %v", loc, known, test.want, test.known)
			}
		})
	}
	// A copy without a name is found by its data; several names have the same.
	if loc, known := (machine{at("copy"), nil}).localZone(); !known || !sameZone(loc.String(), berlin) {
		t.Errorf("copy: %v", loc)
	}
}
