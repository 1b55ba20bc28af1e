package routeros

import (
	"context"
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
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return "if it is that slow, raise provision.deadline; /system resource print there shows how busy it is"
		case errors.Is(err, errSilent):
			return "/system resource print there shows how busy it is; if it is that slow, raise provision.timeout"
		case errors.Is(err, errTooLarge):
			return "no RouterOS answers so: see whether address is the router's, and what is behind that port"
		case closedAtOnce(err):
			return "/log print there may say why, and whether it restarts; then run it again"
		case errors.Is(err, context.Canceled):
			return ""
		}
		return "see whether address is the router's and the port that of its API (/ip service print)"
	}
	switch {
	case de.Fatal:
		return "/log print there may say why, and /ip service print detail how many sessions it admits; then run it again"
	case de.Cut:
		return "/log print there may say why, and whether it restarts; then run it again"
	case de.says("invalid value") || de.says("value of") || de.says("does not match") || de.says("input does not"):
		return "this version does not take the value: type the command there to see which it takes, and change it in [provision]"
	case de.says(wordsPermission):
		return fmt.Sprintf("give the group of user %s the policies api, read and write: /user group set GROUP policy=api,read,write", d.cfg.user())
	case de.says(wordsUnknown):
		return "this version of RouterOS does not know that setting; leave it out of the configuration"
	}
	return "these are the router's own words; /log print there may say more, as may typing the command there"
}

// maxText is how many characters of a router's words are shown.
const maxText = 300

// clean makes a router's words fit to be shown: what is not UTF-8 or not printable
// becomes a question mark, and there is no more than maxText of it.
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
