// Package access says who may see the page: users with their passwords and
// departments, sessions that end, logins that are slowed down, and the certificate.
//
// Users stand in a file of the state folder, in JSON, and not in the database: whoever
// has to see why the database is down must be able to log in.
package access

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

// Role is what a user may do.
type Role string

// The roles. A viewer sees figures, perhaps of some departments only; an
// administrator sees all, and who else may.
const (
	Viewer        Role = "viewer"
	Administrator Role = "administrator"
)

// User is a person who may log in, or whom a proxy names.
type User struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Departments are those that a viewer sees; none are all.
	Departments []string `json:"departments,omitempty"`
	// Password is its bcrypt; empty: the user comes through the proxy only.
	Password string `json:"password,omitempty"`
}

// Bounds of a password. bcrypt looks at 72 bytes and no more.
const (
	leastPassword = 8 // characters
	mostPassword  = 72
)

// Cost is bcrypt's: 12 makes a guess take about a quarter of a second. Tests lower it.
var Cost = 12

// Check says what is wrong with a user.
func (u *User) Check() error {
	switch {
	case u.Name == "" || utf8.RuneCountInString(u.Name) > 64 || strings.ContainsFunc(u.Name, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }):
		return fmt.Errorf("user %q: a name is 1 to 64 letters, digits and signs without space", u.Name)
	case u.Role != Viewer && u.Role != Administrator:
		return fmt.Errorf("user %s: %q is no role; choose viewer or administrator", u.Name, u.Role)
	case u.Role == Administrator && len(u.Departments) > 0:
		return fmt.Errorf("user %s: an administrator sees all departments; choose the role viewer", u.Name)
	case slices.Contains(u.Departments, ""):
		return fmt.Errorf("user %s: a department without a name", u.Name)
	}
	return nil
}

// SetPassword keeps a password's bcrypt.
func (u *User) SetPassword(password string) error {
	switch {
	case utf8.RuneCountInString(password) < leastPassword:
		return fmt.Errorf("the password is too short: take %d characters or more", leastPassword)
	case len(password) > mostPassword:
		return fmt.Errorf("the password is too long: take at most %d bytes", mostPassword)
	case strings.ContainsFunc(password, unicode.IsControl):
		return errors.New("the password has a character that nobody can type")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), Cost)
	u.Password = string(hash)
	return err
}

// nobody is a password's bcrypt that no user has: a name that does not exist takes as
// long to refuse as a wrong password, so that names cannot be found out.
var nobody = sync.OnceValue(func() []byte {
	hash, err := bcrypt.GenerateFromPassword([]byte("nobody at all"), Cost)
	if err != nil {
		panic(err) // of a constant
	}
	return hash
})

// Verify says whether a name and a password are a user's.
func Verify(users []User, name, password string) (User, bool) {
	u, known := Find(users, name)
	if !known || u.Password == "" {
		_ = bcrypt.CompareHashAndPassword(nobody(), []byte(password))
		return User{}, false
	}
	return u, bcrypt.CompareHashAndPassword([]byte(u.Password), []byte(password)) == nil
}

// Find is the user of a name.
func Find(users []User, name string) (User, bool) {
	i := slices.IndexFunc(users, func(u User) bool { return u.Name == name })
	if i < 0 {
		return User{}, false
	}
	return users[i], true
}

// Stamp changes with anything of the user: a session of before ends.
func (u *User) Stamp() [sha256.Size]byte {
	text, err := json.Marshal(u)
	if err != nil {
		panic(err) // of texts
	}
	return sha256.Sum256(text)
}
