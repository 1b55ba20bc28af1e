// Package squid reads Squid's access log: what each client and user moved
// through the proxy, by hour, into the archive, each line exactly once however
// the log is rotated.
//
// Three formats have names (Squid's documentation of logformat, 6.x):
//
//	native    %ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt
//	common    %>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st %Ss:%Sh
//	combined  the same with "%{Referer}>h" "%{User-Agent}>h" before %Ss:%Sh
//
// and any other can be written as squid.conf has it, as long as something stands
// between its codes. Of the codes %>a, the time (%ts, %tl or %tg), %<st, %>st, %un
// and its kin, and %Ss are read; the others are passed over.
package squid

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Entry is what a line says. Its slices are valid as long as the line is.
type Entry struct {
	Unix   int64 // when the request ended, in seconds
	Client []byte
	User   []byte // nil when nobody said who it was
	// Bytes were sent to the client, headers included; those received from it
	// are added where the format has them.
	Bytes uint64
	// Denied: Squid refused. What it sent was its own page.
	Denied bool
}

// Format is how lines are written. It is not safe for use by several goroutines.
type Format struct {
	native bool
	parts  []part
	text   int // the last part that a client writes as it likes; -1 for none
	clock  clock
}

// part is a code and the text behind it.
type part struct {
	code  string
	until []byte // nothing: the line's end
}

const (
	common   = `%>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st %Ss:%Sh`
	combined = `%>a %[ui %[un [%tl] "%rm %ru HTTP/%rv" %>Hs %<st "%{Referer}>h" "%{User-Agent}>h" %Ss:%Sh`
)

// code finds a code of logformat: percent, encoding, width, argument, name,
// argument of newer versions.
var code = regexp.MustCompile(`^%["\[#'/\\]?-?\d*(?:\.\d+)?(?:\{([^}]*)\})?([<>]?[A-Za-z_:]+)(?:\{([^}]*)\})?`)

// codes are those that are read.
var codes = map[string]bool{
	">a": true, "ts": true, "tl": true, "tg": true, "<st": true, ">st": true,
	"un": true, "ul": true, "ue": true, "us": true, "Ss": true,
}

// foreign are those that a client or a server writes as it likes.
var foreign = map[string]bool{">h": true, ">ha": true, "<h": true, "ea": true, "et": true, "note": true}

// ownForm stands for a time in a form of its own, as in %{%H:%M}tl.
const ownForm = "{}t"

// cutCode ends a name at a single colon, as in "%Ss:%Sh"; two are part of one.
func cutCode(name string) string {
	if strings.Contains(name, "::") {
		return name
	}
	name, _, _ = strings.Cut(name, ":")
	return name
}

// NewFormat knows native, common, combined and formats of squid.conf.
func NewFormat(text string) (*Format, error) {
	switch text {
	case "native", "squid":
		return &Format{native: true}, nil
	case "common":
		text = common
	case "combined":
		text = combined
	}
	f := &Format{text: -1}
	has := map[string]bool{}
	ownTime := "" // a time in a form of its own, which is passed over
	literal := strings.Builder{}
	flush := func() error {
		if literal.Len() == 0 {
			if len(f.parts) > 0 {
				return fmt.Errorf("format %q: nothing stands between %%%s and the code behind it", text, f.parts[len(f.parts)-1].code)
			}
			return nil
		}
		if len(f.parts) == 0 {
			f.parts = append(f.parts, part{})
		}
		f.parts[len(f.parts)-1].until = []byte(literal.String())
		literal.Reset()
		return nil
	}
	for rest := strings.TrimSpace(text); rest != ""; {
		switch {
		case strings.HasPrefix(rest, "%%"):
			literal.WriteByte('%')
			rest = rest[2:]
			continue
		case rest[0] != '%':
			literal.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		found := code.FindStringSubmatchIndex(rest)
		if found == nil {
			return nil, fmt.Errorf("format %q: no code begins at %q: write native, common, combined, or a format of squid.conf", text, rest)
		}
		name, end := rest[found[4]:found[5]], found[1]
		if short := cutCode(name); short != name {
			end = found[4] + len(short)
			name = short
		}
		if argument := found[2] >= 0 || found[6] >= 0 && found[1] == end; argument && (name == "tl" || name == "tg") {
			ownTime, name = name, ownForm
		}
		if err := flush(); err != nil {
			return nil, err
		}
		if foreign[name] {
			f.text = len(f.parts)
		}
		f.parts = append(f.parts, part{code: name})
		has[name] = true
		rest = rest[end:]
	}
	if literal.Len() > 0 {
		if err := flush(); err != nil {
			return nil, err
		}
	}
	switch {
	case !has[">a"]:
		return nil, fmt.Errorf("format %q: it lacks the client's address, %%>a: write native, common, combined, or a format of squid.conf", text)
	case !has["ts"] && !has["tl"] && !has["tg"] && ownTime != "":
		return nil, fmt.Errorf("format %q: a time in a form of its own: use %%%s without braces, or %%ts", text, ownTime)
	case !has["ts"] && !has["tl"] && !has["tg"]:
		return nil, fmt.Errorf("format %q: it lacks the time, %%ts or %%tl", text)
	case !has["<st"]:
		return nil, fmt.Errorf("format %q: it lacks the bytes sent to the client, %%<st", text)
	}
	return f, nil
}

// take reads a field.
func (f *Format) take(code string, field []byte, e *Entry) bool {
	switch code {
	case ">a":
		e.Client = field
	case "ts":
		whole, _, _ := bytes.Cut(field, []byte{'.'})
		n, ok := number(whole)
		e.Unix = int64(n)
		return ok && n <= maxUnix
	case "tl", "tg":
		var ok bool
		e.Unix, ok = f.clock.read(field)
		return ok
	case "<st", ">st":
		if len(field) == 1 && field[0] == '-' {
			return true
		}
		n, ok := number(field)
		e.Bytes += n
		return ok && n <= maxBytes
	case "Ss":
		e.Denied = denied(field)
	default:
		if e.User == nil {
			e.User = user(field)
		}
	}
	return true
}

const (
	maxUnix  = 253402300799 // the end of the year 9999
	maxBytes = 1 << 50      // more than any response has
)

// number reads digits.
func number(text []byte) (uint64, bool) {
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	var n uint64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// user is nil for the dash of nobody.
func user(field []byte) []byte {
	if len(field) == 0 || len(field) == 1 && field[0] == '-' {
		return nil
	}
	return field
}

var deniedTag = []byte("DENIED")

func denied(tag []byte) bool { return bytes.Contains(tag, deniedTag) }

// maxUser is how many characters of a user's name the archive keeps.
const maxUser = 120

// UserName is a user as Squid knew him: what its %[un wrote as %20 and the like is
// read back, and small letters stand for great ones, since no directory tells
// users apart by them. A name in another code than UTF-8 (HTTP sends Latin-1 unless
// auth_param says utf8 on) stays as it stands in the log, %e8%e2: no two users
// become one, and none becomes nobody.
func UserName(field []byte) string {
	text := unescape(string(field))
	if !utf8.ValidString(text) {
		text = escapeForeign(string(field))
	}
	text = strings.TrimSpace(strings.ToLower(text))
	if len(text) > maxUser {
		if runes := []rune(text); len(runes) > maxUser {
			text = tooLong(runes)
		}
	}
	return text
}

// unescape reads %20 and the like back.
func unescape(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// escapeForeign writes bytes that are not UTF-8, which older versions of Squid
// wrote as they came, as newer ones would.
func escapeForeign(text string) string {
	var b strings.Builder
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)) {
			fmt.Fprintf(&b, "%%%02x", text[i])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// tooLong cuts a name that the archive has no room for; a digest at its end keeps
// it apart from others that begin alike.
func tooLong(name []rune) string {
	digest := sha256.Sum256([]byte(string(name)))
	mark := fmt.Sprintf("~%x", digest[:6])
	return string(name[:maxUser-len(mark)]) + mark
}
