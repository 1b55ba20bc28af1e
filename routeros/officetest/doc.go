// Package officetest simulates an office behind a RouterOS device: the traffic that
// its flow cache would export, the datagrams that carry it, and the truth about who
// really moved how many bytes.
//
// [Office] makes [Record] values: the entries of a RouterOS flow cache, in the
// order in which the device would export them. [Exporter] packs them into
// NetFlow v5, NetFlow v9 or IPFIX datagrams. [Truth] adds up what an accounting
// of the same records must report. All of it is deterministic: the same
// configuration, seed and time range give the same bytes.
//
// # What is imitated, and how sure that is
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
// Simplified: the device's clock ticks whole seconds from a boot at a whole second, so
// times can be reconstructed to the millisecond; a real device can be off by up to one
// second.
package officetest
