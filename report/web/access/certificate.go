package access

import (
	"crypto/tls"
	"fmt"
	"sync"
	"time"
)

// lookAgain is how often the files are looked at.
const lookAgain = 2 * time.Second

// Certificate is that of two files, read again when they change. Files that are no
// good leave the one that was there.
type Certificate struct {
	cert, key string
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	marks   [2]mark
	looked  time.Time
	problem error
	since   time.Time
}

// NewCertificate reads the files.
func NewCertificate(cert, key string, now func() time.Time) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key, now: now}
	c.look()
	return c, c.problem
}

// Get is the certificate for a connection, as tls.Config wants it.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.looked) >= lookAgain {
		c.look()
	}
	return c.current, nil
}

// State is until when the certificate is good, and since when and why its files are not.
func (c *Certificate) State() (until, since time.Time, problem error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.looked) >= lookAgain {
		c.look()
	}
	if c.current != nil && c.current.Leaf != nil {
		until = c.current.Leaf.NotAfter
	}
	return until, c.since, c.problem
}

func (c *Certificate) look() {
	c.looked = c.now()
	certMark, err := markOf(c.cert)
	keyMark, keyErr := markOf(c.key)
	if err == nil {
		err = keyErr
	}
	marks := [2]mark{certMark, keyMark}
	if err == nil {
		if c.problem == nil && c.current != nil && marks == c.marks {
			return
		}
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.cert, c.key); err == nil {
			c.current, c.marks, c.problem, c.since = &pair, marks, nil, time.Time{}
			return
		}
		err = fmt.Errorf("%s and %s: %w", c.cert, c.key, err)
	}
	if c.problem == nil {
		c.since = c.looked
	}
	c.problem = err
}
