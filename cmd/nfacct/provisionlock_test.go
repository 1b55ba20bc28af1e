package main

import (
	"os"
	"path/filepath"
	"testing"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/provision"
	"nfacct/routeros/routerostest"
)

// Of two provisions at once the second goes away, with the exit code for later; one
// that only looks does not.
func TestProvisionTwice(t *testing.T) {
	device := startMikrotik(t, routerostest.DeviceConfig{Office: smallOffice(t)})
	name := provisionConfig(t, freePort(t), "", device.Addr().String())
	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := provision.Lock(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"provision", "--wait", "0"}, {"provision", "--undo"}} {
		typed(append([]string{"--config", name}, args...)...).want(t, 75, "another nfacct provision is under way")
	}
	typed("--config", name, "provision", "--dry-run").want(t, 0, "would be written")
	unlock()
	typed("--config", name, "provision", "--wait", "0").want(t, 0)

	// A state folder that cannot be one names its key.
	if err := os.WriteFile(filepath.Join(filepath.Dir(name), "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.State = filepath.Join(filepath.Dir(name), "file", "state")
	if _, err := provision.Lock(cfg); err == nil {
		t.Error("a folder in a file")
	}
}
