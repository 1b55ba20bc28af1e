package mail

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
)

// Config says how mail leaves this machine, and to whom.
type Config struct {
	// Server is a host or host:port that takes mail by SMTP. Without a port it is
	// that of TLS: 587, 465 or 25.
	Server string `toml:"server"`
	// TLS is starttls, tls, opportunistic or none. The first two are refused to
	// fall back: a server without TLS, or with a certificate of somebody else,
	// gets nothing.
	TLS string `toml:"tls"`
	// CAFile holds the authorities (PEM) that the server's certificate is checked
	// by, instead of those of the system.
	CAFile string `toml:"ca_file"`
	// User and PasswordFile log in; only the owner may read the file.
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
	// Auth is how to log in: auto, plain, login, cram-md5, scram-sha-256 or
	// xoauth2, whose password is the token.
	Auth string `toml:"auth"`
	// Helo is the name that this machine calls itself by.
	Helo string `toml:"helo"`
	// Sendmail is a program that takes mail on its standard input, instead of a
	// server.
	Sendmail string `toml:"sendmail"`
	// From is the sender, an address or Name <address>.
	From string `toml:"from"`
	// ReplyTo is where answers go.
	ReplyTo string `toml:"reply_to"`
	// To get the report of everything; WeeklyTo and MonthlyTo those of weeks and
	// months, where they are others.
	To        []string `toml:"to"`
	WeeklyTo  []string `toml:"weekly_to"`
	MonthlyTo []string `toml:"monthly_to"`
	// Rows is how many hosts the mail itself lists; the workbook has all.
	Rows         int    `toml:"rows"`
	DKIMDomain   string `toml:"dkim_domain"`
	DKIMSelector string `toml:"dkim_selector"`
	DKIMKeyFile  string `toml:"dkim_key_file"`
}

// The values of Config.TLS.
const (
	TLSStart         = "starttls"
	TLSImplicit      = "tls"
	TLSOpportunistic = "opportunistic"
	TLSNone          = "none"
)

// credential is the systemd credential that takes the password file's place.
const credential = "mail_password"

// DefaultConfig sends nothing until a server, a sender and a recipient are named.
func DefaultConfig() Config {
	return Config{TLS: TLSStart, Auth: "auto", To: []string{}, WeeklyTo: []string{}, MonthlyTo: []string{}, Rows: 25}
}

// mostRows is what fits into a mail that Gmail does not clip: it does at 102 KB,
// and a row takes about 400 bytes.
const mostRows = 100

// Enabled says whether there is a way to send.
func (c Config) Enabled() bool { return c.Server != "" || c.Sendmail != "" }

// Check calls report for each value that cannot work.
func (c Config) Check(report func(key, problem, remedy string)) {
	if c.Server != "" && c.Sendmail != "" {
		report("sendmail", "server is set too", "keep one of the two")
	}
	if c.Server != "" {
		if _, _, err := c.address(); err != nil {
			report("server", err.Error(), `write a host, or host:port such as "mail.example.net:587"`)
		}
	}
	switch c.TLS {
	case TLSStart, TLSImplicit, TLSOpportunistic, TLSNone:
	default:
		report("tls", fmt.Sprintf("%q is not a way to use TLS", c.TLS), "write starttls, tls, opportunistic or none")
	}
	if _, ok := authTypes[c.Auth]; !ok {
		report("auth", fmt.Sprintf("%q is not a way to log in", c.Auth), "write auto, plain, login, cram-md5, scram-sha-256 or xoauth2")
	}
	if c.CAFile != "" {
		if _, err := authorities(c.CAFile); err != nil {
			report("ca_file", err.Error(), "name a file with certificates in PEM form")
		}
	}
	if c.PasswordFile != "" {
		if _, err := readSecret(c.PasswordFile); err != nil {
			report("password_file", err.Error(), "write the password, alone, into a file of mode 0600")
		}
		if c.User == "" {
			report("user", "a password without a user", "name the user to log in as")
		}
	}
	if c.User != "" && c.TLS != TLSStart && c.TLS != TLSImplicit && !loopback(c.Server) {
		report("tls", "a password would travel readable", "write starttls or tls, or leave user out")
	}
	if c.Sendmail != "" {
		if info, err := os.Stat(c.Sendmail); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			report("sendmail", fmt.Sprintf("%s is not a program", c.Sendmail), "name the sendmail of the mail server here, often /usr/sbin/sendmail")
		}
	}
	if c.From == "" && c.Enabled() {
		report("from", "no sender is named", `write for example from = "nfacct <nfacct@example.net>"`)
	}
	for _, key := range []struct {
		name string
		list []string
	}{{"from", one(c.From)}, {"reply_to", one(c.ReplyTo)}, {"to", c.To}, {"weekly_to", c.WeeklyTo}, {"monthly_to", c.MonthlyTo}} {
		for _, text := range key.list {
			if _, err := ParseAddress(text); err != nil {
				report(key.name, err.Error(), `write an address such as "head@example.net"`)
			}
		}
	}
	if c.Rows < 1 || c.Rows > mostRows {
		report("rows", fmt.Sprintf("%d is not from 1 to %d", c.Rows, mostRows), "the workbook has every host; a mail that is too long is clipped")
	}
	c.checkDKIM(report)
}

// one is a list of an address that may be left out.
func one(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

func (c Config) checkDKIM(report func(key, problem, remedy string)) {
	set := 0
	for _, value := range []string{c.DKIMDomain, c.DKIMSelector, c.DKIMKeyFile} {
		if value != "" {
			set++
		}
	}
	switch {
	case set == 0:
	case set < 3:
		report("dkim_key_file", "a part of DKIM is missing", "set dkim_domain, dkim_selector and dkim_key_file, or none of them")
	default:
		if _, err := readSigner(c); err != nil {
			report("dkim_key_file", err.Error(), "write the private key (RSA or Ed25519, PEM) into a file of mode 0600")
		}
	}
}

// Recipients are who gets the report of everything for a kind of period.
func (c Config) Recipients(kind string) []string {
	switch {
	case kind == "week" && len(c.WeeklyTo) > 0:
		return c.WeeklyTo
	case kind == "month" && len(c.MonthlyTo) > 0:
		return c.MonthlyTo
	}
	return c.To
}

// ParseAddress reads one address of a person or list. It has to be of ASCII, and
// short enough for SMTP (RFC 5321, 4.5.3.1.3).
func ParseAddress(text string) (*mail.Address, error) {
	addr, err := mail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no mail address", text)
	}
	for i := range len(addr.Address) {
		if c := addr.Address[i]; c <= ' ' || c >= 0x7f {
			return nil, fmt.Errorf("%q has letters that not every mail server takes", text)
		}
	}
	if len(addr.Address) > 254 {
		return nil, fmt.Errorf("the address %.20q... is longer than 254 bytes", addr.Address)
	}
	return addr, nil
}

// address divides the server into host and port; 0 is the usual one.
func (c Config) address() (host string, port int, err error) {
	host = c.Server
	if h, p, err := net.SplitHostPort(c.Server); err == nil {
		if port, err = net.LookupPort("tcp", p); err != nil || port == 0 {
			return "", 0, fmt.Errorf("%q has no port that could be", c.Server)
		}
		host = h
	}
	host = strings.Trim(host, "[]")
	if host == "" || strings.ContainsAny(host, " /@") {
		return "", 0, fmt.Errorf("%q is no host", c.Server)
	}
	return host, port, nil
}

// loopback says whether the server is on this machine, to whom a password may
// travel readable.
func loopback(server string) bool {
	host, _, err := Config{Server: server}.address()
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// password is the secret to log in with: of the file, or of systemd's credential.
func (c Config) password() (string, error) {
	name := c.PasswordFile
	if folder := os.Getenv("CREDENTIALS_DIRECTORY"); name == "" && folder != "" {
		name = filepath.Join(folder, credential)
	}
	if name == "" {
		return "", errors.New("no password: name a file in mail.password_file, or give the systemd credential " + credential)
	}
	secret, err := readSecret(name)
	return strings.TrimRight(string(secret), "\r\n"), err
}

// readSecret reads a file that only its owner may read, or that systemd guards:
// its credentials are of mode 0440 in a folder that only the service enters.
func readSecret(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	guarded := folder != "" && filepath.Dir(name) == filepath.Clean(folder)
	if mode := info.Mode().Perm(); mode&0o077 != 0 && !guarded {
		return nil, fmt.Errorf("%s has mode %04o: others can read it; chmod 600 it", name, mode)
	}
	secret, err := os.ReadFile(name)
	if err == nil && len(strings.TrimSpace(string(secret))) == 0 {
		err = fmt.Errorf("%s is empty", name)
	}
	return secret, err
}

// authorities reads certificates.
func authorities(name string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", name)
	}
	return pool, nil
}
