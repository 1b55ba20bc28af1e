package routerostest

import (
	"testing"
	"time"

	"nfacct/routeros/officetest"
)

// monday is the day of most tests.
var monday = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func newOffice(t testing.TB, cfg officetest.Config) *officetest.Office {
	t.Helper()
	o, err := officetest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
