package mail

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailpit is the real mail server of the tests, built from the Go module proxy.
// Its pages are not part of the module, its API is.
const mailpitModule = "github.com/axllent/mailpit@v1.27.11"

var mailpitProgram = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	_, version, _ := strings.Cut(mailpitModule, "@")
	folder := filepath.Join(cache, "nfacct-test", "mailpit-"+version)
	program := filepath.Join(folder, "mailpit")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	// In a folder of its own first, so that a build that is broken off leaves none.
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	build, err := os.MkdirTemp(folder, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(build)
	cmd := exec.Command("go", "install", mailpitModule)
	cmd.Dir = build
	cmd.Env = append(os.Environ(), "GOBIN="+build, "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install %s: %w\n%s", mailpitModule, err, out)
	}
	return program, os.Rename(filepath.Join(build, "mailpit"), program)
})

// mailServer is one that runs.
type mailServer struct {
	t         *testing.T
	smtp, api string
	ca        string // file of the certificate
}

// startMailpit runs one that wants STARTTLS and a password (nfacct, secret).
func startMailpit(t *testing.T, more ...string) *mailServer {
	t.Helper()
	program, err := mailpitProgram()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	s := &mailServer{t: t, smtp: freeAddress(t)}
	for s.api = freeAddress(t); s.api == s.smtp; s.api = freeAddress(t) { // a free port may come twice
	}
	cert, key := certificate(t, folder, "127.0.0.1")
	s.ca = cert
	users := filepath.Join(folder, "users")
	if err := os.WriteFile(users, []byte("nfacct:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--smtp", s.smtp, "--listen", s.api, "--disable-version-check", "--database", filepath.Join(folder, "mails.db"), "--smtp-disable-rdns", "--enable-chaos"}
	if len(more) == 0 || more[0] != "--plain" {
		args = append(args, "--smtp-tls-cert", cert, "--smtp-tls-key", key, "--smtp-require-starttls", "--smtp-auth-file", users)
	} else {
		more = more[1:]
	}
	var said bytes.Buffer
	cmd := exec.Command(program, append(args, more...)...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if resp, err := http.Get("http://" + s.api + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return s
			}
		}
		if time.Now().After(end) {
			t.Fatalf("mailpit does not answer\n%s", said.String())
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// certificate writes one for a name, signed by itself.
func certificate(t *testing.T, folder, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(folder, name+".crt"), filepath.Join(folder, name+".key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// config reaches the server.
func (s *mailServer) config() Config {
	s.t.Helper()
	c := DefaultConfig()
	c.Server, c.CAFile, c.From = s.smtp, s.ca, "nfacct <nfacct@example.net>"
	c.User, c.PasswordFile = "nfacct", filepath.Join(s.t.TempDir(), "password")
	if err := os.WriteFile(c.PasswordFile, []byte("secret\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	c.Check(func(key, problem, remedy string) { s.t.Errorf("%s: %s; %s", key, problem, remedy) })
	return c
}

// get asks the API.
func (s *mailServer) get(path string, into any) {
	s.t.Helper()
	data := s.raw(path)
	if err := json.Unmarshal(data, into); err != nil {
		s.t.Fatalf("%s: %v\n%.500s", path, err, data)
	}
}

func (s *mailServer) raw(path string) []byte {
	s.t.Helper()
	resp, err := http.Get("http://" + s.api + "/api/v1/" + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s %v\n%s", path, resp.Status, err, data)
	}
	return data
}

// chaos has the server refuse every recipient with a code; 0 is none of it.
func (s *mailServer) chaos(code int) {
	s.t.Helper()
	s.chaosOf("Recipient", code)
}

// chaosOf has the server refuse at Sender, Recipient or Authentication alone.
func (s *mailServer) chaosOf(where string, code int) {
	s.t.Helper()
	probability := 100
	if code == 0 {
		code, probability = 451, 0
	}
	body := fmt.Sprintf(`{%q:{"ErrorCode":%d,"Probability":%d}}`, where, code, probability)
	req, err := http.NewRequest(http.MethodPut, "http://"+s.api+"/api/v1/chaos", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Fatal(resp.Status)
	}
}

// received is a mail in the server.
type received struct {
	ID, MessageID, Subject string
	To                     []struct{ Address string }
}

// list is what the server has, the newest first.
func (s *mailServer) list() []received {
	s.t.Helper()
	var list struct{ Messages []received }
	s.get("messages", &list)
	return list.Messages
}
