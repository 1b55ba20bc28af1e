package web

import (
	"encoding/json"
	"fmt"
	"io"

	"nfacct/report/query"
	"nfacct/report/sheet"
)

// jsonRows writes an answer as JSON, row by row. The number of rows stands last.
type jsonRows struct {
	out     io.Writer
	head    sheet.Head
	columns []query.Column
	rows    int
}

func (j *jsonRows) Row(values []any) error {
	text, err := json.Marshal(values)
	if err != nil {
		return err
	}
	separator := ",\n  "
	if j.rows == 0 {
		if separator, err = j.begin(); err != nil {
			return err
		}
	}
	j.rows++
	_, err = io.WriteString(j.out, separator+string(text))
	return err
}

func (j *jsonRows) begin() (string, error) {
	facts := map[string]string{}
	for _, f := range j.head.Facts {
		facts[f.Name] = f.Text
	}
	text, err := json.Marshal(struct {
		Title   string            `json:"title"`
		Facts   map[string]string `json:"facts"`
		Columns []query.Column    `json:"columns"`
	}{j.head.Title, facts, j.columns})
	if err != nil {
		return "", err
	}
	return string(text[:len(text)-1]) + ", \"rows\": [\n  ", nil
}

func (j *jsonRows) Close() error {
	begin := ""
	if j.rows == 0 {
		var err error
		if begin, err = j.begin(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(j.out, "%s\n], \"count\": %d}\n", begin, j.rows)
	return err
}
