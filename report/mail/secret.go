package mail

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// leastSecret is how much of a secret in an answer gives it away, in letters.
const leastSecret = 4

var replyCode = regexp.MustCompile(`\b[245][0-9]{2}\b( [245]\.[0-9]{1,3}\.[0-9]{1,3}\b)?`)

// hide leaves out what a server says if it repeats the password, or four letters
// of it, as it is or as commands of SMTP carry it (RFC 4616, LOGIN, XOAUTH2): some
// servers quote a command that they refuse, whole or cut short.
func (t *Transport) hide(text, secret string) string {
	if secret == "" {
		return text
	}
	haystack := strings.ToLower(text)
	for _, form := range []string{
		secret,
		base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte("\x00" + t.cfg.User + "\x00" + secret)),
		base64.StdEncoding.EncodeToString([]byte(t.cfg.User + "\x00" + t.cfg.User + "\x00" + secret)),
		base64.StdEncoding.EncodeToString([]byte("user=" + t.cfg.User + "\x01auth=Bearer " + secret + "\x01\x01")),
	} {
		form = strings.ToLower(form)
		size := min(leastSecret, len(form))
		for i := 0; i+size <= len(form); i++ {
			if strings.Contains(haystack, form[i:i+size]) {
				return strings.TrimSpace(replyCode.FindString(text) + " (the answer repeats the password, or a part of it, and is not shown)")
			}
		}
	}
	return text
}
