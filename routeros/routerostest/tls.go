package routerostest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"time"
)

// CertificateKind is what api-ssl shows.
type CertificateKind uint8

const (
	// SelfSigned is a certificate with a common name alone, as routers have them.
	SelfSigned CertificateKind = iota
	// WithNames has the listener's address and localhost as alternative names.
	WithNames
	// NoCertificate: the service speaks nothing but anonymous Diffie-Hellman, which
	// Go's TLS does not have, so every handshake of it fails.
	NoCertificate
)

// identity is the certificate of api-ssl.
type identity struct {
	pair   tls.Certificate
	config *tls.Config
}

// makeIdentity makes the certificate, or takes the one given, once somebody needs
// it: RouterOS has RSA keys, and to make one takes a while.
func (d *Device) makeIdentity() (*identity, error) {
	if d.secure == nil || d.cfg.Certificate == NoCertificate {
		return nil, nil
	}
	text := d.cfg.KeyPair
	if text == nil {
		cfg := d.cfg
		cfg.ListenTLS = d.AddrTLS().String()
		var err error
		if text, err = NewKeyPair(cfg); err != nil {
			return nil, err
		}
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("certificate of the simulated router: %w", err)
	}
	return newIdentity(pair), nil
}

// NewKeyPair makes the certificate and the key that a device with such a
// configuration would make, as DeviceConfig.KeyPair takes them.
func NewKeyPair(cfg DeviceConfig) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	name := cfg.Name
	if name == "" {
		name = defaultName
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:         true, BasicConstraintsValid: true,
	}
	if cfg.Certificate == WithNames {
		template.DNSNames = []string{"localhost"}
		if at, err := netip.ParseAddrPort(cfg.ListenTLS); err == nil {
			template.IPAddresses = []net.IP{at.Addr().AsSlice()}
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(b, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

func newIdentity(pair tls.Certificate) *identity {
	return &identity{pair: pair, config: &tls.Config{
		Certificates: []tls.Certificate{pair},
		// Seen on RouterOS 7: TLS 1.2, ECDHE-RSA-AES256-GCM-SHA384.
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
	}}
}

// Certificate is api-ssl's, which is its own authority; nil without one.
func (d *Device) Certificate() *x509.Certificate {
	if id, err := d.identity(); err == nil && id != nil {
		return id.pair.Leaf
	}
	return nil
}

// Fingerprint is the SHA-256 of api-ssl's certificate in hex, or empty.
func (d *Device) Fingerprint() string {
	leaf := d.Certificate()
	if leaf == nil {
		return ""
	}
	sum := sha256.Sum256(leaf.Raw)
	return hex.EncodeToString(sum[:])
}

// CertificatePEM is api-ssl's certificate as a file of authorities has it.
func (d *Device) CertificatePEM() []byte {
	leaf := d.Certificate()
	if leaf == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
}

// handshake returns the connection under TLS, or nil when there can be none.
func (d *Device) handshake(ctx context.Context, conn net.Conn) net.Conn {
	d.mu.Lock()
	service := d.menus["/ip/service"].byName("api-ssl")
	bare := service.values["certificate"] == "none"
	d.mu.Unlock()
	id, err := d.identity()
	if bare || id == nil || err != nil {
		refuse(conn)
		return nil
	}
	secure := tls.Server(conn, id.config)
	if secure.HandshakeContext(ctx) != nil {
		return nil
	}
	return secure
}

// refuse is the answer to a handshake without anonymous Diffie-Hellman: the
// alert handshake_failure (RFC 5246, section 7.2.2).
func refuse(conn net.Conn) {
	var header [5]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil || header[0] != 22 {
		return
	}
	if _, err := io.CopyN(io.Discard, conn, int64(header[3])<<8|int64(header[4])); err != nil {
		return
	}
	_, _ = conn.Write([]byte{21, 3, 3, 0, 2, 2, 40})
}
