package routerostest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLogin(t *testing.T) {
	each(t, func(t *testing.T, d *Device, c *client) {
		other := dial(t, d.Addr())
		other.expect("/system/identity/print .tag=7", "!trap =message=not logged in .tag=7", "!done .tag=7")
		if d.cfg.Profile.challenges() {
			if got := other.ask("/login", "=name=admin", "=password=secret"); !strings.HasPrefix(got, "!done =ret=") {
				t.Errorf("the new login at an old router: %s", got)
			}
			other.expect("/login =name=admin =response=00"+strings.Repeat("0", 32), "!trap =message=cannot log in", "!done")
		} else {
			other.expect("/login =name=admin =password=wrong", "!trap =message=invalid user name or password (6)", "!done")
			other.expect("/login =name=nobody =password=secret", "!trap =message=invalid user name or password (6)", "!done")
		}
		// The connection stays, and the right password helps.
		other.login(d, "admin", "secret")
		other.expect("/quit", "!fatal session terminated on request")
		if got := other.read(); got != "EOF" {
			t.Errorf("after the quit: %s", got)
		}
		for _, s := range d.Sentences() {
			if strings.Contains(strings.Join(s.Words, " "), "secret") {
				t.Errorf("in the log: %v", s.Words)
			}
		}
		d.ForgetSentences()
		c.ask("/system/identity/set", "=name=x")
		if writes := d.Writes(); len(writes) != 1 || writes[0].User != "admin" || !slices.Equal(writes[0].Words, []string{"/system/identity/set", "=name=x"}) {
			t.Errorf("writes: %v", writes)
		}
	})
}

func TestPermissions(t *testing.T) {
	each(t, func(t *testing.T, d *Device, c *client) {
		c.expect("/user/group/add =name=nfacct =policy=api,read,!write", "!done =ret=*4")
		if got := c.ask("/user/group/print", "=.proplist=policy", "?name=nfacct"); !strings.HasPrefix(got, "!re =policy=read,api,!local,!telnet") {
			t.Error(got)
		}
		c.expect("/user/group/add =name=x =policy=api,fly", "!trap =category=1 =message=input does not match any value of policy", "!done")
		c.expect("/user/add =name=nfacct =group=nfacct =password=other", "!done =ret=*2")
		c.expect("/user/print =.proplist=name,password,group ?name=nfacct", "!re =name=nfacct =group=nfacct", "!done")
		reader := dial(t, d.Addr())
		reader.login(d, "nfacct", "other")
		reader.expect("/system/identity/print", "!re =name=office", "!done")
		for _, command := range []string{"/system/identity/set =name=x", "/ip/traffic-flow/target/add =dst-address=192.0.2.1", "/ip/arp/remove =.id=*1", "/system/reboot"} {
			reader.expect(command, "!trap =message=not enough permissions (9)", "!done")
		}
		c.expect("/user/group/set =.id=nfacct =policy=api,read,write", "!done")
		writer := dial(t, d.Addr())
		writer.login(d, "nfacct", "other")
		writer.expect("/system/identity/set =name=x", "!done")
		writer.expect("/user/add =name=y =group=full", "!trap =message=not enough permissions (9)", "!done")
		// Without the policy api there is no way in, nor from an address not allowed.
		c.expect("/user/group/set =.id=nfacct =policy=read,write", "!done")
		wrong := "invalid user name or password (6)"
		if d.cfg.Profile.challenges() {
			wrong = "cannot log in"
		}
		refused := func() {
			t.Helper()
			stranger := dial(t, d.Addr())
			stranger.ask("/login")
			if got := stranger.ask("/login", "=name=nfacct", "=password=other", "=response=00"); !strings.Contains(got, wrong) {
				t.Error(got)
			}
		}
		refused()
		c.expect("/user/group/set =.id=nfacct =policy=api,read,write", "!done")
		c.expect("/user/set =.id=nfacct =address=10.0.0.0/8", "!done")
		refused()
		// A service with an address list hangs up at once.
		c.expect("/ip/service/set =.id=api =address=10.0.0.0/8", "!done")
		if got := dial(t, d.Addr()).read(); got != "EOF" {
			t.Errorf("from an address that is not allowed: %s", got)
		}
	})
}

func TestListen(t *testing.T) {
	each(t, func(t *testing.T, d *Device, c *client) {
		c.send("/ip/traffic-flow/target/listen", ".tag=L")
		c.expect("/system/identity/print .tag=x", "!re =name=office .tag=x", "!done .tag=x")
		if _, err := d.Do("/ip/traffic-flow/target/add", "dst-address", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
		if got := c.read(); !strings.HasPrefix(got, "!re =.id=*1 =src-address=0.0.0.0 =dst-address=192.0.2.1") || !strings.HasSuffix(got, " .tag=L") {
			t.Error(got)
		}
		if _, err := d.Do("/ip/traffic-flow/target/remove", ".id", "*1"); err != nil {
			t.Fatal(err)
		}
		if got, want := c.read(), "!re =.id=*1 =.dead="+d.cfg.Profile.dead()+" .tag=L"; got != want {
			t.Errorf("%s, not %s", got, want)
		}
		c.send("/cancel", "=tag=L", ".tag=c")
		for _, want := range []string{"!trap =category=2 =message=interrupted .tag=L", "!done .tag=L", "!done .tag=c"} {
			if got := c.read(); got != want {
				t.Errorf("%s, not %s", got, want)
			}
		}
	})
}

// TestFaults: what each fault does, as the next words and how the connection ends.
func TestFaults(t *testing.T) {
	stuck, reset := errors.New("stuck"), syscall.ECONNRESET
	for _, test := range []struct {
		name  string
		fault Fault
		want  []string
		end   error // nil: it goes on
	}{
		{"silence", Fault{Kind: Silent, Command: "/system/identity/print"}, nil, stuck},
		{"half a sentence", Fault{Kind: HalfSentence}, nil, stuck},
		{"reset", Fault{Kind: Reset}, nil, reset},
		{"trap and close", Fault{Kind: TrapClose}, []string{"!trap =message=failure: device is going down"}, io.EOF},
		{"two traps", Fault{Kind: TwoTraps}, []string{"!trap =category=4 =message=failure: first reason", "!trap =message=failure: second reason", "!done"}, nil},
		{"fatal", Fault{Kind: Fatal, Text: "too many"}, []string{"!fatal too many"}, io.EOF},
		{"huge", Fault{Kind: Huge}, nil, errTooLong},
		{"reserved", Fault{Kind: Reserved}, nil, errReserved},
		{"unheard", Fault{Kind: Unheard}, []string{"!done"}, nil},
		{"early", Fault{Kind: Early}, []string{"!done", "!re =name=office", "!done"}, nil},
		{"of another command", Fault{Kind: Silent, Command: "/interface/print"}, []string{"!re =name=office", "!done"}, nil},
		{"trickle", Fault{Kind: Trickle}, []string{"!re =name=x", "!re =name=x", "!re =name=x"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := running(t, DeviceConfig{Profile: V7_18})
			c := admin(t, d)
			d.Break(test.fault)
			c.send("/system/identity/print")
			for _, want := range test.want {
				if got := c.read(); got != want {
					t.Errorf("%s, not %s", got, want)
				}
			}
			if test.end == nil {
				if test.fault.Kind == Trickle {
					return
				}
				d.Mend()
				c.expect("/system/identity/print", "!re =name=office", "!done")
				return
			}
			if test.end == stuck {
				_ = c.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			}
			_, err := c.in.read()
			timeout := net.Error(nil)
			if test.end == stuck && errors.As(err, &timeout) && timeout.Timeout() {
				return
			}
			if !errors.Is(err, test.end) {
				t.Errorf("ends with %v", err)
			}
		})
	}
}

func TestFaultsOfMoments(t *testing.T) {
	d := running(t, DeviceConfig{Profile: V7_18})
	d.Break(Fault{Kind: Banner, When: Accepting, Times: 1})
	c := dial(t, d.Addr())
	line := make([]byte, 16)
	if _, err := io.ReadFull(c.conn, line); err != nil || string(line) != "SSH-2.0-ROSSSH\r\n" {
		t.Errorf("%q, %v", line, err)
	}
	d.Break(Fault{Kind: Fatal, When: LoggedIn, Times: 1})
	c = dial(t, d.Addr())
	c.send("/login", "=name=admin", "=password=")
	if got := c.read() + "|" + c.read(); got != "!done|!fatal out of memory" {
		t.Error(got)
	}
	d.Break(Fault{Kind: FatalStranger, Times: 1})
	dial(t, d.Addr()).expect("/interface/print", "!fatal not logged in")

	c = admin(t, d)
	d.Break(Fault{Kind: Unkept, Command: "/ip/traffic-flow/set", Times: 1})
	c.expect("/ip/traffic-flow/set =enabled=yes", "!done")
	c.expect("/ip/traffic-flow/print =.proplist=enabled", "!re =enabled=false", "!done")
	c.expect("/ip/traffic-flow/set =enabled=yes", "!done")
	c.expect("/ip/traffic-flow/print =.proplist=enabled", "!re =enabled=true", "!done")
	d.Break(Fault{Kind: Unkept, Command: "/ip/traffic-flow/target/add", Times: 1})
	c.expect("/ip/traffic-flow/target/add =dst-address=192.0.2.1", "!done =ret=*1")
	c.expect("/ip/traffic-flow/target/print", "!empty", "!done")
	d.Break(Fault{Kind: NoRet})
	c.expect("/ip/traffic-flow/target/add =dst-address=192.0.2.1", "!done")
	c.expect("/ip/traffic-flow/target/print =.proplist=.id", "!re =.id=*2", "!done")
	d.Mend()
	c.expect("/system/reboot", "!done")
	if got := c.read(); got != "EOF" {
		t.Errorf("after the reboot: %s", got)
	}
}

func TestTLS(t *testing.T) {
	for _, kind := range []CertificateKind{SelfSigned, WithNames, NoCertificate} {
		d, err := NewDevice(DeviceConfig{Profile: V7_18, Listen: "-", ListenTLS: "127.0.0.1:0", Certificate: kind})
		if err != nil {
			t.Fatal(err)
		}
		run(t, d)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(d.CertificatePEM())
		conn, err := tls.Dial("tcp", d.AddrTLS().String(), &tls.Config{RootCAs: roots})
		switch kind {
		case SelfSigned:
			if err == nil || !strings.Contains(err.Error(), "doesn't contain any IP SANs") {
				t.Errorf("a common name alone: %v", err)
			}
			if conn, err = tls.Dial("tcp", d.AddrTLS().String(), &tls.Config{InsecureSkipVerify: true}); err != nil {
				t.Fatal(err)
			}
		case WithNames:
			if err != nil {
				t.Fatal(err)
			}
		case NoCertificate:
			if err == nil || !strings.Contains(err.Error(), "handshake failure") || d.Fingerprint() != "" {
				t.Errorf("without a certificate: %v", err)
			}
			continue
		}
		if suite := tls.CipherSuiteName(conn.ConnectionState().CipherSuite); !strings.HasPrefix(suite, "TLS_ECDHE_RSA_") || len(d.Fingerprint()) != 64 {
			t.Error(suite, d.Fingerprint())
		}
		c := over(t, conn)
		c.login(d, "admin", "")
		c.expect("/ip/service/print =.proplist=certificate ?name=api-ssl", "!re =certificate=api", "!done")
		// Taken away by the API, it is gone for the next session.
		c.expect("/ip/service/set =.id=api-ssl =certificate=none", "!done")
		if _, err := tls.Dial("tcp", d.AddrTLS().String(), &tls.Config{InsecureSkipVerify: true}); err == nil {
			t.Error("the certificate stays")
		}
		conn.Close()
	}
}

// TestKeyPair: with a certificate of its own, a device has that each time.
func TestKeyPair(t *testing.T) {
	pair, err := NewKeyPair(DeviceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var prints []string
	for range 2 {
		d, err := NewDevice(DeviceConfig{Listen: "-", KeyPair: pair})
		if err != nil {
			t.Fatal(err)
		}
		prints = append(prints, d.Fingerprint())
		d.Close()
	}
	if prints[0] == "" || prints[0] != prints[1] {
		t.Error(prints)
	}
}

func TestInterleave(t *testing.T) {
	d := running(t, DeviceConfig{Profile: V7_18, Interleave: true, Dribble: true})
	c := admin(t, d)
	both := appendSentence(nil, "/interface/list/print", "=.proplist=name", "?builtin=true", ".tag=a")
	both = appendSentence(both, "/user/group/print", "=.proplist=name", ".tag=b")
	if _, err := c.conn.Write(both); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 9 {
		got = append(got, c.read())
	}
	want := []string{
		"!re =name=all .tag=a", "!re =name=read .tag=b", "!re =name=none .tag=a", "!re =name=write .tag=b",
		"!re =name=dynamic .tag=a", "!re =name=full .tag=b", "!re =name=static .tag=a", "!done .tag=b", "!done .tag=a",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestQueries(t *testing.T) {
	d := running(t, DeviceConfig{Profile: V7_16})
	c := admin(t, d)
	for query, want := range map[string]string{
		"?type=vlan":                      "vlan20-servers",
		"?=type=bridge":                   "bridge",
		"?type=vlan ?type=bridge ?#|":     "bridge vlan20-servers",
		"?type=ether ?name=ether9":        "ether9",
		"?type=ether ?name=ether9 ?#&":    "ether9",
		"?type=ether ?#!":                 "bridge vlan20-servers",
		"?-default-name":                  "bridge vlan20-servers",
		"?default-name ?name=ether1":      "ether1",
		"?<link-downs=1 ?name=ether2":     "ether2",
		"?>link-downs=0":                  "",
		"?disabled=yes":                   "",
		"?running=yes ?name=ether1":       "ether1",
		"?nonsense=1":                     "",
		"?type=ether ?name=ether1 ?#1.!2": "ether1 ether2 ether3 ether4 ether5 ether9",
		"?name=ether1 ?type=ether ?#0":    "ether1 ether2 ether3 ether4 ether5 ether9",
	} {
		var names []string
		for line := range strings.Lines(c.ask(append([]string{"/interface/print", "=.proplist=name"}, strings.Fields(query)...)...)) {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!re =name="); ok {
				names = append(names, name)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, not %s", query, got, want)
		}
	}
}

func TestSetsOfItems(t *testing.T) {
	each(t, func(t *testing.T, d *Device, c *client) {
		const list = "/ip/firewall/address-list"
		before := len(d.Print(list))
		for _, last := range []string{"1", "2", "3"} {
			c.ask(list+"/add", "=list=x", "=address=192.0.2."+last, "=comment=a=b")
		}
		c.expect(list+"/add =list=x =address=192.0.2.1/32", "!trap =message=failure: already have such entry", "!done")
		c.expect(list+"/add =list=x =address=2001:db8::1", "!trap =message=failure: 2001:db8::1 is not a valid dns name", "!done")
		if got := c.ask(list+"/print", "=.proplist=comment", "?list=x"); strings.Count(got, "=comment=a=b") != 3 {
			t.Error(got)
		}
		ids := strings.TrimPrefix(c.ask(list+"/find"), "!done =ret=")
		last := strings.Split(ids, ";")[before:]
		c.expect(list+"/set =.id="+strings.Join(last, ",")+" =timeout=90", "!done")
		c.expect(list+"/set =.id="+last[0]+",*FFFF =comment=z", "!trap =category=0 =message=no such item", "!done")
		c.expect(list+"/get =.id="+last[1]+" =value-name=timeout", "!done =ret=1m30s")
		c.expect(list+"/unset =.id="+last[1]+" =value-name=timeout", "!done")
		c.expect(list+"/print =.proplist=timeout ?.id="+last[1], "!re", "!done")
		c.expect(list+"/remove =.id="+strings.Join(last, ","), "!done")
		if got := len(d.Print(list)); got != before {
			t.Errorf("%d items, not %d", got, before)
		}
		c.expect("/ip/traffic-flow/set =.id=*0 =enabled=yes", "!trap =message=unknown parameter .id", "!done")
		c.expect("/interface/set =.id=ether2 =comment=x =disabled=yes", "!done")
		c.expect("/interface/set =.id=ether2 =rx-byte=1", "!trap =message=unknown parameter rx-byte", "!done")
		c.expect("/interface/remove =.id=ether2", "!trap =category=0 =message=no such command", "!done")
		c.expect("/user/group/add =name=full", "!trap =message=failure: group with the same name already exists", "!done")
	})
}
