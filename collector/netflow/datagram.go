package netflow

import (
	"iter"

	"nfacct/collector/flow"
)

// Datagram is what one datagram held.
type Datagram struct {
	Version    flow.Version
	Domain     uint32 // v9 source id, IPFIX observation domain, v5 engine type<<8 | id
	Sequence   uint32 // the header's, in the version's own unit
	ExportTime int64  // Unix nanoseconds, the header's

	Records   int // flow records, decoded or (Scan) counted
	Options   int // data records of options templates: about the exporter, not about traffic
	NATEvents int // data records that report a NAT binding (element 230) and count no traffic
	Other     int // data records of templates in which nothing is of use here
	Reverse   int // of Records: those made of the reverse direction of another one

	Templates  int // template and options template records
	Withdrawn  int // IPFIX template withdrawals
	NoTemplate int // data sets kept back because their template is not known: see Decoder.Unread
	Borrowed   int // data sets read by a template of another port of the exporter
	Rejects    Rejects
	Loss       Loss
}

// Loss is what the sequence number said. The unit is records in v5 and IPFIX,
// datagrams in v9. What a stream lost is the sum of Lost less the sum of Late.
type Loss struct {
	Lost      uint32 // units missing before this datagram
	Late      uint32 // units in this datagram that were counted as Lost by an earlier one
	Reordered bool   // came after one that was sent later
	Duplicate bool   // came before already: its records are decoded again, the caller decides
	Restart   bool   // the exporter began its count anew: nothing is said about loss
	// Shared: two senders share this address, port and source id, so that loss
	// cannot be known. What was counted as lost for that reason is in Late.
	Shared bool
}

// Reason is why something in a datagram was not used, or not used as it stood.
type Reason uint8

// The reasons. "Datagram", "set" and so on tell how much was left out. The
// names that String gives are kept in books: they never change.
const (
	ShortHeader          Reason = iota // datagram: shorter than its version's header
	UnknownVersion                     // datagram: not version 5, 9 or 10
	V5Count                            // datagram: v5 with no record or more than 30
	Truncated                          // datagram: v5 shorter than its record count demands
	TooManyExporters                   // datagram: Limits.Exporters is reached
	TrailingBytes                      // surplus bytes after the end that the header gives
	MessageLength                      // nothing: the IPFIX header's length is impossible or cuts a set, the datagram's own was taken
	NoSets                             // nothing: v9 or IPFIX without a set
	SetID                              // set: reserved number
	SetLength                          // rest of datagram: set shorter than its own header
	SetBeyondDatagram                  // rest of datagram: set longer than what is left
	SetShorterThanRecord               // set: data set shorter than one record
	SetMismatch                        // set, unless it is one record: surplus bytes after its records that are no padding
	FieldBeyondSet                     // rest of set: a variable-length field ends after the set
	TemplateBeyondSet                  // rest of set: template with more fields than the set has bytes for
	TemplateRemainder                  // surplus bytes after the last template of a set
	TemplateID                         // template: number below 256
	TemplateEmpty                      // template: no field
	TemplateFields                     // template: more fields than Limits.Fields
	TemplateLength                     // template: record length 0, or too long for any set
	OptionsLength                      // rest of set: v9 options template with impossible lengths
	OptionsScope                       // template: IPFIX options template with impossible scope count
	FieldLength                        // field: of a length that its element cannot have
	TemplateChanged                    // nothing: a template was replaced by one with another layout
	TemplateEvicted                    // an older template: Limits.Templates is reached
	StreamEvicted                      // an older stream of this exporter: Limits.Streams is reached
	TooManySets                        // rest of datagram: it has more sets than setsMost
	reasons                            // how many there are
)

var reasonNames = [reasons]string{
	ShortHeader:          "short_header",
	UnknownVersion:       "unknown_version",
	V5Count:              "v5_count",
	Truncated:            "truncated",
	TooManyExporters:     "too_many_exporters",
	TrailingBytes:        "trailing_bytes",
	MessageLength:        "message_length",
	NoSets:               "no_sets",
	SetID:                "set_id",
	SetLength:            "set_length",
	SetBeyondDatagram:    "set_beyond_datagram",
	SetShorterThanRecord: "set_shorter_than_record",
	SetMismatch:          "set_mismatch",
	FieldBeyondSet:       "field_beyond_set",
	TemplateBeyondSet:    "template_beyond_set",
	TemplateRemainder:    "template_remainder",
	TemplateID:           "template_id",
	TemplateEmpty:        "template_empty",
	TemplateFields:       "template_fields",
	TemplateLength:       "template_length",
	OptionsLength:        "options_length",
	OptionsScope:         "options_scope",
	FieldLength:          "field_length",
	TemplateChanged:      "template_changed",
	TemplateEvicted:      "template_evicted",
	StreamEvicted:        "stream_evicted",
	TooManySets:          "too_many_sets",
}

// String gives the reason's name, which is also its key in the books.
func (r Reason) String() string {
	if r >= reasons {
		return "unknown"
	}
	return reasonNames[r]
}

// Reasons goes through all reasons there are.
func Reasons() iter.Seq[Reason] {
	return func(yield func(Reason) bool) {
		for r := range reasons {
			if !yield(r) {
				return
			}
		}
	}
}

// Rejects counts what could not be used in one datagram, by Reason.
type Rejects [reasons]uint16

func (r *Rejects) add(reason Reason) { r[reason]++ }

// Total is the count of all reasons.
func (r *Rejects) Total() int {
	total := 0
	for _, n := range r {
		total += int(n)
	}
	return total
}

// All goes through the reasons that occurred and how often each did.
func (r *Rejects) All() iter.Seq2[Reason, int] {
	return func(yield func(Reason, int) bool) {
		for reason, n := range r {
			if n != 0 && !yield(Reason(reason), int(n)) {
				return
			}
		}
	}
}

// RejectTotals sums Rejects over many datagrams.
type RejectTotals [reasons]uint64

// Add adds one datagram's rejects.
func (t *RejectTotals) Add(rejects *Rejects) {
	for reason, n := range rejects {
		t[reason] += uint64(n)
	}
}

// All goes through the reasons that occurred and how often each did.
func (t *RejectTotals) All() iter.Seq2[Reason, uint64] {
	return func(yield func(Reason, uint64) bool) {
		for reason, n := range t {
			if n != 0 && !yield(Reason(reason), n) {
				return
			}
		}
	}
}
