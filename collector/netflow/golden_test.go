package netflow

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nfacct/collector/flow"
)

const logstash = "testdata/logstash-codec-netflow"

var testSource = netip.MustParseAddrPort("192.0.2.1:2055")

// golden is one context of Logstash's specification.
type golden struct {
	Inputs []string `json:"inputs"`
	Count  *int     `json:"expected_event_count"`
	Map    []struct {
		Decoded int `json:"decoded_index"`
		Event   int `json:"events_index"`
	} `json:"event_map"`
	Events []struct {
		Timestamp string         `json:"@timestamp"`
		Netflow   map[string]any `json:"netflow"`
	} `json:"events"`
}

// holds is what a context's datagrams hold, as we count.
type holds struct {
	records   int
	options   int
	optionsAt []int // which events are options records
	missing   int   // data sets without template
	rejects   string
	// differs: event and field (or just a field, in all events), and why we say
	// something else. A line that is not needed fails the test.
	differs map[string]string
}

// Logstash makes an event of each options record. Contexts without an event
// count in the specification have ours.
var contexts = map[string]holds{
	// A softflowd capture by netcat, in which more messages follow; the codec too
	// stops where the first one's length says.
	"IPFIX": {records: 6, options: 1, optionsAt: []int{0}, rejects: "trailing_bytes=1"},
	"IPFIX_Barracuda_extended_uniflow_template_256": {records: 2},
	"IPFIX_Barracuda_firewall":                      {records: 8},
	"IPFIX_Mikrotik_RouterOS_6_39_2": {records: 46, differs: map[string]string{
		"45 destinationIPv6Address": "repeats the source; the true one is the multicast next hop",
	}},
	// The data come first without a template and then with; template 280 never comes.
	"IPFIX_Netscaler_with_variable_length_fields":                   {records: 3, missing: 5},
	"IPFIX_Netscaler_with_variable_length_fields_missing_templates": {missing: 4},
	"IPFIX_Nokia_BRAS":                                           {records: 1},
	"IPFIX_OpenBSD_pflow":                                        {records: 26},
	"IPFIX_Procera":                                              {records: 8, differs: map[string]string{"7 destinationIPv6Address": both, "7 sourceIPv6Address": both}},
	"IPFIX_VMware_virtual_distributed_switch":                    {records: 5},
	"IPFIX_YAF_basic_with_applabel":                              {records: 2, options: 1, optionsAt: []int{2}},
	"IPFIX_from_IXIA_something_something":                        {records: 1},
	"IPFIX_options_template_from_Juniper_MX240_JunOS_15_1_R6_S3": {options: 1, optionsAt: []int{0}},
	"IPFIX_vIPtela_with_VPN_id":                                  {records: 1},
	"Juniper_SRX_options_template_with_0_scope_field_length":     {options: 1, optionsAt: []int{0}},

	"Netflow5_Juniper_MX80": {records: 29},
	"Netflow5_mikrotik":     {records: 30},
	"Netflow_5_invalid_01":  {rejects: "v5_count=1"},
	"Netflow_5_invalid_02":  {rejects: "v5_count=1"},
	// A capture by netcat again.
	"Netflow_5_valid_01": {records: 2, rejects: "trailing_bytes=1", differs: map[string]string{
		"0 first_switched": "first is -1: the flow began before the exporter did, not 49 days later",
		"1 first_switched": "likewise",
	}},

	"Netflow_9_Cisco_1941_K9_release_15_1":                      {records: 29},
	"Netflow_9_Cisco_ACI":                                       {records: 3},
	"Netflow_9_Cisco_ASA":                                       {records: 14},
	"Netflow_9_Cisco_ASA_2":                                     {records: 19},
	"Netflow_9_Cisco_ASR1001_X":                                 {records: 25},
	"Netflow_9_Cisco_ASR_9000_series_options_template_256":      {options: 19, optionsAt: upTo(19)},
	"Netflow_9_Cisco_ASR_9000_series_template_260":              {records: 21},
	"Netflow_9_Cisco_NBAR_flowset_262":                          {records: 5},
	"Netflow_9_Cisco_NBAR_options_template_260":                 {options: 15, optionsAt: upTo(15)},
	"Netflow_9_Cisco_WLC":                                       {records: 19},
	"Netflow_9_Cisco_WLC_8500_release_8_2":                      {},
	"Netflow_9_Fortigate_FortiOS_54x_appid":                     {records: 17},
	"Netflow_9_Fortigate_FortiOS_5_2_1":                         {records: 1, options: 1, optionsAt: []int{0}},
	"Netflow_9_H3C":                                             {records: 16},
	"Netflow_9_H3C_Netstream_with_varstring":                    {records: 1},
	"Netflow_9_Huawei_Netstream":                                {records: 1},
	"Netflow_9_IE150_IE151":                                     {records: 2},
	"Netflow_9_Palo_Alto_1_flowset_in_large_zero_filled_packet": {records: 1},
	"Netflow_9_Palo_Alto_PAN_OS_with_app_id":                    {records: 8},
	"Netflow_9_Streamcore":                                      {records: 4},
	"Netflow_9_Ubiquiti_Edgerouter_with_MPLS_labels":            {records: 16},
	"Netflow_9_field_layer2segmentid":                           {records: 1},
	"Netflow_9_invalid_01":                                      {records: 2, options: 1},
	"Netflow_9_ipt_netflow_reduced_size_encoding":               {records: 12, missing: 6},
	"Netflow_9_macaddress":                                      {records: 29, options: 1, optionsAt: []int{0}},
	"Netflow_9_multiple_netflow_exporters":                      {records: 8, options: 1, optionsAt: []int{0}},
	// The record is 17 bytes longer than its template.
	"Netflow_9_nprobe_DPI_L7":                      {records: 1, rejects: "set_mismatch=1"},
	"Netflow_9_options_template_with_scope_fields": {options: 1, optionsAt: []int{0}},
	"Netflow_9_template_with_0_length_fields": {records: 10, differs: map[string]string{
		"9 in_bytes": "0: this exporter counts outgoing flows in 23 and 24 only",
		"9 in_pkts":  "likewise",
	}},
	"Netflow_9_valid_01": {records: 7},
}

const both = "the record has an IPv4 address too, and this one is zero"

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob(logstash + "/golden/*.json")
	if err != nil || len(files) != len(contexts) {
		t.Fatalf("%d contexts on disk, %d in the table: %v", len(files), len(contexts), err)
	}
	used := make(map[string]bool)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			want, ok := contexts[name]
			if !ok {
				t.Fatal("not in the table")
			}
			testContext(t, file, want, used)
		})
	}

	// Every datagram on disk was part of a context or stands here.
	apart := []string{
		"ipfix_test_ixia_tpldata271.dat", "netflow9_test_cisco_asr9k_opttpl257.dat",
		"netflow9_test_cisco_asr9k_opttpl334.dat", "netflow9_test_cisco_asr9k_tpl266.dat",
	}
	for _, name := range apart {
		payload := read(t, filepath.Join(logstash, name))
		if _, g := NewDecoder(Limits{}).Decode(nil, testSource, 0, payload); g.Rejects.Total() != 0 || g.Templates == 0 {
			t.Errorf("%s: %+v", name, g)
		}
		used[name] = true
	}
	all, _ := filepath.Glob(logstash + "/*.dat")
	for _, file := range all {
		if !used[filepath.Base(file)] {
			t.Errorf("%s is in no context", file)
		}
	}
}

func testContext(t *testing.T, file string, want holds, used map[string]bool) {
	var g golden
	if err := json.Unmarshal(read(t, file), &g); err != nil {
		t.Fatal(err)
	}
	var records []flow.Record
	var datagrams []Datagram // of each record
	var options, missing int
	var totals RejectTotals
	d := NewDecoder(Limits{})
	for _, input := range g.Inputs {
		used[input] = true
		more, datagram := d.Decode(nil, testSource, 0, read(t, filepath.Join(logstash, input)))
		if n := len(more); n != datagram.Records {
			t.Errorf("%s: %d records, %d counted", input, n, datagram.Records)
		}
		records = append(records, forward(more)...)
		if datagram.Records -= datagram.Reverse; len(forward(more)) != datagram.Records {
			t.Errorf("%s: %d forward records, %d counted", input, len(forward(more)), datagram.Records)
		}
		for len(datagrams) < len(records) {
			datagrams = append(datagrams, datagram)
		}
		options += datagram.Options
		missing += datagram.NoTemplate
		totals.Add(&datagram.Rejects)
		if datagram.NATEvents+datagram.Other != 0 {
			t.Errorf("%s: %+v", input, datagram)
		}
	}
	var rejects []string
	for reason, n := range totals.All() {
		rejects = append(rejects, fmt.Sprintf("%v=%d", reason, n))
	}
	got := holds{len(records), options, want.optionsAt, missing, strings.Join(rejects, " "), want.differs}
	if got.records != want.records || got.options != want.options || got.missing != want.missing || got.rejects != want.rejects {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if g.Count != nil && len(records)+options != *g.Count {
		t.Errorf("%d records and %d options records, Logstash makes %d events", len(records), options, *g.Count)
	}
	compared := make(map[string]bool)
	for _, m := range g.Map {
		event := g.Events[m.Event]
		if slices.Contains(want.optionsAt, m.Decoded) {
			compareOptions(t, d, event.Netflow)
			continue
		}
		index := m.Decoded
		for _, i := range want.optionsAt {
			if i < m.Decoded {
				index--
			}
		}
		c := comparison{t: t, event: m.Decoded, r: &records[index], g: &datagrams[index], differs: want.differs, met: compared, fields: event.Netflow}
		c.compare(event.Timestamp)
	}
	for key := range want.differs {
		if !compared[key] {
			t.Errorf("%q does not differ", key)
		}
	}
}

// comparison is of one event with one record.
type comparison struct {
	t       *testing.T
	event   int
	r       *flow.Record
	g       *Datagram
	fields  map[string]any
	differs map[string]string
	met     map[string]bool
}

func (c *comparison) compare(timestamp string) {
	at := time.Unix(0, c.g.ExportTime).UTC()
	if !sameTime(at, timestamp) {
		c.t.Errorf("event %d: exported at %v, want %s", c.event, at, timestamp)
	}
	for name, want := range c.fields {
		if notCarried[name] || vendorField(name) {
			continue
		}
		got, ok := c.field(name, want)
		if !ok {
			c.t.Errorf("event %d: field %s = %v is neither carried nor known not to be", c.event, name, want)
			continue
		}
		same := got == fmt.Sprint(want)
		if number, isNumber := want.(float64); isNumber {
			same = got == fmt.Sprintf("%.0f", number)
		}
		if moment, isTime := c.moment(name); isTime && !same {
			same = sameTime(moment, fmt.Sprint(want))
		}
		key := fmt.Sprintf("%d %s", c.event, name)
		if _, explained := c.differs[key]; explained && !same {
			c.met[key] = true
		} else if !same {
			c.t.Errorf("event %d: %s is %s, want %v", c.event, name, got, want)
		}
	}
}

// sameTime compares to the digits that Logstash prints: its milliseconds are
// cut off, not rounded.
func sameTime(got time.Time, want string) bool {
	w, err := time.Parse(time.RFC3339Nano, want)
	if err != nil {
		return false
	}
	_, digits, _ := strings.Cut(strings.TrimSuffix(want, "Z"), ".")
	unit := time.Second
	for range digits {
		unit /= 10
	}
	return got.Truncate(unit).Equal(w)
}

// moment is a field that Logstash prints as a time.
func (c *comparison) moment(name string) (time.Time, bool) {
	switch name {
	case "first_switched":
		return c.logstash(c.r.Start), c.r.Has&flow.HasStart != 0
	case "last_switched":
		return c.logstash(c.r.End), c.r.Has&flow.HasEnd != 0
	case "flowStartSeconds", "flowStartMilliseconds", "flowStartMicroseconds":
		return time.Unix(0, c.r.Start).UTC(), c.r.Has&flow.HasStart != 0
	case "flowEndSeconds", "flowEndMilliseconds", "flowEndMicroseconds":
		return time.Unix(0, c.r.End).UTC(), c.r.Has&flow.HasEnd != 0
	}
	return time.Time{}, false
}

// logstash makes Logstash's mistake: it subtracts whole seconds and their rest
// one after the other from the header's, but does not borrow. A v9 header has no
// fraction to subtract the rest from, so its times are all a second late.
func (c *comparison) logstash(t int64) time.Time {
	if rest := (c.g.ExportTime - t) % second; c.r.Version == flow.V9 || c.g.ExportTime%second < rest {
		t += second
	}
	return time.Unix(0, t).UTC()
}

// field is what we have for a field of Logstash's; "-" when we have it not.
func (c *comparison) field(name string, want any) (got string, ok bool) {
	r := c.r
	number := func(has flow.Fields, v uint64) (string, bool) {
		if r.Has&has != has {
			return "-", true
		}
		return fmt.Sprint(v), true
	}
	addr := func(a netip.Addr) (string, bool) {
		if !a.IsValid() {
			return "-", true
		}
		return a.String(), true
	}
	mac := func(has flow.Fields, m [6]byte) (string, bool) {
		if r.Has&has == 0 {
			return "-", true
		}
		return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]), true
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return c.fields[n] != nil })
	}
	switch name {
	case "version":
		return fmt.Sprint(uint16(r.Version)), true
	case "flow_seq_num":
		return number(flow.HasSequence, uint64(r.Sequence))
	case "flow_records":
		return fmt.Sprint(c.g.Records), true
	case "in_bytes", "octetDeltaCount", "in_permanent_bytes", "fwd_flow_delta_bytes":
		return number(flow.HasBytes, r.Bytes)
	case "in_pkts", "packetDeltaCount":
		return number(flow.HasPackets, r.Packets)
	case "octetTotalCount", "out_bytes", "packetTotalCount", "out_pkts":
		// Only where the better element is missing or zero.
		primary, value := "octetDeltaCount", r.Bytes
		if strings.HasPrefix(name, "packet") || name == "out_pkts" {
			primary, value = "packetDeltaCount", r.Packets
		}
		if v := c.fields[primary]; v != nil && !strings.HasPrefix(name, "out") {
			return fmt.Sprintf("%.0f", want), true
		}
		if v, _ := c.fields[strings.Replace(name, "out", "in", 1)].(float64); v != 0 && strings.HasPrefix(name, "out") {
			return fmt.Sprintf("%.0f", want), true
		}
		return fmt.Sprint(value), true
	case "protocol", "protocolIdentifier":
		return number(flow.HasProto, uint64(r.Proto))
	case "src_tos", "ipClassOfService":
		return number(flow.HasTOS, uint64(r.TOS))
	case "tcp_flags", "tcpControlBits":
		return number(flow.HasTCPFlags, uint64(r.TCPFlags))
	case "l4_src_port", "sourceTransportPort":
		return number(flow.HasSrcPort, uint64(r.SrcPort))
	case "l4_dst_port", "destinationTransportPort":
		return number(flow.HasDstPort, uint64(r.DstPort))
	case "input_snmp", "ingressInterface":
		return number(flow.HasInIf, uint64(r.InIf))
	case "output_snmp", "egressInterface":
		return number(flow.HasOutIf, uint64(r.OutIf))
	case "src_as", "bgpSourceAsNumber":
		return number(flow.HasSrcAS, uint64(r.SrcAS))
	case "dst_as", "bgpDestinationAsNumber":
		return number(flow.HasDstAS, uint64(r.DstAS))
	case "ipv4_src_addr", "sourceIPv4Address", "sourceIPv6Address":
		return addr(r.Src)
	case "ipv4_dst_addr", "destinationIPv4Address", "destinationIPv6Address":
		return addr(r.Dst)
	case "ipv4_next_hop", "ipNextHopIPv4Address", "ipNextHopIPv6Address":
		return addr(r.NextHop)
	case "xlate_src_addr_ipv4", "postNATSourceIPv4Address":
		return addr(r.PostNATSrc)
	case "xlate_dst_addr_ipv4", "postNATDestinationIPv4Address":
		return addr(r.PostNATDst)
	case "xlate_src_port":
		return number(flow.HasPostNATSrcPort, uint64(r.PostNATSrcPort))
	case "xlate_dst_port":
		return number(flow.HasPostNATDstPort, uint64(r.PostNATDstPort))
	case "in_src_mac", "sourceMacAddress", "out_src_mac":
		return mac(flow.HasSrcMAC, r.SrcMAC)
	case "in_dst_mac", "out_dst_mac":
		return mac(flow.HasDstMAC, r.DstMAC)
	case "icmp_type":
		// Logstash calls element 32 so too, which is type and code.
		if c.r.Version == flow.V9 && !has("icmp_code") {
			return number(flow.HasICMP, uint64(r.ICMPType)<<8|uint64(r.ICMPCode))
		}
		return number(flow.HasICMP, uint64(r.ICMPType))
	case "icmp_code":
		return number(flow.HasICMP, uint64(r.ICMPCode))
	case "icmpTypeCodeIPv4":
		return number(flow.HasICMP, uint64(r.ICMPType)<<8|uint64(r.ICMPCode))
	case "sampling_interval":
		if want == 0.0 && r.Version == flow.V5 {
			return fmt.Sprint(r.Sampling), r.Has&flow.HasSampling == 0 // not said
		}
		return number(flow.HasSampling, uint64(r.Sampling))
	case "flow_start_msec": // Logstash leaves these as numbers
		return number(flow.HasStart, uint64(r.Start/millisecond))
	case "event_time_msec": // the end of a record that has none
		return number(flow.HasStart, uint64(r.End/millisecond))
	case "flowStartSeconds":
		return number(flow.HasStart, uint64(r.Start/second))
	case "flowEndSeconds":
		return number(flow.HasEnd, uint64(r.End/second))
	case "first_switched", "flowStartMilliseconds", "flowStartMicroseconds":
		return number(flow.HasStart, uint64(r.Start))
	case "last_switched", "flowEndMilliseconds", "flowEndMicroseconds":
		return number(flow.HasEnd, uint64(r.End))
	case "flowStartSysUpTime", "flowEndSysUpTime":
		// Their difference is all that means anything without a start-up time.
		length := c.fields["flowEndSysUpTime"].(float64) - c.fields["flowStartSysUpTime"].(float64)
		if ours := float64(r.End-r.Start) / millisecond; ours != length {
			return fmt.Sprintf("%v ms long", ours), true
		}
		return fmt.Sprintf("%.0f", want), r.Has&flow.HasStart != 0 && r.Has&flow.HasEnd != 0
	}
	return "", false
}

// notCarried are fields that a flow record of ours has no place for, or that
// only repeat others: engine type and id are the domain, flow_sampler_id finds
// the sampling rate, rev_flow_delta_bytes is the reverse direction.
var notCarried = func() map[string]bool {
	names := make(map[string]bool)
	for _, name := range strings.Fields(`
	app_id application_id application_name AuditCounter bgp_ipv4_next_hop BindIPv4Address
	BindTransportPort conn_id ConnIPv4Address ConnTransportPort direction dst_mask
	dst_traffic_index dst_vlan egress_acl_id egressPhysicalInterface egressVRFID engine_id
	engine_type ethernetType firewallEvent flow_end_reason flow_sampler_id flowAttributes
	flowDirection flowDurationMilliseconds flowEndReason flowId flows flowset_id
	forwarding_status fw_event fw_ext_event FW_Rule ingress_acl_id ingressPhysicalInterface
	ingressVRFID initialTCPFlags ip_dscp ip_protocol_version ipDiffServCodePoint ipPrecedence
	ipv4_ident ipv4_src_prefix ipVersion layer2SegmentId LogOp maximumIpTotalLength maximumTTL
	minimumIpTotalLength mpls_label_stack_octets natInsideSvcid natOutsideSvcid natSubString
	postIpDiffServCodePoint privateEnterpriseNumber Reason ReasonText rev_flow_delta_bytes
	sampling_algorithm ServiceName silkAppLabel src_mask src_traffic_index src_vlan
	staIPv4Address staMacAddress tcp_src_port tcpOptions tcpSequenceNumber Timestamp
	TrafficType udp_dst_port unionTCPFlags user_id username vlanId VRFname wlanSSID
	wtpMacAddress
	`) {
		names[name] = true
	}
	return names
}()

// vendorField says whether a field is of an enterprise, and so stepped over; the
// reverse direction of biflows (enterprise 29305) among them.
func vendorField(name string) bool {
	return slices.ContainsFunc([]string{"streamcore_", "reamcore_", "vmware", "viptela", "ixia", "procera", "nprobe_", "reverse"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// compareOptions compares what an options record says of sampling and start-up
// time. The rest of it is not used.
func compareOptions(t *testing.T, d *Decoder, fields map[string]any) {
	s := d.sorted()[0]
	for name, want := range fields {
		switch name {
		case "sampling_interval", "samplingInterval", "samplingPacketInterval":
			if got := float64(s.rates.whole()); got != want {
				t.Errorf("sampling: 1 in %v, want %v", got, want)
			}
		case "systemInitTimeMilliseconds":
			if got := float64(s.init); got != want {
				t.Errorf("started at %v, want %v", got, want)
			}
		}
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
