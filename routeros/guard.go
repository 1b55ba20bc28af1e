package routeros

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Bounds of one answer. The largest honest ones are lists of leases and of
// addresses: 5000 rows of 17 words are 85,000 words and 1.5 MB. They keep what a
// hostile router can make us hold below some 150 MB, since every word becomes an
// entry of a map.
const (
	maxWord      = 1 << 20
	maxAnswer    = 32 << 20
	maxWords     = 1 << 19
	maxSentences = 1 << 17
)

// errTooLarge is the error of an answer beyond these bounds.
var errTooLarge = errors.New("the answer is larger than nfacct is willing to hold")

// guard stands between the connection and go-routeros. It reads one word at a
// time, refuses lengths and amounts that no router sends, gives the bare word
// behind !fatal the form that the library understands, and remembers what each
// !trap said.
type guard struct {
	net.Conn
	in  *bufio.Reader
	out []byte // checked, and not taken yet

	greeted bool // the first answer has begun as one of the API does
	first   bool // the next word is the first of its sentence
	kind    string
	message string

	size, words, sentences int // of the answer at hand
	traps                  []string
	fatal                  bool
	err                    error
}

func newGuard(conn net.Conn) *guard {
	return &guard{Conn: conn, in: bufio.NewReader(conn), first: true}
}

// begin forgets the answer before.
func (g *guard) begin() {
	g.size, g.words, g.sentences = 0, 0, 0
	g.traps, g.fatal = nil, false
}

// Read gives the library what has been checked.
func (g *guard) Read(p []byte) (int, error) {
	for len(g.out) == 0 {
		if g.err == nil {
			g.err = g.word()
		}
		if g.err != nil {
			return 0, g.err
		}
	}
	n := copy(p, g.out)
	g.out = g.out[n:]
	return n, nil
}

// word reads one word.
func (g *guard) word() error {
	if !g.greeted {
		if err := g.greet(); err != nil {
			return err
		}
	}
	n, err := g.length()
	if err != nil {
		return err
	}
	if g.words++; g.words > maxWords {
		return errTooLarge
	}
	if n > maxWord || g.size+n > maxAnswer {
		return errTooLarge
	}
	g.size += n
	word, err := g.bytes(n)
	if err != nil {
		return err
	}
	switch {
	case n == 0:
		if err := g.end(); err != nil {
			return err
		}
	case g.first:
		g.first, g.kind, g.message = false, string(word), ""
		if word[0] != '!' {
			return fmt.Errorf("answers with %q, which is no word of the RouterOS API", clean(string(word)))
		}
	case word[0] == '=' || bytes.HasPrefix(word, []byte(".tag=")):
		if text, ok := bytes.CutPrefix(word, []byte("=message=")); ok {
			g.message = string(text)
		}
	case g.kind == "!fatal":
		g.message = string(word)
		word = append([]byte("=message="), word...)
	default:
		return fmt.Errorf("answers with the word %q, which is none of the RouterOS API", clean(string(word)))
	}
	g.out = append(appendLength(g.out[:0], len(word)), word...)
	return nil
}

// end is called at the end of a sentence.
func (g *guard) end() error {
	if g.sentences++; g.sentences > maxSentences {
		return errTooLarge
	}
	switch g.kind {
	case "!fatal":
		g.fatal = true
		g.traps = append(g.traps, clean(g.message))
	case "!trap":
		const most = 20
		if len(g.traps) < most {
			g.traps = append(g.traps, clean(g.message))
		}
	}
	g.first, g.kind = true, ""
	return nil
}

// length reads the length of a word.
func (g *guard) length() (int, error) {
	b, err := g.in.ReadByte()
	if err != nil {
		return 0, err
	}
	n, more := int(b), 0
	switch {
	case b < 0x80:
	case b < 0xc0:
		n, more = int(b&^0x80), 1
	case b < 0xe0:
		n, more = int(b&^0xc0), 2
	case b < 0xf0:
		n, more = int(b&^0xe0), 3
	case b == 0xf0:
		n, more = 0, 4
	default:
		return 0, fmt.Errorf("answers with the control byte %#x, which the RouterOS API reserves", b)
	}
	for range more {
		b, err := g.in.ReadByte()
		if err != nil {
			return 0, unexpected(err)
		}
		n = n<<8 | int(b)
	}
	return n, nil
}

// bytes reads n bytes, and takes memory only for those that come.
func (g *guard) bytes(n int) ([]byte, error) {
	word := make([]byte, 0, min(n, 4096))
	for len(word) < n {
		from := len(word)
		word = append(word, make([]byte, min(n-from, max(from, 4096)))...)
		if _, err := io.ReadFull(g.in, word[from:]); err != nil {
			return nil, unexpected(err)
		}
	}
	return word, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// notAPI says that something else answers at the port.
type notAPI struct{ what string }

func (e notAPI) Error() string { return e.what + " answers there, not the RouterOS API" }

// greet looks at the first two bytes: every answer of the API begins with a
// short word whose first sign is an exclamation mark. Servers that greet their
// client, or complain of its greeting, begin otherwise.
func (g *guard) greet() error {
	start, err := g.in.Peek(2)
	if err != nil && len(start) == 0 {
		return err
	}
	if len(start) == 2 && start[0] < 0x40 && (start[1] == '!' || start[0] == 0) {
		g.greeted = true
		return nil
	}
	if len(start) < 2 {
		return unexpected(err)
	}
	// What else there is of its greeting comes at once or not at all.
	g.Conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	g.in.Peek(4)
	rest, _ := g.in.Peek(min(g.in.Buffered(), 80))
	return notAPI{server(rest)}
}

// server names what answered so.
func server(banner []byte) string {
	line, _, _ := strings.Cut(string(banner), "\n")
	switch {
	case strings.HasPrefix(line, "SSH-"):
		return "an SSH server (" + clean(line) + ")"
	case strings.HasPrefix(line, "HTTP/"), strings.HasPrefix(line, "<"):
		return "a web server (" + clean(line) + ")"
	case strings.HasPrefix(line, "220"):
		return "a mail or FTP server (" + clean(line) + ")"
	case len(banner) > 1 && banner[0] == 0xff && banner[1] >= 0xfb:
		return "a Telnet server"
	case len(banner) > 1 && (banner[0] == 0x15 || banner[0] == 0x16) && banner[1] == 3:
		return "a TLS server, such as api-ssl or Winbox,"
	}
	return fmt.Sprintf("something that begins with %q", clean(line[:min(len(line), 20)]))
}

// appendLength appends the length of a word.
func appendLength(dst []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(dst, byte(n))
	case n < 0x4000:
		return append(dst, byte(n>>8)|0x80, byte(n))
	case n < 0x200000:
		return append(dst, byte(n>>16)|0xc0, byte(n>>8), byte(n))
	case n < 0x10000000:
		return append(dst, byte(n>>24)|0xe0, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, 0xf0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
