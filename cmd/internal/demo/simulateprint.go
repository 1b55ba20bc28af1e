package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"nfacct/routeros/routerostest"
)

// SimulatedRouter is what is printed of it.
type SimulatedRouter struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	API          string `json:"api,omitempty"`
	APISSL       string `json:"api_ssl,omitempty"`
	Fingerprint  string `json:"fingerprint,omitempty"`
	User         string `json:"user"`
	PasswordFile string `json:"password_file"`
	Hosts        int    `json:"hosts"`
	Proxy        string `json:"proxy"`
	// Faults are what goes wrong, by name.
	Faults []string `json:"faults,omitempty"`
	// Configuration is the file that was written for it.
	Configuration string `json:"configuration,omitempty"`
}

// print says where the device is, and what nfacct.toml wants to know of it.
func (r *SimulatedRouter) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "RouterOS %s with an office of %d hosts, simulated.\n\n", r.Version, r.Hosts)
	line := func(what, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-13s %s\n", what, value)
		}
	}
	line("api", r.API)
	line("api-ssl", r.APISSL)
	line("certificate", r.Fingerprint)
	line("user", r.User)
	line("password in", r.PasswordFile)
	line("proxy", r.Proxy)
	line("goes wrong", strings.Join(r.Faults, ", "))
	if r.Configuration != "" {
		fmt.Fprintf(&b, "\n%s is its configuration.\n", r.Configuration)
	} else {
		b.WriteString("\nFor nfacct.toml:\n\n" + r.section())
	}
	b.WriteString("\nNothing is exported until traffic-flow is on: nfacct provision. Ctrl-C ends it.\n")
	_, err := fmt.Fprint(w, b.String())
	return err
}

// section is the router as nfacct.toml has it.
func (r *SimulatedRouter) section() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[[router]]\nname = %q\nexport = [\"127.0.0.1\"]\n", r.Name)
	if r.APISSL != "" && r.Fingerprint != "" {
		fmt.Fprintf(&b, "address = %q\nfingerprint = %q\n", r.APISSL, r.Fingerprint)
	} else {
		address, service := r.API, "api"
		if address == "" {
			address, service = r.APISSL, "api-ssl"
		}
		fmt.Fprintf(&b, "address = %q\napi = %q\n", address, service)
	}
	fmt.Fprintf(&b, "user = %q\npassword_file = %q\nproxies = [%q]\n", r.User, r.PasswordFile, r.Proxy)
	return b.String()
}

// tomlMark begins a configuration that was written here, and may be written anew.
const tomlMark = "# For the router of nfacct simulate router, which writes this file anew.\n"

// write writes a whole configuration. A file of somebody else's stays as it is.
func (r *SimulatedRouter) write(name, collector string) error {
	was, err := os.ReadFile(name)
	if err == nil && !bytes.HasPrefix(was, []byte(tomlMark)) {
		return fmt.Errorf("%s is there already, and not for a simulated router: name another file", name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := fmt.Sprintf(`%sstate = %q

[collector]
listen = [%q]

[provision]
inactive_timeout = "1s"   # so that the first datagram comes soon

%s`, tomlMark, strings.TrimSuffix(filepath.Base(name), ".toml")+"-state", collector, r.section())
	return renameio.WriteFile(name, []byte(text), 0o600)
}

// mishap is the index of a named mishap, or -1.
func mishap(name string) int {
	return slices.IndexFunc(routerostest.Mishaps(), func(m routerostest.Mishap) bool { return m.Name == name })
}

// FaultList is what --fault takes, a line each.
func FaultList() string {
	var b strings.Builder
	for _, m := range routerostest.Mishaps() {
		fmt.Fprintf(&b, "  %-13s %s\n", m.Name, m.Does)
	}
	return strings.TrimRight(b.String(), "\n")
}
