package access

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Cost = 4
	os.Exit(m.Run())
}

func anna(t *testing.T) User {
	t.Helper()
	u := User{Name: "anna", Role: Viewer, Departments: []string{"sales"}}
	if err := u.SetPassword("correct horse"); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestPasswords(t *testing.T) {
	users := []User{anna(t), {Name: "proxied", Role: Viewer}}
	if strings.Contains(users[0].Password, "horse") || !strings.HasPrefix(users[0].Password, "$2") {
		t.Errorf("kept as %s", users[0].Password)
	}
	for _, test := range []struct {
		name, password string
		right          bool
	}{{"anna", "correct horse", true}, {"anna", "correct hors", false}, {"Anna", "correct horse", false}, {"bob", "correct horse", false}, {"proxied", "", false}} {
		if _, ok := Verify(users, test.name, test.password); ok != test.right {
			t.Errorf("%s %s: %t", test.name, test.password, ok)
		}
	}
	var u User
	for _, bad := range []string{"", "short", strings.Repeat("x", 73), "a line\nand another"} {
		if u.SetPassword(bad) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestUsers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "users.json")
	users := NewUsers(file)
	if list, err := users.List(); err != nil || len(list) != 0 {
		t.Fatal(list, err)
	}
	var group sync.WaitGroup
	for n := range 8 { // none is lost
		group.Go(func() {
			if err := Update(file, func(list []User) ([]User, error) {
				return append(list, User{Name: fmt.Sprint("user", n), Role: Viewer}), nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if list, err := users.List(); err != nil || len(list) != 8 {
		t.Error(list, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := users.List(); err == nil {
		t.Error("a file that was lost opens the page")
	}
	for _, bad := range []string{"{", `[{"name":"a b","role":"viewer"}]`, `[{"name":"a","role":"root"}]`, `[{"name":"a","role":"viewer"},{"name":"a","role":"viewer"}]`,
		`[{"name":"a","role":"administrator","departments":["x"]}]`} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := users.List(); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestSessions(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	s := NewSessions(func() time.Time { return now })
	users := []User{anna(t)}
	in := func(token string) bool { _, ok := s.User(token, users); return ok }
	token := s.Begin(&users[0])
	if len(token) != 43 || !in(token) || in(token+"x") || in("") {
		t.Errorf("token %q", token)
	}
	for key := range s.open {
		if strings.Contains(string(key[:]), token) {
			t.Error("the token itself is kept")
		}
	}
	now = now.Add(Idle)
	if in(token) {
		t.Error("it goes on although nobody used it")
	}
	token = s.Begin(&users[0])
	for range 20 {
		if now = now.Add(Idle - time.Minute); !in(token) {
			break
		}
	}
	if in(token) {
		t.Error("it never ends")
	}
	token = s.Begin(&users[0])
	if s.End(token); in(token) {
		t.Error("it goes on after the end")
	}
	token = s.Begin(&users[0])
	if users[0].Departments = nil; in(token) {
		t.Error("it goes on after its user was changed")
	}
	for range mostSessions + 10 {
		s.Begin(&users[0])
	}
	if len(s.open) > mostSessions {
		t.Errorf("%d sessions", len(s.open))
	}
}

func TestThrottle(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	th := NewThrottle(func() time.Time { return now })
	desk, thief := netip.MustParseAddr("192.168.88.10"), netip.MustParseAddr("192.168.88.66")
	if th.Take("anna", desk) > 0 {
		t.Fatal("the first guess waits")
	}
	th.Forgive("anna", desk)
	guesses := 0
	for th.Take("bob", thief) == 0 {
		guesses++
	}
	if guesses != addressGuesses {
		t.Errorf("%d guesses from one address", guesses)
	}
	if now = now.Add(addressWait); th.Take("bob", thief) != 0 || th.Take("bob", thief) == 0 {
		t.Error("one more guess after the wait, and one only")
	}
	guesses = 0
	for i := range 200 { // one user, from many addresses
		if th.Take("anna", netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})) == 0 {
			guesses++
		}
	}
	if guesses > userGuesses {
		t.Errorf("%d guesses at one user", guesses)
	}
	if th.Take("anna", desk) > 0 {
		t.Error("anna is locked out at her own desk")
	}
	for th.Take("carol", desk) == 0 { // from anna's own address, guesses at others
	}
	if th.Take("anna", desk) > 0 {
		t.Error("anna is locked out by a neighbour behind the same address")
	}
	if network(netip.MustParseAddr("2001:db8::1")) != network(netip.MustParseAddr("2001:db8::2")) {
		t.Error("one IPv6 network guesses as many")
	}
	for i := range mostBuckets + 100 {
		th.Take("x", netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if len(th.addresses) > mostBuckets {
		t.Errorf("%d buckets", len(th.addresses))
	}
}
