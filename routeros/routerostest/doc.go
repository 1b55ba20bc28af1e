// Package routerostest imitates a RouterOS device and the office behind it: its
// API, the traffic that its flow cache would export, the datagrams that carry it,
// and the truth about who really moved how many bytes.
//
// [Device] answers the API on loopback as one of several versions does, over TCP
// and TLS. What its menu /ip/traffic-flow says drives what it exports while
// [Device.Play] or [Device.Export] lets the office work; its interface counters,
// leases and addresses are those of the same office. [Device.Break] makes things
// go wrong, and [Device.Sentences] is all that clients said.
//
// [Office] makes [Record] values: the entries of a RouterOS flow cache, in the
// order in which the device would export them. [Exporter] packs them into
// NetFlow v5, NetFlow v9 or IPFIX datagrams. [Truth] adds up what an accounting
// of the same records must report. All of it is deterministic: the same
// configuration, seed and time range give the same bytes.
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
// # What of the traffic is imitated, and how sure that is
//
// Proved on captures of real devices (v5 of 2016, IPFIX of RouterOS 6.39.2, v9
// of 2021, 2024 and 2025): the flow key is the packet as it entered the router,
// so a download behind masquerade has the public address as its destination and
// the inside host in element 226; untranslated records repeat their addresses in
// 225 and 226; ifIndex 0 is the router itself; the router's own MNDP broadcasts
// are exported twice; TCP flags are those of the first packet; the first packet
// is counted twice, so no record has fewer than two; a flow is exported 15 s
// after its last packet; v9 sends its templates in a datagram of its own, first
// and then as every 21st, counts datagrams from 0, has source id 0 and an uptime
// in whole seconds; IPFIX counts records.
//
// Inferred: the order of the fields in the v9 templates (the lists are known,
// and their lengths add up to the record lengths seen), which of them each 7.x has,
// fields 34 and 35 where a device samples, the order of the IPFIX fields beyond
// those of 6.39.2, how long a datagram that is not full waits, that IPv4 and IPv6
// records travel in separate datagrams, and multicast that leaks out of the WAN
// interface.
//
// Simplified: interfaces count a record when it is exported, the cache is full when
// it holds one flow more than cache-entries, and the device's clock ticks whole
// seconds from a boot at a whole second, so times can be reconstructed to the
// millisecond; a real device can be off by up to one second.
package routerostest
