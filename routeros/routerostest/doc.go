// Package routerostest imitates a RouterOS device: its API, and what it exports of
// the office behind it (package officetest).
//
// [Device] answers the API on loopback as one of several versions does, over TCP
// and TLS. What its menu /ip/traffic-flow says drives what it exports while
// [Device.Play] or [Device.Export] lets the office work; its interface counters,
// leases and addresses are those of the same office. [Device.Break] makes things
// go wrong, and [Device.Sentences] is all that clients said.
//
// # What of the API is imitated, and how sure that is
//
// From MikroTik's documentation of the API: the encoding of words, sentences and
// tags, queries, the categories of traps, both logins, cancel; and that api-ssl
// without a certificate speaks anonymous Diffie-Hellman only. From RouterOS's own schema of 7.9 to 7.24, and exports of
// 6.42.3, 6.49.7 and 7.x: menus, properties, enumerations, ranges and defaults of
// traffic-flow, with what each version lacks. From recorded sessions: !empty since
// 7.18, the reason of !fatal as a bare word, times written as 1h30m, booleans as true and false, rows without
// properties where a .proplist names none that exist. From other clients' sources
// and tests: the texts of traps, and that an address list has each address once,
// IPv6 ones with their length.
//
// Inferred: the texts of "missing value(s) of argument(s)" and "out of range"; that
// set without .id changes nothing; how much may be sent before a login; that a
// service whose address list lacks the client hangs up at once; that a user
// without the policy api is refused as one with a wrong password; that sequence
// numbers go on when traffic-flow is switched off and on. Targets of version 1 are
// kept and export nothing. The firewall, DHCP and routing are tables that nothing
// works by.
//
// Simplified: interfaces count a record when it is exported, and the cache is full
// when it holds one flow more than cache-entries.
package routerostest
