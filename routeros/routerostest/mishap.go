package routerostest

// Mishap is a fault with a name, for people who want to see what a client makes
// of it.
type Mishap struct {
	Name string
	Does string // in a few words
	Fault
}

// Mishaps are the faults that have a name: when a connection comes, at the login,
// while nfacct or another client reads traffic-flow, and while it writes.
func Mishaps() []Mishap {
	const read, write, add = "/ip/traffic-flow/print", "/ip/traffic-flow/set", "/ip/traffic-flow/target/add"
	return []Mishap{
		{"hang-connect", "a connection is taken, and nothing is ever said", Fault{Kind: Silent, When: Accepting}},
		{"reset", "a connection is taken and reset", Fault{Kind: Reset, When: Accepting}},
		{"ssh", "an SSH server is behind the port", Fault{Kind: Banner, When: Accepting}},
		{"http", "a web server is behind the port", Fault{Kind: Banner, When: Accepting, Text: "HTTP/1.1 400 Bad Request\r\n\r\n"}},
		{"hang-login", "the login is not answered", Fault{Kind: Silent, Command: "/login"}},
		{"refuse-login", "the login is refused, whatever the password", Fault{Kind: Trap, Command: "/login", Text: "invalid user name or password (6)"}},
		{"full", "!fatal at the login: too many sessions", Fault{Kind: Fatal, Command: "/login", Text: "too many sessions"}},
		{"hang-read", "traffic-flow is asked for and not answered", Fault{Kind: Silent, Command: read}},
		{"half", "the answer ends in the middle of a sentence", Fault{Kind: HalfSentence, Command: read}},
		{"trickle", "the answer comes byte by byte and has no end", Fault{Kind: Trickle, Command: read}},
		{"huge", "the answer is a word of 4 GiB", Fault{Kind: Huge, Command: read}},
		{"reserved", "the answer begins with a byte that has no meaning", Fault{Kind: Reserved, Command: read}},
		{"no-read", "the user lacks the policy read", Fault{Kind: Trap, Command: read, Text: "not enough permissions (9)"}},
		{"no-write", "the user lacks the policy write", Fault{Kind: Trap, Command: add, Text: "not enough permissions (9)"}},
		{"hang-write", "the second write is not answered", Fault{Kind: Silent, Command: write}},
		{"trap", "the second write is refused", Fault{Kind: Trap, Command: write}},
		{"traps", "the second write is refused by two traps", Fault{Kind: TwoTraps, Command: write}},
		{"trap-close", "a trap without its done, then the connection is closed", Fault{Kind: TrapClose, Command: write}},
		{"fatal", "!fatal instead of an answer to the second write", Fault{Kind: Fatal, Command: write}},
		{"reset-write", "the connection is reset at the second write", Fault{Kind: Reset, Command: write}},
		{"not-kept", "the second write is answered with done, and changes nothing", Fault{Kind: Unkept, Command: write}},
		{"no-ret", "add does not say what it added", Fault{Kind: NoRet, Command: add}},
	}
}
