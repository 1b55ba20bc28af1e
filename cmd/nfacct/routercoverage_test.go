package main

import (
	"bytes"
	"testing"
)

// There is a figure only where one is known.
func TestCoveragePrinted(t *testing.T) {
	var b bytes.Buffer
	(&routerCoverage{FlowBytes: 1, CounterBytes: 2}).print(&b)
	if b.String() != "  coverage: not known\n" {
		t.Errorf("printed %q", &b)
	}
}
