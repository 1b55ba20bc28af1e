package routeros

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// pinError is the error of a certificate that is not the pinned one.
type pinError struct{ got, want [32]byte }

func (e *pinError) Error() string {
	return fmt.Sprintf("its certificate has the fingerprint %s, but %s is pinned", formatFingerprint(e.got), formatFingerprint(e.want))
}

// strangerError is the error of a certificate that nothing vouches for.
type strangerError struct{ why string }

func (e *strangerError) Error() string { return e.why }

// Certificate is what a router shows of itself.
type Certificate struct {
	Fingerprint string    `json:"fingerprint"` // as the configuration has it
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
}

// Trust fetches the certificate of a router without believing it, so that a
// person can compare it and pin it. Nobody logs in.
func Trust(ctx context.Context, cfg Config) (*Certificate, error) {
	d := &Device{cfg: cfg}
	if !cfg.tls() {
		return nil, d.fail("fetch the certificate", errors.New("api has none"), `write api = "api-ssl"`)
	}
	conn, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	d.conn = conn
	var leaf *x509.Certificate
	if _, err := d.handshake(ctx, conn, func(c *x509.Certificate) error { leaf = c; return nil }); err != nil {
		return nil, err
	}
	return &Certificate{
		Fingerprint: formatFingerprint(sha256.Sum256(leaf.Raw)),
		Subject:     clean(leaf.Subject.String()), Issuer: clean(leaf.Issuer.String()),
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
	}, nil
}

// handshake makes a connection one of TLS. The certificate is verified by the
// fingerprint or the CA of the configuration, or by verify if that is set.
//
// Certificates of routers name no address (Go refuses those that name only a
// CN), so the chain is verified here, and the name where there is one.
func (d *Device) handshake(ctx context.Context, conn net.Conn, verify func(*x509.Certificate) error) (net.Conn, error) {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         d.cfg.host(),
		InsecureSkipVerify: true, // VerifyConnection verifies
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return &strangerError{"it shows no certificate"}
			}
			if verify != nil {
				return verify(state.PeerCertificates[0])
			}
			return d.cfg.verify(state.PeerCertificates, time.Now())
		},
	}
	if net.ParseIP(config.ServerName) != nil {
		config.ServerName = "" // no name to ask for
	}
	if d.cfg.LegacyTLS {
		config.CipherSuites = withRSA()
	}
	secure := tls.Client(conn, config)
	if err := conn.SetDeadline(time.Now().Add(d.cfg.timeout())); err != nil {
		return nil, d.fail("shake hands", err, "")
	}
	err := secure.HandshakeContext(ctx)
	if err == nil {
		return secure, nil
	}
	return nil, d.handshakeError(ctx, err)
}

// withRSA are Go's suites and those with an RSA key exchange.
func withRSA() []uint16 {
	var ids []uint16
	for _, suite := range tls.CipherSuites() {
		ids = append(ids, suite.ID)
	}
	return append(ids, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA)
}

// handshakeError says what is behind a handshake that did not come to its end.
func (d *Device) handshakeError(ctx context.Context, err error) error {
	e := d.fail("shake hands with "+d.cfg.hostPort(), brief(err), "")
	var record tls.RecordHeaderError
	var pin *pinError
	var stranger *strangerError
	const certificate = "on the router, give the service a certificate: /certificate add name=api common-name=router; /certificate sign api; /ip service set api-ssl certificate=api"
	switch {
	case over(ctx):
		e.Err = d.ended(ctx)
		e.Remedy = d.remedyOf(e.Err)
	case errors.As(err, &pin):
		e.Err = pin
		e.Remedy = "if the router got a new certificate, nfacct provision --trust shows it; if not, somebody stands between"
	case errors.As(err, &stranger):
		e.Err = stranger
		e.Remedy = "compare what nfacct provision --trust shows with the router's /certificate print detail, and configure it as fingerprint; or name its CA in ca_file"
	case errors.As(err, &record):
		e.Err = notAPI{server(bytes.TrimRight(record.RecordHeader[:], "\x00"))}
		if start := record.RecordHeader; start[0] < 0x40 && start[1] == '!' {
			e.Err = errors.New("the service there speaks the API without TLS")
		}
		e.Remedy = fmt.Sprintf("write the port of api-ssl to address, as /ip service print shows it (usually %s)", portTLS)
	case remoteAlert(err):
		e.Err = fmt.Errorf("the router agrees to no cipher (%w): its api-ssl has no certificate, and offers anonymous Diffie-Hellman only, which Go does not have", err)
		e.Remedy = certificate
		if !d.cfg.LegacyTLS {
			e.Remedy += "; if it has one and is an old RouterOS 6, write legacy_tls = true"
		}
	case timedOut(err):
		e.Err, e.Heals = d.silentError(), true
		e.Remedy = fmt.Sprintf("see whether %s is the port of api-ssl (api, without TLS, is usually at %s)", d.cfg.hostPort(), portPlain)
	case closedAtOnce(err):
		e.Err, e.Heals = errors.New("the router closed the connection during the handshake"), true
		e.Remedy = d.closedRemedy() + "; and api-ssl needs a certificate"
	}
	return e
}

// remoteAlert says whether the peer ended the handshake with an alert.
func remoteAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// verify decides whether the certificate is the router's.
func (c Config) verify(chain []*x509.Certificate, now time.Time) error {
	leaf := chain[0]
	got := sha256.Sum256(leaf.Raw)
	switch {
	case c.Fingerprint != "":
		want, err := parseFingerprint(c.Fingerprint)
		if err != nil {
			return err
		}
		if got != want {
			return &pinError{got, want}
		}
		return nil
	case c.CAFile == "":
		return &strangerError{"nothing is configured that vouches for its certificate"}
	}
	roots, err := readCA(c.CAFile)
	if err != nil {
		return fmt.Errorf("read ca_file: %w", err)
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return &strangerError{"its certificate is not signed by the CA of ca_file: " + clean(err.Error())}
	}
	if leaf.Subject.CommonName == c.host() {
		return nil
	}
	if err := leaf.VerifyHostname(c.host()); err != nil {
		return &strangerError{fmt.Sprintf("its certificate is signed by the CA of ca_file, but for %q and not for %s", clean(leaf.Subject.CommonName), c.host())}
	}
	return nil
}

func readCA(name string) (*x509.CertPool, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool() // on RouterOS: /certificate export-certificate
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", name)
	}
	return pool, nil
}
