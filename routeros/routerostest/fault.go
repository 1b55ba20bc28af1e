package routerostest

import (
	"context"
	"io"
	"net"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind uint8

const (
	// Silent: nothing is answered any more.
	Silent FaultKind = iota
	// HalfSentence: the answer stops in the middle of a sentence.
	HalfSentence
	// Trickle: row after row, a word of a few bytes at a time, for ever.
	Trickle
	// Reset: the connection is reset.
	Reset
	// TrapClose: a trap, no done, and the connection is closed.
	TrapClose
	// TwoTraps: two traps before the done.
	TwoTraps
	// Fatal: !fatal with its reason as a bare word, and the connection is closed.
	Fatal
	// Banner: another service is behind the port; Text is what it says.
	Banner
	// Unkept: a write is answered with done, and changes nothing.
	Unkept
	// Unheard: the command is answered with done and never carried out.
	Unheard
	// Early: the answer is sent when only the first word of the command has come.
	Early
	// NoRet: add does not say what it added, as some 7.x.
	NoRet
	// Huge: a word is announced that is 4 GiB long.
	Huge
	// Reserved: a control byte that no version has defined.
	Reserved
	// FatalStranger: a command before the login gets !fatal instead of !trap.
	FatalStranger
	// Trap: one trap, then the done; the command is not carried out.
	Trap
)

// Moment is when a fault may strike.
type Moment uint8

const (
	Answering Moment = iota // a sentence has come
	Accepting               // a connection has come
	LoggedIn                // a login has succeeded
	Keeping                 // a write is about to be kept
	Adding                  // an add is about to be answered
	Unknown                 // a command came before the login
	Beginning               // the first word of a sentence has come
)

// Fault is something that goes wrong on demand.
type Fault struct {
	Kind FaultKind
	// When it strikes; Unkept, Early, NoRet and FatalStranger have moments of their own.
	When Moment
	// Command is the command that it strikes, as /ip/traffic-flow/set; empty: any.
	Command string
	// Times is how often; 0: always.
	Times int
	// Text is the banner's, the trap's or the reason of the fatal.
	Text string

	struck int
}

// Break makes something go wrong from now on.
func (d *Device) Break(f Fault) {
	switch f.Kind {
	case Unkept:
		f.When = Keeping
	case Early:
		f.When = Beginning
	case NoRet:
		f.When = Adding
	case FatalStranger:
		f.When = Unknown
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, &f)
}

// Mend ends all faults; what already hangs stays so.
func (d *Device) Mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = nil
}

// faultOf is the fault that strikes now, or nil. A path stands for all of its
// commands.
func (d *Device) faultOf(command string, when Moment) *Fault {
	for _, f := range d.faults {
		if f.When != when || f.Times > 0 && f.struck >= f.Times {
			continue
		}
		of := f.Command
		if when == Keeping {
			of = of[:max(0, len(of)-len(verbOf(of))-1)]
		}
		if f.Command == "" && command != "/login" || f.Command != "" && of == command {
			f.struck++
			return f
		}
	}
	return nil
}

// spoil does what the fault is, and says whether the session goes on.
func (f *Fault) spoil(ctx context.Context, s *session, r *request) bool {
	if r == nil {
		r = &request{}
	}
	text := func(otherwise string) string {
		if f.Text != "" {
			return f.Text
		}
		return otherwise
	}
	raw := func(b []byte) bool {
		_, err := s.conn.Write(b)
		return err == nil
	}
	switch f.Kind {
	case Silent:
		s.idle()
	case HalfSentence:
		half := appendSentence(nil, "!re", "=name=half of a sentence")
		if raw(half[:len(half)/2]) {
			s.idle()
		}
	case Trickle:
		row := appendSentence(nil, "!re", "=name=x")
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for i := 0; raw(row[i : i+1]); i = (i + 1) % len(row) {
			select {
			case <-ctx.Done():
				return false
			case <-tick.C:
			}
		}
	case Reset:
		if tcp, ok := s.conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	case TrapClose:
		_ = s.reply(*r, (&trap{message: text("failure: device is going down")}).words())
	case TwoTraps:
		first := &trap{message: text("failure: first reason"), category: "4"}
		return s.reply(*r, first.words(), (&trap{message: "failure: second reason"}).words(), []string{"!done"})
	case Trap:
		return s.reply(*r, (&trap{message: text("failure: not now")}).words(), []string{"!done"})
	case Fatal:
		_ = s.reply(request{}, []string{"!fatal", text("out of memory")})
	case Banner:
		if raw([]byte(text("SSH-2.0-ROSSSH\r\n"))) {
			s.idle()
		}
	case Huge:
		if raw([]byte{0xf0, 0xff, 0xff, 0xff, 0xff}) {
			s.idle()
		}
	case Reserved:
		if raw([]byte{0xf8, 0, 0, 0, 1}) {
			s.idle()
		}
	}
	return false
}

// idle reads and says nothing until the client hangs up, or the device ends.
func (s *session) idle() { _, _ = io.Copy(io.Discard, s.conn) }

// early answers a command of which only the first word has come.
func (s *session) early(command string) {
	d := s.device
	d.mu.Lock()
	fault := s.user != "" && d.faultOf(command, Beginning) != nil
	d.mu.Unlock()
	if fault {
		_ = s.reply(request{}, []string{"!done"})
	}
}

// admits says whether a service takes a connection: enabled, and its address
// list has the client.
func (d *Device) admits(conn net.Conn, secure bool) bool {
	name := "api"
	if secure {
		name = "api-ssl"
	}
	service := d.menus["/ip/service"].byName(name)
	return service.values["disabled"] != "true" && within(conn, service.values["address"])
}
