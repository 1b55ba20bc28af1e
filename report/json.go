package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
)

// plainUsage is a Usage without its methods.
type plainUsage Usage

// hostsOf is where the list of hosts stands in a Usage without any, indented.
var hostsOf = []byte("\n  \"hosts\": [")

// WriteJSON writes the usage as indented JSON, one host after the other, so that
// the text of all is never held.
func (u *Usage) WriteJSON(w io.Writer) error {
	frame := plainUsage(*u)
	frame.Hosts = []Host{}
	text, err := json.MarshalIndent(&frame, "", "  ")
	if err != nil {
		return err
	}
	at := bytes.Index(text, hostsOf) + len(hostsOf) // text in JSON has no line ends
	out := bufio.NewWriterSize(w, 64<<10)
	out.Write(text[:at])
	separator, end := "\n    ", ""
	err = u.EachHost(func(h *Host) error {
		one, err := json.MarshalIndent(h, "    ", "  ")
		if err != nil {
			return err
		}
		out.WriteString(separator)
		separator, end = ",\n    ", "\n  "
		_, err = out.Write(one) // it keeps the first error
		return err
	})
	if err != nil {
		return err
	}
	out.WriteString(end)
	out.Write(text[at:])
	out.WriteByte('\n')
	return out.Flush()
}

// MarshalJSON writes all hosts, be they held or not.
func (u Usage) MarshalJSON() ([]byte, error) {
	if u.rest == nil {
		return json.Marshal(plainUsage(u))
	}
	var b bytes.Buffer
	err := u.WriteJSON(&b)
	return b.Bytes(), err
}
