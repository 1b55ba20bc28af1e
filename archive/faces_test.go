package archive

import (
	"reflect"
	"testing"
)

// What can be asked of an archive is asked of its faces: Reader, Routers, Proxy, Mails,
// Runs and Asker, and of the locks Writer and Packing.
func TestFaces(t *testing.T) {
	const most = 20
	archive := reflect.TypeFor[*Archive]()
	if n := archive.NumMethod(); n > most {
		var names []string
		for i := range n {
			names = append(names, archive.Method(i).Name)
		}
		t.Errorf("Archive has %d exported methods: %v; give those of one matter to a face", n, names)
	}
}
