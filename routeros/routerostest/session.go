package routerostest

import (
	"bufio"
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// session is one connection of a client.
type session struct {
	device *Device
	conn   net.Conn
	id     int
	reader *sentenceReader

	user      string // empty before the login
	policies  policySet
	challenge []byte

	mu  sync.Mutex // guards out, which listeners write to as well
	out *bufio.Writer

	held []answer // of tagged commands, to be mixed
}

// answer is what a command is answered with.
type answer struct {
	request   request
	sentences [][]string
}

// Serve answers on a connection that was made otherwise than by the device's
// listeners, such as one end of net.Pipe, until either side ends it or ctx does.
func (d *Device) Serve(ctx context.Context, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	d.serve(ctx, conn, false)
}

func (d *Device) serve(ctx context.Context, conn net.Conn, secure bool) {
	defer conn.Close()
	s := &session{device: d}
	d.mu.Lock()
	s.conn = conn
	d.sessions[s] = struct{}{}
	allowed := d.admits(conn, secure)
	fault := d.faultOf("", Accepting)
	d.mu.Unlock()
	defer d.leave(s)
	if ctx.Err() != nil || !allowed {
		return
	}
	if fault != nil {
		fault.spoil(ctx, s, nil)
		return
	}
	if secure {
		if conn = d.handshake(ctx, conn); conn == nil {
			return
		}
	}
	s.reader, s.out = newSentenceReader(conn), bufio.NewWriter(conn)
	if d.cfg.Dribble {
		s.out = bufio.NewWriter(dribble{conn})
	}
	s.reader.first = s.early
	d.mu.Lock()
	d.sessionID++
	s.id = d.sessionID
	d.mu.Unlock()
	for {
		words, err := s.reader.read()
		if err != nil {
			return
		}
		if !s.take(ctx, words) {
			return
		}
	}
}

// leave forgets a session and what it listens to.
func (d *Device) leave(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sessions, s)
	d.listeners = slices.DeleteFunc(d.listeners, func(l *listener) bool { return l.session == s })
}

// take answers one sentence, and says whether the session goes on.
func (s *session) take(ctx context.Context, words []string) bool {
	d, r := s.device, parseRequest(words)
	d.mu.Lock()
	d.note(s, words)
	fault := d.faultOf(r.command, Answering)
	if fault != nil && fault.Kind == Unheard {
		d.mu.Unlock()
		return s.reply(r, []string{"!done"})
	}
	d.mu.Unlock()
	if fault != nil {
		return fault.spoil(ctx, s, &r)
	}
	switch {
	case r.command == "/login":
		return s.login(ctx, r)
	case r.command == "/quit":
		_ = s.reply(r, []string{"!fatal", "session terminated on request"})
		return false
	case s.user == "":
		return s.stranger(r)
	case r.command == "/cancel":
		return s.cancel(r)
	}
	return s.command(r)
}

// maxLogged is how many sentences are kept, the last of them: a device may run for
// weeks.
const maxLogged = 1 << 16

// note logs a sentence, without its secrets.
func (d *Device) note(s *session, words []string) {
	said := Sentence{Session: s.id, User: s.user, Words: slices.Clone(words)}
	for i, word := range said.Words {
		for _, secret := range []string{"=password=", "=response=", "=old-password=", "=new-password="} {
			if strings.HasPrefix(word, secret) {
				said.Words[i] = secret + "***"
			}
		}
	}
	if len(d.sentences) >= maxLogged {
		d.sentences = slices.Delete(d.sentences, 0, maxLogged/2)
	}
	d.sentences = append(d.sentences, said)
	if d.cfg.OnSentence != nil {
		d.cfg.OnSentence(said)
	}
}

// reply sends sentences, each with the tag of the request, and says whether it
// could.
func (s *session) reply(r request, sentences ...[]string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b []byte
	for _, words := range sentences {
		if r.tagged {
			words = append(slices.Clone(words), ".tag="+r.tag)
		}
		b = appendSentence(b[:0], words...)
		if _, err := s.out.Write(b); err != nil {
			return false
		}
	}
	return s.out.Flush() == nil
}

// mix answers a tagged command together with those that are waiting, a sentence of
// each in turn; while more has come, it waits itself.
func (s *session) mix(r request, sentences [][]string) bool {
	s.held = append(s.held, answer{r, sentences})
	if s.reader.r.Buffered() > 0 {
		return true
	}
	held := s.held
	s.held = nil
	for left := true; left; {
		left = false
		for i := range held {
			if a := &held[i]; len(a.sentences) > 0 {
				if !s.reply(a.request, a.sentences[0]) {
					return false
				}
				a.sentences = a.sentences[1:]
				left = true
			}
		}
	}
	return true
}

// dribble writes byte by byte.
type dribble struct{ conn net.Conn }

func (d dribble) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := d.conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// fail is the answer of an error: the trap, and then done.
func (s *session) fail(r request, t *trap) bool {
	return s.reply(r, t.words(), []string{"!done"})
}

// stranger is what a command before the login gets.
func (s *session) stranger(r request) bool {
	d := s.device
	d.mu.Lock()
	fatal := d.faultOf(r.command, Unknown) != nil
	d.mu.Unlock()
	if fatal {
		_ = s.reply(request{}, []string{"!fatal", "not logged in"})
		return false
	}
	return s.fail(r, &trap{message: "not logged in"})
}

// login handles both styles: name and password at once, from 6.43 on, or a
// challenge that the password answers.
func (s *session) login(ctx context.Context, r request) bool {
	d := s.device
	name, named := r.values["name"]
	response, answers := r.values["response"]
	d.mu.Lock()
	challenges := d.cfg.Profile.challenges()
	d.mu.Unlock()
	if challenges && !answers {
		s.challenge = make([]byte, 16)
		_, _ = rand.Read(s.challenge)
		return s.reply(r, []string{"!done", "=ret=" + hex.EncodeToString(s.challenge)})
	}
	wrong := &trap{message: "invalid user name or password (6)"}
	if challenges {
		wrong.message = "cannot log in"
	}
	d.mu.Lock()
	var policies policySet
	ok := false
	if user := d.menus["/user"].byName(name); named && user != nil && user.values["disabled"] != "true" {
		password := user.values["password"]
		given := r.values["password"]
		if challenges {
			sum := md5.Sum([]byte("\x00" + password + string(s.challenge)))
			password, given = "00"+hex.EncodeToString(sum[:]), response
			ok = s.challenge != nil
		} else {
			ok = true
		}
		ok = ok && subtle.ConstantTimeCompare([]byte(password), []byte(given)) == 1 && s.from(user.values["address"])
		policies = d.policiesOf(user)
		ok = ok && policies.has("api")
	}
	s.challenge = nil
	var fault *Fault
	if ok {
		s.user, s.policies = name, policies
		s.reader.limit = maxSentence
		fault = d.faultOf("", LoggedIn)
	}
	d.mu.Unlock()
	if !ok {
		return s.fail(r, wrong)
	}
	if !s.reply(r, []string{"!done"}) {
		return false
	}
	if fault != nil {
		return fault.spoil(ctx, s, nil)
	}
	return true
}

// from says whether the client's address is among those allowed; an empty list
// allows all.
func (s *session) from(list string) bool { return within(s.conn, list) }

func within(conn net.Conn, list string) bool {
	if list == "" {
		return true
	}
	peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return false
	}
	for item := range strings.SplitSeq(list, ",") {
		if prefix, err := netip.ParsePrefix(item); err == nil && prefix.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}
