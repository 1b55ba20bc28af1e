package routeros

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	ros "github.com/go-routeros/routeros/v3"
)

// Device is a router that a user is logged in to. It is not safe for concurrent
// use: the library mixes up the answers then.
type Device struct {
	cfg    Config
	log    *slog.Logger
	conn   net.Conn // the outermost: TLS where there is TLS
	guard  *guard
	client *ros.Client
	broken error // why the connection cannot be used any more
}

// Dial connects and logs in, each within Config.Timeout and until ctx is done.
// Its errors are of type *Error.
func Dial(ctx context.Context, cfg Config, log *slog.Logger) (*Device, error) {
	d := &Device{cfg: cfg, log: log.With("router", cfg.Name)}
	return d.open(ctx, d.dial)
}

// open makes the connection by dial, and logs in.
func (d *Device) open(ctx context.Context, dial func(context.Context) (net.Conn, error)) (*Device, error) {
	cfg := d.cfg
	password, err := cfg.password()
	if err != nil {
		return nil, d.fail("read the password", err, fmt.Sprintf("write it to a file of mode 0600 and name that in password_file, or hand it over as systemd credential router_%s_password", cfg.Name))
	}
	if err := d.connect(ctx, dial); err != nil {
		return nil, err
	}
	if err := d.login(ctx, password); err != nil {
		d.Close()
		return nil, err
	}
	d.log.Debug("logged in", "address", cfg.hostPort(), "user", cfg.user(), "tls", cfg.tls())
	return d, nil
}

// Close ends the connection.
func (d *Device) Close() {
	if d.conn != nil {
		d.conn.Close()
	}
}

// Local is the address of this machine that the router sees, unless the way to
// it is translated.
func (d *Device) Local() netip.Addr {
	if d.conn == nil {
		return netip.Addr{}
	}
	if tcp, ok := d.conn.LocalAddr().(*net.TCPAddr); ok {
		if addr, ok := netip.AddrFromSlice(tcp.IP); ok {
			return addr.Unmap()
		}
	}
	return netip.Addr{}
}

// Name is what the configuration calls the router.
func (d *Device) Name() string { return d.cfg.Name }

// fail makes an Error.
func (d *Device) fail(doing string, err error, remedy string) *Error {
	return &Error{Router: d.cfg.Name, Doing: doing, Err: err, Remedy: remedy}
}

// connect makes the connection and, for api-ssl, shakes hands.
func (d *Device) connect(ctx context.Context, dial func(context.Context) (net.Conn, error)) error {
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	d.conn = conn
	if d.cfg.tls() {
		if d.conn, err = d.handshake(ctx, conn, nil); err != nil {
			conn.Close()
			return err
		}
	}
	d.guard = newGuard(d.conn)
	d.client, err = ros.NewClient(d.guard)
	if err != nil {
		d.Close()
		return d.fail("connect", err, "")
	}
	// Its own handler writes whole sentences to standard output, passwords too.
	d.client.SetLogHandler(slog.DiscardHandler)
	return nil
}

func (d *Device) dial(ctx context.Context) (net.Conn, error) {
	address := d.cfg.hostPort()
	dialer := net.Dialer{Timeout: d.cfg.timeout()}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err == nil {
		return conn, nil
	}
	e := d.fail("connect to "+address, brief(err), "")
	silence := fmt.Sprintf("see whether the router is on, and whether a firewall between lets TCP through to %s", address)
	var dns *net.DNSError
	switch service := d.service(); {
	case over(ctx):
		e.Err = d.ended(ctx)
		if errors.Is(e.Err, context.DeadlineExceeded) {
			e.Remedy = silence
		}
	case errors.As(err, &dns):
		e.Err, e.Remedy, e.Heals = errors.New("no address is known by that name"), "write the router's address, or a name that this machine can look up", dns.Temporary()
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Remedy = fmt.Sprintf("on the router: /ip service enable %s, and see its port with /ip service print", service)
		e.Heals = true
	case closedAtOnce(err):
		e.Err, e.Remedy, e.Heals = errClosed, d.closedRemedy(), true
	case timedOut(err):
		e.Err = fmt.Errorf("no answer within %s", d.cfg.timeout())
		e.Remedy, e.Heals = silence, true
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		e.Remedy, e.Heals = "see whether the router is on, and this machine's routes", true
	}
	return nil, e
}

// service is what RouterOS calls the service that is dialed.
func (d *Device) service() string {
	if d.cfg.tls() {
		return apiTLS
	}
	return apiPlain
}

// login logs in by the way of 6.43 and later, or by the one before, which the
// library falls back to when the router sends a challenge.
func (d *Device) login(ctx context.Context, password string) error {
	doing := fmt.Sprintf("log in to %s as %s", d.cfg.hostPort(), d.cfg.user())
	err := d.do(ctx, func() error { return d.client.LoginContext(ctx, d.cfg.user(), password) })
	if err == nil {
		return nil
	}
	var de *DeviceError
	var other notAPI
	port := portPlain
	if d.cfg.tls() {
		port = portTLS
	}
	e := d.fail(doing, err, "")
	switch {
	case errors.As(err, &other):
		e.Remedy = fmt.Sprintf("write the port of %s to address, as /ip service print shows it (usually %s)", d.service(), port)
		if strings.HasPrefix(other.what, "a TLS") && !d.cfg.tls() {
			e.Remedy = `if that is api-ssl, write api = "api-ssl"; else ` + e.Remedy
		}
	case errors.As(err, &de) && (de.says(wordsPassword) || de.says(wordsLogin) || de.says(wordsNotLoggedIn)):
		e.Remedy = "check user and password_file, and on the router: /user print shows the user's group and allowed addresses, and the group needs the policy api"
	case errors.As(err, &de) && de.says(wordsPermission):
		e.Remedy = d.remedyOf(err)
	case closedAtOnce(err):
		e.Err, e.Remedy, e.Heals = errClosed, d.closedRemedy(), true
	case errors.Is(err, errSilent):
		e.Remedy = fmt.Sprintf("see whether %s is the port of %s, and how busy the router is", d.cfg.hostPort(), d.service())
		e.Heals = true
	default: // refused in other words, or no answer of the API
		e.Remedy = d.remedyOf(err)
	}
	return e
}

// closedRemedy is what to look at when a router closes a connection that it
// accepted: RouterOS does so with clients outside the address list of the
// service and beyond max-sessions.
func (d *Device) closedRemedy() string {
	from := ""
	if local := d.Local(); local.IsValid() {
		from = " " + local.String()
	}
	return fmt.Sprintf("on the router, /ip service print detail where name=%s: this machine's address%s has to be in address, max-sessions must not be used up, and the port has to be that service's (usually %s for api, %s for api-ssl)", d.service(), from, portPlain, portTLS)
}

func closedAtOnce(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

var errClosed = errors.New("the router closed the connection without a word")

// worded says an error in other words.
type worded struct {
	words string
	error
}

func (w worded) Error() string { return w.words }
func (w worded) Unwrap() error { return w.error }

// errSilent is wrapped when a router did not answer in time.
var errSilent = errors.New("no answer")

// silentError says how long nothing came.
func (d *Device) silentError() error {
	return fmt.Errorf("%w within %s", errSilent, d.cfg.timeout())
}

// timedOut says whether the error is of a deadline.
func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// over reports whether a context is done. A connection whose deadline is the
// context's may notice it a moment before the context does.
func over(ctx context.Context) bool {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

// ended is the error of a context that is done.
func (d *Device) ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return worded{"no answer in the time that one router may take", ctx.Err()}
	}
	return context.Cause(ctx)
}

// brief leaves out what net.OpError says of addresses: the step says it.
func brief(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return err
}

// do runs one exchange with a deadline, and ends it when ctx does. After any
// error but a router's refusal the connection is of no more use.
func (d *Device) do(ctx context.Context, exchange func() error) error {
	if d.broken != nil {
		return d.broken
	}
	if ctx.Err() != nil {
		return d.ended(ctx)
	}
	deadline := time.Now().Add(d.cfg.timeout())
	if err := d.conn.SetDeadline(deadline); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { d.conn.Close() })
	d.guard.begin()
	err := exchange()
	stop()
	if err == nil && len(d.guard.traps) == 0 {
		return nil
	}
	var device *ros.DeviceError
	switch {
	case err == nil, errors.As(err, &device):
		refused := &DeviceError{Words: d.guard.traps, Fatal: d.guard.fatal}
		if refused.Fatal {
			d.broken = refused
			d.conn.Close()
		}
		return refused
	case over(ctx):
		err = d.ended(ctx)
	case len(d.guard.traps) > 0: // and no !done: the words would be lost
		err = &DeviceError{Words: d.guard.traps, Cut: true}
	case timedOut(err):
		err = d.silentError()
	case errors.Is(err, syscall.ECONNRESET):
		err = worded{"the router reset the connection in the middle", err}
	case closedAtOnce(err):
		err = worded{"the router closed the connection in the middle", err}
	default:
		err = brief(err)
	}
	d.broken = fmt.Errorf("the connection broke before: %w", err)
	d.conn.Close()
	return err
}

// Values are the properties of one item by name, as the router wrote them.
type Values map[string]string

// run runs a command. Words are never logged, since values can be secrets.
func (d *Device) run(ctx context.Context, command string, words ...string) (*ros.Reply, error) {
	var reply *ros.Reply
	err := d.do(ctx, func() (err error) {
		reply, err = d.client.RunArgsContext(ctx, append([]string{command}, words...))
		return err
	})
	d.log.Debug("api", "command", command, "items", count(reply), "err", err)
	return reply, err
}

func count(reply *ros.Reply) int {
	if reply == nil {
		return 0
	}
	return len(reply.Re)
}

// print reads a menu. Words are queries and attributes such as .proplist.
func (d *Device) print(ctx context.Context, menu string, words ...string) ([]Values, error) {
	reply, err := d.run(ctx, menu+"/print", words...)
	if err != nil {
		e := d.fail("read "+typed(menu), err, d.remedyOf(err))
		e.Heals = errors.Is(err, errSilent) || closedAtOnce(err)
		return nil, e
	}
	items := make([]Values, 0, len(reply.Re))
	for _, re := range reply.Re {
		items = append(items, re.Map)
	}
	return items, nil
}

// typed is a menu as it is typed: /ip traffic-flow.
func typed(menu string) string {
	return "/" + strings.ReplaceAll(strings.TrimPrefix(menu, "/"), "/", " ")
}
