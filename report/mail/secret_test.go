package mail

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const hostilePassword = "Xq7zWv92Kpl"

// quoting is a server that quotes what it is told when somebody logs in.
func quoting(t *testing.T, way string, quote func(string) string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				lines := bufio.NewScanner(conn)
				fmt.Fprint(conn, "220 hostile\r\n")
				for lines.Scan() {
					switch verb := strings.ToUpper(lines.Text()); {
					case strings.HasPrefix(verb, "EHLO"):
						fmt.Fprintf(conn, "250-hostile\r\n250 AUTH %s\r\n", way)
						continue
					case verb == "AUTH LOGIN":
						fmt.Fprint(conn, "334 VXNlcm5hbWU6\r\n")
						lines.Scan()
						fmt.Fprint(conn, "334 UGFzc3dvcmQ6\r\n")
						lines.Scan()
					case !strings.HasPrefix(verb, "AUTH"):
						fmt.Fprint(conn, "221 bye\r\n")
						continue
					}
					fmt.Fprintf(conn, "535 5.7.8 refused: %s\r\n", quote(lines.Text()))
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// Whatever a server says of the password is not repeated.
func TestHostileServer(t *testing.T) {
	for _, way := range []string{"plain", "login", "xoauth2"} {
		for name, quote := range map[string]func(string) string{
			"whole":     func(s string) string { return s },
			"cut short": func(s string) string { return s[:len(s)-5] },
			"readable": func(s string) string {
				text, _ := base64.StdEncoding.DecodeString(s[strings.LastIndexByte(s, ' ')+1:])
				return strings.ReplaceAll(string(text), "\x00", " ")
			},
			"upper case":   strings.ToUpper,
			"its password": func(string) string { return hostilePassword[2:] },
			"nothing":      func(string) string { return "try again" },
		} {
			t.Run(way+" "+name, func(t *testing.T) {
				cfg := DefaultConfig()
				cfg.Server, cfg.From, cfg.TLS, cfg.Auth = quoting(t, strings.ToUpper(way), quote), "nfacct@example.net", TLSNone, way
				cfg.User, cfg.PasswordFile = "nfacct", filepath.Join(t.TempDir(), "password")
				if err := os.WriteFile(cfg.PasswordFile, []byte(hostilePassword), 0o600); err != nil {
					t.Fatal(err)
				}
				_, err := send(t, cfg, &Letter{Subject: "x", Text: "x", HTML: "x"}, "head@example.net")
				if err == nil || !strings.Contains(err.Error(), "535") {
					t.Fatalf("%v", err)
				}
				said := strings.ToLower(err.Error())
				if shown := strings.Contains(said, "try again"); shown != (name == "nothing") {
					t.Errorf("%v", err)
				}
				for _, form := range []string{hostilePassword, base64.StdEncoding.EncodeToString([]byte(hostilePassword)), base64.StdEncoding.EncodeToString([]byte("\x00nfacct\x00" + hostilePassword))} {
					for i := 0; i+4 <= len(form); i++ {
						if part := strings.ToLower(form[i : i+4]); strings.Contains(said, part) {
							t.Fatalf("%q of %q: %v", part, form, err)
						}
					}
				}
			})
		}
	}
}
