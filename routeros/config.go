package routeros

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Config says how one router is reached.
type Config struct {
	// Name is what messages call the router.
	Name string `toml:"-"`
	// Address is a name or an address, with a port if it is not 8729 (api-ssl) or
	// 8728 (api). Empty: this router is not managed.
	Address string `toml:"address"`
	// API is api-ssl, which is also meant when it is empty, or api.
	API string `toml:"api"`
	// User is who logs in; nfacct when empty.
	User string `toml:"user"`
	// PasswordFile holds the password; only its owner may read it. When empty,
	// the systemd credential router_NAME_password is looked for.
	PasswordFile string `toml:"password_file"`
	// Fingerprint pins the certificate: SHA-256 of its DER form, in hexadecimal
	// digits, with colons or without, behind "sha256:" or not.
	Fingerprint string `toml:"fingerprint"`
	// CAFile holds certificates in PEM form, one of which signed the router's.
	CAFile string `toml:"ca_file"`
	// LegacyTLS also offers the RSA key exchange that some RouterOS 6 want and
	// that Go leaves off, since who learns the router's key reads old recordings.
	LegacyTLS bool `toml:"legacy_tls"`
	// Interfaces are the interfaces or interface lists whose traffic is exported;
	// when empty, those of Provision, or what the router's default route says.
	Interfaces []string `toml:"interfaces"`
	// CodePage is how names and comments on the router that are not UTF-8 are read,
	// such as windows-1252; when empty they are not.
	CodePage string `toml:"code_page"`

	// Timeout bounds every single operation; 0 is DefaultTimeout.
	Timeout time.Duration `toml:"-"`
}

// DefaultTimeout is how long one operation may take: a connection, a handshake,
// a login, a command with all of its answer.
const DefaultTimeout = 10 * time.Second

const (
	apiTLS   = "api-ssl"
	apiPlain = "api"

	portTLS   = "8729"
	portPlain = "8728"

	defaultUser = "nfacct"
)

// Managed says whether the router is to be talked to at all.
func (c Config) Managed() bool { return c.Address != "" }

func (c Config) tls() bool { return c.API != apiPlain }

func (c Config) user() string {
	if c.User == "" {
		return defaultUser
	}
	return c.User
}

func (c Config) timeout() time.Duration {
	if c.Timeout <= 0 {
		return DefaultTimeout
	}
	return c.Timeout
}

// hostPort is the address to dial.
func (c Config) hostPort() string {
	if _, _, err := net.SplitHostPort(c.Address); err == nil {
		return c.Address
	}
	port := portPlain
	if c.tls() {
		port = portTLS
	}
	return net.JoinHostPort(strings.Trim(c.Address, "[]"), port)
}

// host is the name or address alone.
func (c Config) host() string {
	host, _, err := net.SplitHostPort(c.hostPort())
	if err != nil {
		return c.Address
	}
	return host
}

// Check calls report for each value that cannot work. A file that this user may not
// open is no fault: whoever only makes a report need not read passwords.
func (c Config) Check(report func(key, problem, remedy string)) {
	if !c.Managed() {
		for _, set := range []struct {
			key string
			is  bool
		}{{"api", c.API != "" && c.API != apiTLS}, {"user", c.User != "" && c.User != defaultUser}, {"password_file", c.PasswordFile != ""}, {"fingerprint", c.Fingerprint != ""}, {"ca_file", c.CAFile != ""}} {
			if set.is {
				report(set.key, "nobody reads it while address is empty", `add address = "192.168.88.1", or leave it out`)
			}
		}
		return
	}
	host, port, err := net.SplitHostPort(c.hostPort())
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || host == "" || bad != nil || n == 0 || strings.ContainsAny(host, " /@") {
		report("address", fmt.Sprintf("%q is not an address to connect to", c.Address), `write for example "192.168.88.1" or "192.168.88.1:8729"`)
	}
	switch c.API {
	case "", apiTLS, apiPlain:
	default:
		report("api", fmt.Sprintf("%q is no service of RouterOS that nfacct speaks", c.API), "write api-ssl or api")
	}
	if c.Fingerprint != "" {
		if _, err := parseFingerprint(c.Fingerprint); err != nil {
			report("fingerprint", err.Error(), "nfacct provision --trust prints the line to put here")
		}
	}
	if c.API == apiPlain && (c.Fingerprint != "" || c.CAFile != "") {
		report("api", "fingerprint and ca_file are of a certificate, and api has none", "write api-ssl, or leave them out")
	}
	if c.Fingerprint != "" && c.CAFile != "" {
		report("ca_file", "fingerprint is set too", "keep one of the two")
	}
	if c.PasswordFile != "" {
		if _, err := ReadSecret(c.PasswordFile); err != nil && !errors.Is(err, fs.ErrPermission) {
			report("password_file", err.Error(), "write a file of mode 0600 with the password in one line")
		}
	}
	if c.CAFile != "" {
		if _, err := os.Stat(c.CAFile); err != nil {
			report("ca_file", err.Error(), "name a file of certificates in PEM form")
		}
	}
	if c.CodePage != "" && codePages[c.CodePage] == nil {
		report("code_page", fmt.Sprintf("%q is no single-byte code page", c.CodePage), "write for example windows-1251, windows-1252, koi8-r or iso-8859-2")
	}
	for _, name := range c.Interfaces {
		if name == "" || strings.Contains(name, ",") {
			report("interfaces", fmt.Sprintf("%q is not the name of an interface or of an interface list", name), `write for example interfaces = ["WAN"]`)
		}
	}
}

// password reads the password of the user. Its errors quote nothing of it.
func (c Config) password() (string, error) {
	if c.PasswordFile != "" {
		return ReadSecret(c.PasswordFile)
	}
	name := "router_" + c.Name + "_password"
	if folder := os.Getenv("CREDENTIALS_DIRECTORY"); folder != "" && !strings.ContainsRune(c.Name, filepath.Separator) {
		secret, err := ReadSecret(filepath.Join(folder, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return secret, err
		}
	}
	return "", fmt.Errorf("no password is configured")
}

// maxSecret is the longest password that a file may hold.
const maxSecret = 4096

// ReadSecret reads the one line of a file that only its owner may read. Errors
// never quote the content.
func ReadSecret(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && !underSystemd(name) {
		return "", fmt.Errorf("%s has mode %04o: others can read the password; chmod 600 it", name, mode)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecret {
		return "", fmt.Errorf("%s is not a file with one line", name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if strings.ContainsAny(secret, "\r\n\x00") {
		return "", fmt.Errorf("%s has more than one line", name)
	}
	return secret, nil
}

// underSystemd reports whether systemd guards the file: credentials are of mode
// 0440 with an ACL in a folder that only the service enters.
func underSystemd(name string) bool {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	return folder != "" && filepath.Dir(name) == filepath.Clean(folder)
}

// parseFingerprint reads a SHA-256 in hexadecimal digits.
func parseFingerprint(text string) (sum [32]byte, err error) {
	digits := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(text)), "sha256:")
	digits = strings.ReplaceAll(digits, ":", "")
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != len(sum) {
		return sum, fmt.Errorf("%q is not a SHA-256 fingerprint of 64 hexadecimal digits", text)
	}
	return [32]byte(b), nil
}

// formatFingerprint is how fingerprints are shown and configured.
func formatFingerprint(sum [32]byte) string {
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return "sha256:" + strings.Join(parts, ":")
}
