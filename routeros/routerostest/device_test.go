package routerostest

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a device that answers until the test ends.
func running(t *testing.T, cfg DeviceConfig) *Device {
	t.Helper()
	if cfg.ListenTLS == "" {
		cfg.ListenTLS = "-"
	}
	d, err := NewDevice(cfg)
	if err != nil {
		t.Fatal(err)
	}
	run(t, d)
	return d
}

func run(t *testing.T, d *Device) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// client is a client by hand: bytes out, words in.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *sentenceReader
}

func dial(t *testing.T, addr netip.AddrPort) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return over(t, conn)
}

func over(t *testing.T, conn net.Conn) *client {
	// Only a hanging device lets this pass.
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	in := newSentenceReader(conn)
	in.limit = maxSentence
	return &client{t, conn, in}
}

func (c *client) send(words ...string) {
	c.t.Helper()
	if _, err := c.conn.Write(appendSentence(nil, words...)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() string {
	c.t.Helper()
	words, err := c.in.read()
	if err == io.EOF {
		return "EOF"
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.Join(words, " ")
}

// ask sends a sentence and returns its replies up to the done, each a line.
func (c *client) ask(words ...string) string {
	c.t.Helper()
	c.send(words...)
	var lines []string
	for {
		line := c.read()
		lines = append(lines, line)
		if strings.HasPrefix(line, "!done") || strings.HasPrefix(line, "!fatal") || line == "EOF" {
			return strings.Join(lines, "\n")
		}
	}
}

// expect compares the answer of a command given as typed, with words parted by
// spaces, with lines.
func (c *client) expect(command string, want ...string) {
	c.t.Helper()
	if diff := cmp.Diff(strings.Join(want, "\n"), c.ask(strings.Split(command, " ")...)); diff != "" {
		c.t.Errorf("%s:\n%s", command, diff)
	}
}

// login logs in as the version wants it.
func (c *client) login(d *Device, user, password string) {
	c.t.Helper()
	if d.cfg.Profile.challenges() {
		ret := c.ask("/login")
		challenge, err := hex.DecodeString(strings.TrimPrefix(ret, "!done =ret="))
		if err != nil {
			c.t.Fatal(ret)
		}
		sum := md5.Sum([]byte("\x00" + password + string(challenge)))
		c.expect("/login =name="+user+" =response=00"+hex.EncodeToString(sum[:]), "!done")
		return
	}
	c.expect("/login =name="+user+" =password="+password, "!done")
}

func admin(t *testing.T, d *Device) *client {
	t.Helper()
	c := dial(t, d.Addr())
	c.login(d, d.cfg.User, d.cfg.Password)
	return c
}

func each(t *testing.T, test func(*testing.T, *Device, *client)) {
	for _, p := range Profiles() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			d := running(t, DeviceConfig{Profile: p, Password: "secret"})
			test(t, d, admin(t, d))
		})
	}
}

func TestTargets(t *testing.T) {
	const target = "/ip/traffic-flow/target"
	each(t, func(t *testing.T, d *Device, c *client) {
		none := []string{"!done"}
		if d.cfg.Profile >= V7_18 {
			none = []string{"!empty", "!done"}
		}
		c.expect(target+"/print", none...)
		c.expect(target+"/add =port=8787", "!trap =message=missing value(s) of argument(s) dst-address", "!done")
		c.expect(target+"/add =dst-address=192.0.2.1 =comment=x", "!trap =message=unknown parameter comment", "!done")
		c.expect(target+"/add =dst-address=192.0.2.1 =version=10", "!trap =category=1 =message=input does not match any value of version", "!done")
		c.expect(target+"/add =dst-address=192.0.2.1 =port=8787 =v9-template-timeout=60", "!done =ret=*1")
		c.expect(target+"/print", "!re =.id=*1 =src-address=0.0.0.0 =dst-address=192.0.2.1 =port=8787 =version=9 "+
			"=v9-template-refresh=20 =v9-template-timeout=1m =disabled=false", "!done")
		c.expect(target+"/set =.id=*1 =version=ipfix =disabled=yes", "!done")
		c.expect(target+"/print =.proplist=version,disabled,nonsense", "!re =version=ipfix =disabled=true", "!done")
		c.expect(target+"/enable =.id=*1", "!done")
		c.expect(target+"/print =.proplist=disabled ?disabled=no", "!re =disabled=false", "!done")
		c.expect(target+"/remove =.id=*1", "!done")
		c.expect(target+"/remove =.id=*1", "!trap =category=0 =message=no such item", "!done")
		// Ids are never used again.
		c.expect(target+"/add =dst-address=192.0.2.2", "!done =ret=*2")
		six := []string{"!done =ret=*3"}
		if d.cfg.Profile < V7_24 {
			six = []string{"!trap =category=1 =message=invalid value for argument dst-address", "!done"}
		}
		c.expect(target+"/add =dst-address=2001:db8::1", six...)
	})
}

func TestMenus(t *testing.T) {
	each(t, func(t *testing.T, d *Device, c *client) {
		c.expect("/system/identity/print", "!re =name=office", "!done")
		c.expect("/system/identity/set =name=gw-1", "!done")
		c.expect("/system/identity/print =.proplist=name", "!re =name=gw-1", "!done")
		c.expect("/interface/print =.proplist=.id,name,name.oid ?type=bridge", "!re =.id=*7 =name=bridge =name.oid=.1.3.6.1.2.1.2.2.1.2.7", "!done")
		c.expect("/ip/route/print =.proplist=gateway,active ?dst-address=0.0.0.0/0", "!re =gateway=198.51.100.1 =active=true", "!done")
		c.expect("/ip/firewall/nat/print =.proplist=action,out-interface-list ?chain=srcnat", "!re =action=masquerade =out-interface-list=WAN", "!done")
		c.expect("/ip/dhcp-server/lease/print =.proplist=address,host-name,comment,dynamic ?address=10.2.214.50",
			"!re =address=10.2.214.50 =host-name=management-1 =dynamic=true", "!done")
		c.expect("/ip/dhcp-server/lease/print =count-only=", "!done =ret=62")
		c.expect("/ip/traffic-flow/print =.proplist=enabled,interfaces,active-flow-timeout", "!re =enabled=false =interfaces=all =active-flow-timeout=30m", "!done")
		c.expect("/ip/traffic-flow/set =interfaces=ether77", "!trap =category=1 =message=input does not match any value of interfaces", "!done")
		c.expect("/ip/traffic-flow/set =interfaces=WAN,bridge =active-flow-timeout=00:01:00 =enabled=yes", "!done")
		c.expect("/ip/traffic-flow/print =.proplist=enabled,interfaces,active-flow-timeout", "!re =enabled=true =interfaces=WAN,bridge =active-flow-timeout=1m", "!done")
		c.expect("/ip/trafic-flow/print", "!trap =category=0 =message=no such command prefix", "!done")
		c.expect("/ip/traffic-flow/add =enabled=yes", "!trap =category=0 =message=no such command", "!done")
		for path := range d.menus {
			if got := c.ask(path + "/print"); strings.Contains(got, "!trap") {
				t.Errorf("%s: %s", path, got)
			}
		}
	})
}
