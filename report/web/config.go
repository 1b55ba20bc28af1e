package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
)

// Config is where the page is, and who may see it.
type Config struct {
	// Listen is address and port; empty: there is no page.
	Listen string `toml:"listen"`
	// TLSCert and TLSKey are PEM files; empty: plain HTTP.
	TLSCert string `toml:"tls_cert"`
	TLSKey  string `toml:"tls_key"`
	// Users is the file that nfacct user writes.
	Users string `toml:"users"`
	// TrustedProxies are addresses and networks whose ProxyHeader names the user.
	TrustedProxies []string `toml:"trusted_proxies"`
	ProxyHeader    string   `toml:"proxy_header"`
	// Names are those that browsers may ask the page by, beside addresses and localhost.
	Names []string `toml:"names"`
}

// DefaultConfig is a page for this machine alone.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:8788", ProxyHeader: "X-Remote-User", TrustedProxies: []string{}, Names: []string{}}
}

// headerForm is a header's name, RFC 9110 section 5.6.2, without the odd signs.
var headerForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// Check reports what cannot be.
func (c *Config) Check(report func(key, what, remedy string)) {
	if c.Listen == "" {
		return
	}
	if _, err := netip.ParseAddrPort(c.Listen); err != nil {
		report("listen", fmt.Sprintf("%q is no address with a port", c.Listen), `write for example "127.0.0.1:8788", or "" for no page`)
	}
	if c.TLSCert == "" != (c.TLSKey == "") {
		report("tls_cert", "tls_cert and tls_key go together", "name both files, or none")
	}
	for _, text := range c.TrustedProxies {
		if _, err := parseNetwork(text); err != nil {
			report("trusted_proxies", fmt.Sprintf("%q is no address and no network", text), `write for example ["127.0.0.1", "192.168.88.0/28"]`)
		}
	}
	if !headerForm.MatchString(c.ProxyHeader) {
		report("proxy_header", fmt.Sprintf("%q is no header's name", c.ProxyHeader), `write for example "X-Remote-User"`)
	}
	for _, name := range c.Names {
		if name == "" || strings.ContainsAny(name, ":/ ") {
			report("names", fmt.Sprintf("%q is no host name", name), `write names alone, without port: ["nfacct.example.org"]`)
		}
	}
}

// URL is where a browser finds the page.
func (c *Config) URL() string {
	if c.TLSCert != "" {
		return "https://" + c.Listen + "/"
	}
	return "http://" + c.Listen + "/"
}

func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}

// local is whether only this machine reaches the page.
func (c *Config) local() bool {
	at, err := netip.ParseAddrPort(c.Listen)
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// trusted is whether a request comes from a proxy that names users.
func (s *Server) trusted(r *http.Request) bool {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	from := at.Addr().Unmap().WithZone("")
	for _, p := range s.proxies {
		if p.Contains(from) {
			return true
		}
	}
	return false
}

// client is the address that a request comes from: behind a trusted proxy, the one
// that it saw, which it wrote last.
func (s *Server) client(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	if s.trusted(r) {
		seen := r.Header.Values("X-Forwarded-For")
		if len(seen) > 0 {
			list := strings.Split(seen[len(seen)-1], ",")
			if addr, err := netip.ParseAddr(strings.TrimSpace(list[len(list)-1])); err == nil {
				return addr.Unmap()
			}
		}
	}
	return at.Addr().Unmap()
}

// overTLS is whether the browser's connection is encrypted, as far as is known.
func (s *Server) overTLS(r *http.Request) bool {
	return r.TLS != nil || s.trusted(r) && r.Header.Get("X-Forwarded-Proto") == "https"
}
