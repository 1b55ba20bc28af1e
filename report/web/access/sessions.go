package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"
)

// Lengths of a session: it ends when nobody used it for Idle, and after Most in any case.
const (
	Idle = 12 * time.Hour
	Most = 7 * 24 * time.Hour
)

// mostSessions bounds memory; the one that was not used for longest goes first.
const mostSessions = 10_000

// Sessions are those of users who are logged in. The token is 256 random bits, of which
// only the SHA-256 is kept: whoever reads this memory cannot come in with it.
type Sessions struct {
	now func() time.Time

	mu     sync.Mutex
	open   map[[sha256.Size]byte]*session
	tidied time.Time
}

type session struct {
	user        string
	stamp       [sha256.Size]byte
	began, used time.Time
}

// NewSessions has none.
func NewSessions(now func() time.Time) *Sessions {
	return &Sessions{now: now, open: map[[sha256.Size]byte]*session{}}
}

// Begin makes a session of a user and returns its token.
func (s *Sessions) Begin(u *User) string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	token := base64.RawURLEncoding.EncodeToString(random[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
	now := s.now()
	s.open[sha256.Sum256([]byte(token))] = &session{user: u.Name, stamp: u.Stamp(), began: now, used: now}
	return token
}

// tidy drops sessions that are over, once an hour, and the oldest when there are too many.
func (s *Sessions) tidy() {
	now := s.now()
	if len(s.open) < mostSessions && now.Sub(s.tidied) < time.Hour {
		return
	}
	s.tidied = now
	var oldest [sha256.Size]byte
	at := now.Add(time.Hour)
	for key, one := range s.open {
		if one.over(now) {
			delete(s.open, key)
		} else if one.used.Before(at) {
			oldest, at = key, one.used
		}
	}
	if len(s.open) >= mostSessions {
		delete(s.open, oldest)
	}
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.used) >= Idle || now.Sub(s.began) >= Most
}

// User is whose session a token is, among the users there are now. One whose user was
// changed or removed since has ended.
func (s *Sessions) User(token string, users []User) (User, bool) {
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.open[key]
	if !ok {
		return User{}, false
	}
	u, known := Find(users, one.user)
	now := s.now()
	if !known || u.Stamp() != one.stamp || one.over(now) {
		delete(s.open, key)
		return User{}, false
	}
	one.used = now
	return u, true
}

// End ends the session of a token.
func (s *Sessions) End(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sha256.Sum256([]byte(token)))
}
