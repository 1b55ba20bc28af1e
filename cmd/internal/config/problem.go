package config

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with a configuration file.
type Problem struct {
	File   string
	Line   int
	Key    string // path of the key, as in router[0].inside; may be empty
	What   string // what is wrong
	Remedy string // what to do about it; may be empty
}

// Error gives file, line, key, what is wrong and the remedy, on one line.
func (p Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: ", p.File, p.Line)
	if p.Key != "" {
		fmt.Fprintf(&b, "%s: ", stripIndexes(p.Key))
	}
	b.WriteString(p.What)
	if p.Remedy != "" {
		fmt.Fprintf(&b, "; %s", p.Remedy)
	}
	return b.String()
}

// Problems is everything that is wrong with a file, in order of lines.
type Problems []Problem

// Error gives a line for each problem.
func (p Problems) Error() string {
	texts := make([]string, len(p))
	for i := range p {
		texts[i] = p[i].Error()
	}
	return strings.Join(texts, "\n")
}
