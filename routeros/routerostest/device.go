package routerostest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"nfacct/routeros/officetest"
)

// DeviceConfig says what device to imitate. The zero value is a 6.42 with an
// office of 60 hosts behind it and the user admin without a password.
type DeviceConfig struct {
	Profile Profile
	// Name is the identity; empty means "office".
	Name string
	// Serial is the serial number of the board; empty is one that no other device
	// of this process has.
	Serial string
	// Office is what lies behind the device; nil is an office of 60 hosts.
	Office *officetest.Office
	// User may do everything; empty is "admin".
	User, Password string
	// Listen and ListenTLS are where api and api-ssl are; empty is any free port of
	// 127.0.0.1. "-" leaves the service out.
	Listen, ListenTLS string
	// Certificate is what api-ssl shows.
	Certificate CertificateKind
	// KeyPair is the certificate of api-ssl and its RSA key as PEM, as NewKeyPair
	// makes them; nil makes new ones.
	KeyPair []byte
	// Interleave mixes the answers of tagged commands that came together, as a device
	// does that carries them out side by side.
	Interleave bool
	// Dribble sends every byte by itself.
	Dribble bool
	// Addresses are more addresses of the device, each a network of its own on the
	// inside bridge: one of the machine it runs on, such as 127.0.0.1, can be the
	// src-address of what it sends.
	Addresses []netip.Addr
	// FastTrack puts the default rule into the firewall.
	FastTrack bool
	// Offloaded is the share of connections, 0 to 1, that hardware forwards:
	// interfaces count them, and traffic-flow does not see them.
	Offloaded float64
	// Now is the device's clock; nil is the machine's.
	Now func() time.Time
	// Booted is when the device was started; zero is some days before Now.
	Booted time.Time
	// OnSentence is told each sentence as it comes, for a log; secrets are left out.
	OnSentence func(Sentence)
}

// defaultName is the identity of a device that is given none.
const defaultName = "office"

// Device is a RouterOS device on loopback: its API, and the state behind it.
type Device struct {
	cfg      DeviceConfig
	office   *officetest.Office
	plain    net.Listener
	secure   net.Listener
	identity func() (*identity, error) // of api-ssl; nil without a certificate

	mu        sync.Mutex // guards all below
	menus     map[string]*menu
	booted    time.Time
	traffic   map[uint32]*traffic
	uplink    uplink
	sentences []Sentence
	faults    []*Fault
	sessions  map[*session]struct{}
	sessionID int
	listeners []*listener
	settings  uint64 // counts changes of what traffic-flow depends on

	sent  atomic.Uint64 // datagrams
	cache flowCache     // of the goroutine that plays
}

// NewDevice makes a device and its listeners; nobody is answered before Run.
// Close it when it is never run.
func NewDevice(cfg DeviceConfig) (*Device, error) {
	if cfg.Profile >= profiles {
		return nil, errors.New("no such RouterOS version")
	}
	if cfg.Office == nil {
		office, err := officetest.New(officetest.Config{})
		if err != nil {
			return nil, err
		}
		cfg.Office = office
	}
	if cfg.Name == "" {
		cfg.Name = defaultName
	}
	if cfg.Serial == "" {
		cfg.Serial = "HC" + strings.ToUpper(rand.Text()[:10])
	}
	if cfg.User == "" {
		cfg.User = "admin"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Booted.IsZero() {
		cfg.Booted = officetest.Boot(cfg.Now())
	}
	d := &Device{
		cfg: cfg, office: cfg.Office, booted: cfg.Booted.Truncate(time.Second),
		menus: map[string]*menu{}, traffic: map[uint32]*traffic{}, settings: 1, sessions: map[*session]struct{}{},
	}
	d.identity = sync.OnceValues(d.makeIdentity)
	for _, list := range [][]*menu{flowMenus(cfg.Profile), systemMenus(), networkMenus()} {
		for _, m := range list {
			d.menus[m.path] = m
			if m.single {
				m.insert(nil)
			}
		}
	}
	if err := d.listen(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.furnish()
	for _, i := range d.menus["/interface"].items {
		d.traffic[i.id] = &traffic{}
	}
	return d, nil
}

func (d *Device) listen() (err error) {
	open := func(where string) (net.Listener, error) {
		switch where {
		case "-":
			return nil, nil
		case "":
			where = "127.0.0.1:0"
		}
		l, err := net.Listen("tcp", where)
		if err != nil {
			return nil, fmt.Errorf("simulated router: %w", err)
		}
		return l, nil
	}
	if d.plain, err = open(d.cfg.Listen); err != nil {
		return err
	}
	d.secure, err = open(d.cfg.ListenTLS)
	return err
}

// Password is that of the user who may do everything, as it was in the beginning.
func (d *Device) Password() string { return d.cfg.Password }

// Addr is where api is; zero when it is left out.
func (d *Device) Addr() netip.AddrPort { return addrOf(d.plain) }

// AddrTLS is where api-ssl is; zero when it is left out.
func (d *Device) AddrTLS() netip.AddrPort { return addrOf(d.secure) }

func addrOf(l net.Listener) netip.AddrPort {
	if l == nil {
		return netip.AddrPort{}
	}
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// Close ends the listeners of a device that is not run.
func (d *Device) Close() error {
	var err error
	for _, l := range []net.Listener{d.plain, d.secure} {
		if l != nil {
			err = errors.Join(err, l.Close())
		}
	}
	return err
}

// Run answers until ctx ends, and then ends every session.
func (d *Device) Run(ctx context.Context) error {
	var group sync.WaitGroup
	stop := context.AfterFunc(ctx, func() {
		_ = d.Close()
		d.hangUp()
	})
	for _, l := range []net.Listener{d.plain, d.secure} {
		if l == nil {
			continue
		}
		group.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
						return
					}
					time.Sleep(10 * time.Millisecond) // out of file descriptors, most likely
					continue
				}
				group.Go(func() { d.serve(ctx, conn, l == d.secure) })
			}
		})
	}
	<-ctx.Done()
	stop()
	err := d.Close()
	d.hangUp()
	group.Wait()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return err
}

// hangUp ends all sessions.
func (d *Device) hangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for s := range d.sessions {
		_ = s.conn.Close()
	}
}

// Sentences are all that clients sent so far, of very many the last.
func (d *Device) Sentences() []Sentence {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Sentence(nil), d.sentences...)
}

// Writes are the sentences so far that asked for a change, login aside.
func (d *Device) Writes() (list []Sentence) {
	for _, s := range d.Sentences() {
		if s.Writes() {
			list = append(list, s)
		}
	}
	return list
}

// ForgetSentences begins the log anew.
func (d *Device) ForgetSentences() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sentences = nil
}

// Print is what the device would answer to path/print, by its own hand: a map a
// row.
func (d *Device) Print(path string) []map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.menus[path]
	if m == nil {
		return nil
	}
	rows := []map[string]string{}
	for _, i := range m.items {
		rows = append(rows, parseRequest(d.row(m, i, nil)).values)
	}
	return rows
}

// Do runs a command by the device's own hand, as its administrator would at the
// console: Do("/ip/traffic-flow/set", "enabled", "yes"). It returns what add
// calls the new item.
func (d *Device) Do(command string, pairs ...string) (string, error) {
	words := []string{command}
	for i := 0; i+1 < len(pairs); i += 2 {
		words = append(words, "="+pairs[i]+"="+pairs[i+1])
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	m, verb, t := d.locate(command)
	if t != nil {
		return "", t
	}
	_, ret, t := d.execute(m, verb, parseRequest(words), policyAll)
	if t != nil {
		return "", t
	}
	return ret, nil
}
