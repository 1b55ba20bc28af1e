package routeros

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	ros "github.com/go-routeros/routeros/v3"
)

// hostile is a connection on which a router says what it wants.
type hostile struct{ io.Reader }

func (hostile) Write(p []byte) (int, error)      { return len(p), nil }
func (hostile) Close() error                     { return nil }
func (hostile) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (hostile) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (hostile) SetDeadline(time.Time) error      { return nil }
func (hostile) SetReadDeadline(time.Time) error  { return nil }
func (hostile) SetWriteDeadline(time.Time) error { return nil }

// answer reads one answer through guard and library.
func answer(t testing.TB, said io.Reader) (*guard, *ros.Reply, error) {
	t.Helper()
	g := newGuard(hostile{said})
	client, err := ros.NewClient(g)
	if err != nil {
		t.Fatal(err)
	}
	client.SetLogHandler(discard{})
	reply, err := client.Run("/ip/traffic-flow/print")
	return g, reply, err
}

func sentence(words ...string) []byte {
	var b []byte
	for _, word := range words {
		b = append(appendLength(b, len(word)), word...)
	}
	return append(b, 0)
}

func TestGuard(t *testing.T) {
	long := strings.Repeat("x", 20_000) // a length of three bytes
	for _, c := range []struct {
		name  string
		said  []byte
		traps []string
		fatal bool
		err   string
	}{
		{name: "rows", said: slices.Concat(sentence("!re", "=name="+long), sentence("!done"))},
		{name: "empty", said: slices.Concat(sentence(), sentence("!empty"), sentence("!done"))},
		{name: "bare fatal", said: sentence("!fatal", "not\x1b[31m logged in"), traps: []string{"not?[31m logged in"}, fatal: true, err: "logged in"},
		{name: "two traps", said: slices.Concat(sentence("!trap", "=message=a"), sentence("!trap", "=category=1", "=message=b"), sentence("!done")), traps: []string{"a", "b"}, err: "b"},
		{name: "trap and end", said: sentence("!trap", "=message=a"), traps: []string{"a"}, err: "EOF"},
		{name: "bare word", said: sentence("!re", "word"), err: `the word "word"`},
		{name: "no answer", said: sentence("!re", "=a=b")[:4], err: "EOF"},
		{name: "reserved", said: append(sentence("!re"), 0xf8), err: "reserves"},
		{name: "huge", said: append(sentence("!re"), 0xf0, 0xff, 0xff, 0xff, 0xff), err: errTooLarge.Error()},
		{name: "ssh", said: []byte("SSH-2.0-ROSSSH\r\n"), err: "an SSH server"},
		{name: "telnet", said: []byte{0xff, 0xfd, 0x18}, err: "a Telnet server"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _, err := answer(t, bytes.NewReader(c.said))
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if !slices.Equal(g.traps, c.traps) || g.fatal != c.fatal {
				t.Errorf("traps %q, fatal %v", g.traps, g.fatal)
			}
		})
	}
}

// endless says the same again and again.
type endless struct {
	what []byte
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.what[e.at]
		e.at = (e.at + 1) % len(e.what)
	}
	return len(p), nil
}

// What a router can make us hold is bounded, whatever it says without end. (The
// library starts a goroutine for each read, so that it is left out here.)
func TestGuardBoundsMemory(t *testing.T) {
	for _, said := range [][]byte{
		sentence("!re", "=name=x"), sentence("!re"), {0}, sentence("!trap", "=message=x"),
		sentence("!re", "=comment="+strings.Repeat("x", 500_000)),
	} {
		g := newGuard(hostile{&endless{what: said}})
		n, err := io.Copy(io.Discard, g)
		if !errors.Is(err, errTooLarge) || n > maxAnswer+5*maxWords {
			t.Errorf("%.20q: %d bytes, %v", said, n, err)
		}
		if g.size > maxAnswer+maxWord || g.words > maxWords+1 || g.sentences > maxSentences+1 || len(g.traps) > 20 {
			t.Errorf("%.20q: %d bytes, %d words, %d sentences", said, g.size, g.words, g.sentences)
		}
	}
	// A length is only believed as far as its bytes come.
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	g := newGuard(hostile{bytes.NewReader(append([]byte{3, '!', 'r', 'e', 0xe0, 0x0f, 0xff, 0xff}, "=a"...))})
	_, err := io.Copy(io.Discard, g)
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<17 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d bytes were taken for a word that did not come: %v", taken, err)
	}
}

// Sentences of a hostile router: no panic, no endless loop, no more memory than
// came over the wire and the bounds allow.
func FuzzGuard(f *testing.F) {
	f.Add(slices.Concat(sentence("!re", "=.id=*1", "=name=ether1"), sentence("!done")))
	f.Add(slices.Concat(sentence("!trap", "=category=2", "=message=no"), sentence("!done", "=ret=*5")))
	f.Add(sentence("!fatal", "session terminated on request"))
	f.Add([]byte{3, '!', 'r', 'e', 0xc0, 0x40, 0x00})
	f.Add([]byte{3, '!', 'r', 'e', 0xf0, 0x00, 0x0f, 0xff, 0xff, '='})
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		g, reply, err := answer(t, bytes.NewReader(said))
		if err == nil && reply.Done == nil {
			t.Error("an answer without its end")
		}
		if g.size > len(said)+maxWord {
			t.Errorf("%d bytes counted of %d", g.size, len(said))
		}
		for _, trap := range g.traps {
			if strings.ContainsAny(trap, "\x1b\n\x00") || len(trap) > 5*maxText {
				t.Errorf("trap %q", trap)
			}
		}
		if reply == nil {
			return
		}
		// What facts and plans make of it.
		facts := &Facts{Lists: map[string][]string{}}
		state := &State{}
		var items []Values
		for _, re := range reply.Re {
			v := Values(re.Map)
			items = append(items, v)
			for _, take := range []func(*Facts, Values){
				(*Facts).takeResource, (*Facts).takeInterface, (*Facts).takeMember, (*Facts).takeAddress, (*Facts).takeDefault,
				(*Facts).takeStatic, (*Facts).takeNAT, (*Facts).takeFastTrack, (*Facts).takeLease, (*Facts).takeNeighbour, (*Facts).takeListEntry,
			} {
				take(facts, v)
			}
		}
		facts.tidy()
		facts.WAN()
		facts.Inside()
		facts.Own()
		for _, menu := range []string{menuFlow, menuTarget, menuIPFIX} {
			state.take(menu, items)
		}
		p := DefaultProvision()
		p.Version = "ipfix"
		for _, change := range Compare(state, Wanted{Provision: p, Interfaces: []string{"WAN"}}).Changes {
			if strings.ContainsAny(change.Command(), "\x1b\n\x00") {
				t.Errorf("command %q", change.Command())
			}
		}
	})
}
