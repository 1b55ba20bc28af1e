package netflow

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"nfacct/collector/flow"
)

// What each hostile datagram is counted as, on its own.
var malformed = map[string]string{
	"empty":                                                  "short_header=1",
	"ipfix-enterprise-bit-missing-number":                    "template_beyond_set=1",
	"ipfix-length-0":                                         "message_length=1 no_sets=1",
	"ipfix-length-beyond":                                    "message_length=1 set_length=1",
	"ipfix-length-short-of-payload":                          "templates=1 message_length=1", // its set fills the datagram to the byte
	"ipfix-options-scope-count-0":                            "options_scope=1",
	"ipfix-options-scope-count-over-field-count":             "options_scope=1",
	"ipfix-set-id-4-reserved":                                "set_id=1",
	"ipfix-set-length-0":                                     "set_length=1",
	"ipfix-template-withdraw-all":                            "withdrawn=1",
	"ipfix-template-withdraw-odd-size__CVE-2019-14459-class": "withdrawn=1 template_remainder=1",
	"ipfix-template-withdraw-one":                            "withdrawn=1",
	"ipfix-varlen-length-beyond":                             "templates=1 field_beyond_set=1",
	"ipfix-varlen-zero":                                      "other=12 templates=1", // twelve empty strings
	"one-byte":                                               "short_header=1",
	"v5-count0":                                              "v5_count=1",
	"v5-count30-with-1-record":                               "truncated=1",
	"v5-count31-with-31-records":                             "v5_count=1",
	"v5-count65535":                                          "v5_count=1",
	"v5-trailing-garbage":                                    "records=1 trailing_bytes=1",
	"v5-truncated-record":                                    "truncated=1",
	"v9-4000-templates-in-one-packet__cache-flood":           "templates=512 template_evicted=256 too_many_sets=1",
	"v9-counter-9-bytes":                                     "records=1 templates=1 field_length=1", // without bytes
	"v9-data-without-template":                               "no_template=1",
	"v9-flowset-length-beyond-packet":                        "set_beyond_datagram=1",
	"v9-flowset-length0":                                     "set_length=1",
	"v9-flowset-length3":                                     "set_length=1",
	"v9-header-only":                                         "no_sets=1",
	"v9-ipv4-address-length-3":                               "records=1 templates=1 field_length=1", // without source
	"v9-max-udp-65507":                                       "no_template=1",
	"v9-options-template-lengths-beyond-flowset__CVE-2026-48684-class": "options_length=1",
	"v9-options-template-scope-length-not-multiple-of-4":               "options_length=1",
	"v9-template-all-zero-length-fields__divide-or-endless-loop":       "no_template=1 template_length=1",
	"v9-template-and-data-same-packet":                                 "records=1 templates=1", // nothing wrong with it
	"v9-template-fieldcount-beyond-flowset":                            "template_beyond_set=1",
	"v9-template-id-below-256":                                         "template_id=1",
	// Length 65535 means a variable length, which a counter cannot have: the data
	// are 32 records of one length byte each, and nothing else.
	"v9-template-record-longer-than-data__CVE-2026-48683-class": "other=32 templates=1 field_length=1",
	"v9-template-redefined-shorter-then-data":                   "records=3 templates=2 template_changed=1",
	"v9-template-zero-fields__CVE-2024-56073-class":             "no_template=1 template_empty=1",
	"version-99":     "unknown_version=1",
	"version-only-5": "short_header=1",
}

func summary(g *Datagram) string {
	var parts []string
	for _, p := range []struct {
		name string
		n    int
	}{
		{"records", g.Records}, {"options", g.Options}, {"nat_events", g.NATEvents}, {"other", g.Other},
		{"templates", g.Templates}, {"withdrawn", g.Withdrawn}, {"no_template", g.NoTemplate},
	} {
		if p.n != 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", p.name, p.n))
		}
	}
	for reason, n := range g.Rejects.All() {
		parts = append(parts, fmt.Sprintf("%v=%d", reason, n))
	}
	return strings.Join(parts, " ")
}

func TestMalformed(t *testing.T) {
	files, err := filepath.Glob("testdata/malformed/*.bin")
	if err != nil || len(files) != len(malformed) {
		t.Fatalf("%d files, %d in the table: %v", len(files), len(malformed), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".bin")
		t.Run(name, func(t *testing.T) {
			payload := read(t, file)
			records, g := NewDecoder(Limits{}).Decode(nil, testSource, 0, payload)
			if got := summary(&g); got != malformed[name] {
				t.Errorf("got %q, want %q", got, malformed[name])
			}
			if len(records) != g.Records {
				t.Errorf("%d records, %d counted", len(records), g.Records)
			}
			if scanned := NewDecoder(Limits{}).Scan(testSource, 0, payload); scanned != g {
				t.Errorf("Scan says %+v, Decode %+v", scanned, g)
			}
		})
	}
}

// After every hostile datagram the next good ones of the same exporter decode.
func TestMalformedBetweenGood(t *testing.T) {
	files, _ := filepath.Glob("testdata/malformed/*.bin")
	d := NewDecoder(Limits{})
	v5, v9, ipfix := newSender(flow.V5), newSender(flow.V9), newSender(flow.IPFIX)
	v9.domain, ipfix.domain = 9, 10 // the hostile ones are of domains 0 and 1
	for _, file := range files {
		d.take(v5, read(t, file))
		if _, g := d.take(v5, v5.v5(2)); g.Records != 2 || g.Rejects.Total() != 0 || g.Loss.Lost != 0 {
			t.Errorf("v5 after %s: %+v", file, g)
		}
		v5.sequence += 2
		for _, s := range []*sender{v9, ipfix} {
			_, g := d.take(s, s.message(s.template(256, simple...), set(256, simpleRecord(1))))
			if g.Records != 1 || g.Rejects.Total() != 0 || g.Loss != (Loss{}) {
				t.Errorf("%v after %s: %+v", s.version, file, g)
			}
			s.sequence++
		}
	}
}

func TestReasonNames(t *testing.T) {
	seen := make(map[string]bool)
	for r := range Reasons() {
		name := r.String()
		if name == "" || seen[name] || strings.ToLower(name) != name || strings.ContainsAny(name, " -") {
			t.Errorf("reason %d is called %q", r, name)
		}
		seen[name] = true
	}
	if reasons.String() != "unknown" {
		t.Error("a reason that is none has a name")
	}
}
