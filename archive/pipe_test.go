package archive

import (
	"os"
	"testing"
)

// Several processes share the folder of FIFOs of a given server; whoever closes
// last but one removes it under the other.
func TestSharedPipesOutliveTheirFolder(t *testing.T) {
	folder, err := pipeFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &pipes{folder: folder, mode: 0o644, shared: true}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	if err := p.sweep(); err != nil {
		t.Error(err)
	}
	name, err := p.make()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(name); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("%v %v", info, err)
	}
	if err := p.sweep(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(name); !os.IsNotExist(err) {
		t.Errorf("not swept: %v", err)
	}
}
