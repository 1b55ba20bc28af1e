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
	"io"
	"math/big"
	"net"
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

// identity makes the certificate, once somebody needs it: RouterOS makes RSA keys,
// and that takes a while.
func (d *Device) makeIdentity() (*identity, error) {
	if d.secure == nil || d.cfg.Certificate == NoCertificate {
		return nil, nil
	}
	if d.cfg.KeyPair != nil {
		pair, err := tls.X509KeyPair(d.cfg.KeyPair, d.cfg.KeyPair)
		if err != nil {
			return nil, err
		}
		return newIdentity(pair), nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: d.cfg.Name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:         true, BasicConstraintsValid: true,
	}
	if d.cfg.Certificate == WithNames {
		template.DNSNames = []string{"localhost"}
		template.IPAddresses = []net.IP{d.secure.Addr().(*net.TCPAddr).IP}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return newIdentity(tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}), nil
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

// KeyPairPEM is the certificate and its key, for DeviceConfig.KeyPair.
func (d *Device) KeyPairPEM() ([]byte, error) {
	id, err := d.identity()
	if err != nil || id == nil {
		return nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(id.pair.PrivateKey)
	if err != nil {
		return nil, err
	}
	return append(d.CertificatePEM(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
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
