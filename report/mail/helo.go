package mail

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// dialer connects to a mail server.
type dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// greetByAddress makes the client greet with the address of its own end of each
// connection. An EHLO that is neither a qualified name nor such a literal breaks
// RFC 5321, section 4.1.1.1, and Postfix refuses every recipient after it
// (reject_non_fqdn_helo_hostname).
func greetByAddress(client *gomail.Client, dial dialer) error {
	return gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		// The library greets after it has dialled.
		if err := gomail.WithHELO(addressLiteral(conn.LocalAddr()))(client); err != nil {
			conn.Close()
			return nil, err
		}
		return conn, nil
	})(client)
}

// qualifiedName is this machine's name if it has a domain, else empty.
func qualifiedName() string {
	name, err := os.Hostname()
	name = strings.TrimSuffix(name, ".")
	if err != nil || !qualified(name) {
		return ""
	}
	return name
}

// qualified is whether a server can take the name for one of the public DNS: it has
// a domain and is not the name that installers give to every machine.
func qualified(name string) bool {
	host, domain, found := strings.Cut(name, ".")
	if !found || host == "" || host == "localhost" || domain == "" || domain == "localdomain" || domain == "(none)" {
		return false
	}
	_, err := netip.ParseAddr(name)
	return err != nil
}

// addressLiteral is an address as EHLO takes it (RFC 5321, section 4.1.3).
func addressLiteral(addr net.Addr) string {
	local, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return "[127.0.0.1]"
	}
	ip := local.Addr().Unmap().WithZone("")
	if ip.Is6() {
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}
