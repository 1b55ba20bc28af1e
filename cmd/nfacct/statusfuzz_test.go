package main

import (
	"bytes"
	"io"
	"testing"
	"time"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/daemon"
	"nfacct/collector"
)

// FuzzStatusFile: whatever stands in collector.json, status says something.
func FuzzStatusFile(f *testing.F) {
	f.Add([]byte(`{"written":"2026-11-23T12:00:00Z","running":true,"pid":1,"started":"2026-11-23T11:00:00Z","exporters":[{"router":"office","address":"192.0.2.1","versions":["IPFIX"],"datagrams":3}],"refused":[{"address":"192.0.2.2","datagrams":1}],"sockets":[{"address":"0.0.0.0:8787","kernel_dropped":1}],"spool":{"folder":"/s","open":"2026-11-23/20261123T120000Z.pcapng.zst","full":true,"error":"no\nspace"}}`))
	f.Add([]byte(`{"sockets":[{"address":"","kernel_dropped":null}],"exporters":[{"address":""}],"spool":{"bytes":-1}}`))
	f.Add([]byte("\x00"))
	cfg, err := config.Parse("nfacct.toml", "state = \"/s\"\ntimezone = \"UTC\"\n")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var s daemon.Status
		if err := collector.ParseStatus(bytes.NewReader(text), &s); err != nil {
			return
		}
		printStatus(io.Discard, &s, time.Now(), cfg, false, 0)
	})
}
