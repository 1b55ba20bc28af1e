package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nfacct/report/web/access"
)

func TestGuard(t *testing.T) {
	ask := func(h http.Handler, host string) int {
		r := httptest.NewRequest("GET", "http://"+host+"/", nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	h := serve(t, deps(&office{}))
	if code := ask(h, "evil.example"); code != http.StatusMisdirectedRequest {
		t.Errorf("a foreign name was answered: %d", code)
	}
	for _, host := range []string{"127.0.0.1:8788", "localhost:8788", "[::1]:8788"} {
		if code := ask(h, host); code != http.StatusOK {
			t.Errorf("%s: %d", host, code)
		}
	}
	proxied := withUsers(t, func(c *Config) { c.TrustedProxies, c.Names = []string{"127.0.0.1"}, []string{"nfacct.example.org"} }).Handler()
	if code := ask(proxied, "evil.example"); code != http.StatusMisdirectedRequest {
		t.Errorf("a foreign name was answered behind a proxy: %d", code)
	}
	if code := ask(proxied, "nfacct.example.org"); code != http.StatusSeeOther {
		t.Errorf("its own name: %d", code)
	}
	for _, listen := range []string{"0.0.0.0:8788", "192.168.88.2:8788", "[::]:8788"} {
		cfg := DefaultConfig()
		cfg.Listen, cfg.Users = listen, filepath.Join(t.TempDir(), "users.json")
		_, err := New(cfg, deps(&office{}))
		if err == nil || !strings.Contains(err.Error(), "nfacct user add") {
			t.Errorf("%s: nobody may log in, and the page would be open to all: %v", listen, err)
		}
		cfg.TrustedProxies = []string{"192.0.2.1"}
		if _, err := New(cfg, deps(&office{})); err != nil {
			t.Error(err)
		}
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Listen = "nonsense" }, func(c *Config) { c.TLSCert = "x" }, func(c *Config) { c.TrustedProxies = []string{"x"} },
		func(c *Config) { c.ProxyHeader = "" }, func(c *Config) { c.Names = []string{"a:80"} }, func(c *Config) { c.TLSCert, c.TLSKey = "/none", "/none" },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if _, err := New(cfg, deps(&office{})); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}

// The status page says that the page is open, and no longer when there is a user.
func TestOpenIsSaid(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Users = filepath.Join(t.TempDir(), "users.json")
	s, err := New(cfg, deps(&office{}))
	if err != nil {
		t.Fatal(err)
	}
	if body := get(s.Handler(), "/status").Body.String(); !strings.Contains(body, "There are no users") || !strings.Contains(body, "nfacct user add") {
		t.Error(body)
	}
	if err := access.Update(cfg.Users, func([]access.User) ([]access.User, error) {
		return []access.User{{Name: "anna", Role: access.Viewer}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if w := get(s.Handler(), "/status"); w.Code != http.StatusSeeOther {
		t.Errorf("there is a user, and the page is open: %d", w.Code)
	}
	if err := os.Remove(cfg.Users); err != nil {
		t.Fatal(err)
	}
	if w := get(s.Handler(), "/status"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("the file of users is lost, and the page is open: %d", w.Code)
	}
}

// The header counts from the proxy's address alone.
func TestProxy(t *testing.T) {
	h := withUsers(t, func(c *Config) { c.TrustedProxies = []string{"192.0.2.1", "198.51.100.0/28"} }).Handler()
	ask := func(from, user string) int {
		r := httptest.NewRequest("GET", "http://127.0.0.1:8788/", nil)
		r.RemoteAddr = from
		for name := range strings.SplitSeq(user, ",") {
			r.Header.Add("X-Remote-User", name)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for _, test := range []struct {
		from, user string
		code       int
	}{
		{"192.0.2.1:1", "carol", http.StatusOK}, {"198.51.100.15:1", "anna", http.StatusOK}, {"[::ffff:192.0.2.1]:1", "carol", http.StatusOK},
		{"192.0.2.2:1", "carol", http.StatusSeeOther}, {"127.0.0.1:1", "anna", http.StatusSeeOther}, {"192.0.2.1:1", "", http.StatusSeeOther},
		{"192.0.2.1:1", "mallory", http.StatusForbidden}, {"192.0.2.1:1", "carol,anna", http.StatusSeeOther},
	} {
		if code := ask(test.from, test.user); code != test.code {
			t.Errorf("%q from %s: %d, not %d", test.user, test.from, code, test.code)
		}
	}
}

func pair(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// HTTPS, with a cookie that never goes over plain HTTP; a bad certificate is said.
func TestTLS(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	pair(t, cert, key, 1)
	s := withUsers(t, func(c *Config) { c.TLSCert, c.TLSKey = cert, key })
	server := httptest.NewUnstartedServer(s.Handler())
	server.TLS = &tls.Config{GetCertificate: s.cert.Get}
	server.StartTLS()
	defer server.Close()
	client := server.Client()
	client.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w, err := client.PostForm(server.URL+"/login", login("anna", "correct horse", "/status"))
	if err != nil {
		t.Fatal(err)
	}
	w.Body.Close()
	cookies := w.Cookies()
	if len(cookies) != 1 || !cookies[0].Secure || cookies[0].Name != "__Host-nfacct" {
		t.Fatalf("%v", cookies)
	}
	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.deps.Now = func() time.Time { return time.Now() }
	found, err := s.findings()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.ID == "page.certificate" {
			return
		}
	}
	t.Errorf("nobody says that the certificate is bad: %v", found)
}
