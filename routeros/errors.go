package routeros

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Error is what went wrong with a router, in which step, and what to do.
type Error struct {
	Router string // its name in the configuration
	Doing  string // as in "connect to 192.168.88.1:8729"
	Err    error
	Remedy string // may be empty
	// Heals: the same may work a little later, because nobody answered or the
	// connection broke. A refused password or certificate does not heal.
	Heals bool
}

// Error reads as a path, with the remedy behind a semicolon.
func (e *Error) Error() string {
	text := "router " + e.Router + ": " + e.Doing + ": " + e.Err.Error()
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// DeviceError is what a router said to a command in its own words, cleaned of
// what a terminal might act on.
type DeviceError struct {
	Words []string // of each !trap, or of !fatal
	Fatal bool     // the router ended the connection
	Cut   bool     // the answer ended before its !done
}

// Error is the router's words.
func (e *DeviceError) Error() string {
	text := strings.Join(e.Words, "; ")
	if text == "" {
		text = "the router reports an error without words"
	}
	switch {
	case e.Fatal:
		return "the router ended the connection: " + text
	case e.Cut:
		return text + " (and the router closed the connection)"
	}
	return text
}

// says reports whether the router used such words.
func (e *DeviceError) says(words string) bool {
	for _, w := range e.Words {
		if strings.Contains(strings.ToLower(w), words) {
			return true
		}
	}
	return false
}

// Words that devices use; the API documentation and observed traps.
const (
	wordsPermission  = "not enough permissions"
	wordsPassword    = "invalid user name or password" // 6.43 and later
	wordsLogin       = "cannot log in"                 // before
	wordsNotLoggedIn = "not logged in"
	wordsNoCommand   = "no such command"
	wordsUnknown     = "unknown parameter"
)

// absent says whether the router does not know the menu.
func absent(err error) bool {
	var de *DeviceError
	return errors.As(err, &de) && de.says(wordsNoCommand)
}

// remedyOf is what to do about a router's refusal.
func (d *Device) remedyOf(err error) string {
	var de *DeviceError
	if !errors.As(err, &de) {
		return ""
	}
	switch {
	case de.says(wordsPermission):
		return fmt.Sprintf("give the group of user %s the policies api, read and write: /user group set GROUP policy=api,read,write", d.cfg.user())
	case de.says(wordsUnknown):
		return "this version of RouterOS does not know that setting; leave it out of the configuration"
	}
	return ""
}

// maxText is how many characters of a router's words are shown.
const maxText = 300

// clean makes a router's words fit to be shown: what is not UTF-8 or not
// printable becomes a question mark, and there is no more than maxText of it.
func clean(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxText {
			b.WriteString("...")
			break
		}
		switch {
		case r == unicode.ReplacementChar || !unicode.IsPrint(r) && !unicode.IsSpace(r):
			b.WriteByte('?')
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}
