// Package routeros manages Mikrotik routers over the RouterOS API: it connects,
// reads what a router knows, compares its traffic-flow settings with what is
// wanted, writes the difference, reads it back, and undoes it.
//
// It stands on github.com/go-routeros/routeros v3.0.1 in its synchronous mode,
// which ignores contexts, trusts every length that it is sent, knows no bare
// words behind !fatal, and returns only the last of several !trap. So a Device
// puts a deadline on the connection for every operation, closes it when a
// context ends, and lets the library read only what the guard has checked
// (guard.go).
//
// The API: a word is its length and its bytes, a sentence is words up to an
// empty one. A command is a sentence such as /ip/traffic-flow/print, and the
// answer is one !re for each item, !trap for each error and !done; !fatal ends
// the connection. RouterOS 7.18 and later say !empty where there is no item.
package routeros
