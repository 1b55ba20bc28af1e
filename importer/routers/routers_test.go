package routers

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"nfacct/archive"
	"nfacct/importer"
	"nfacct/importer/attribution"
	"nfacct/routeros"
)

// A list of wan that is too long to be kept is said.
func TestTooLong(t *testing.T) {
	var said bytes.Buffer
	k := Keeper{Log: slog.New(slog.NewTextHandler(&said, nil))}
	router := importer.Router{Name: "gw"}
	router.Uplinks = []attribution.Uplink{{Name: "WAN"}, {Name: "CLIENTS"}, {Index: 1}}
	facts := &routeros.Facts{Lists: map[string][]string{"WAN": make([]string, archive.MostMembers), "CLIENTS": make([]string, archive.MostMembers+1), "LAN": make([]string, 500)}}
	if k.tooLong(router, facts); strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), "list=CLIENTS") {
		t.Error(said.String())
	}
}
