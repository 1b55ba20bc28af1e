package query

import (
	"encoding/json"
	"fmt"
	"io"
)

// JSON writes an answer as nfacct query --json does, row by row. What is known of it
// when all rows are written stands last.
type JSON struct {
	Answer *Answer // set before Close

	out  io.Writer
	rows int
}

// NewJSON writes to a stream.
func NewJSON(out io.Writer) *JSON { return &JSON{out: out} }

// Row writes a row.
func (j *JSON) Row(values []any) error {
	text, err := json.Marshal(values)
	if err != nil {
		return err
	}
	begin := ",\n  "
	if j.rows == 0 {
		begin = "{\"rows\": [\n  "
	}
	j.rows++
	_, err = io.WriteString(j.out, begin+string(text))
	return err
}

// Close writes the rest.
func (j *JSON) Close() error {
	begin := "\n],"
	if j.rows == 0 {
		begin = "{\"rows\": [],"
	}
	encoded := func(value any) string {
		text, err := json.Marshal(value)
		if err != nil {
			panic(err) // of texts and numbers
		}
		return string(text)
	}
	a := j.Answer
	_, err := fmt.Fprintf(j.out, "%s\n\"columns\": %s,\n\"more\": %t,\n\"sql\": %s,\n\"ran\": %s,\n\"elapsed_ms\": %d,\n\"rows_examined\": %d,\n\"tables\": %s}\n",
		begin, encoded(a.Columns), a.More, encoded(a.SQL), encoded(a.Ran), a.Elapsed.Milliseconds(), a.Examined, encoded(a.Tables))
	return err
}
