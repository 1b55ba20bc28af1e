package archive

import (
	"errors"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// TestWhatIsDamage: what the machine refused the storage engine is no damage, and
// nobody is sent to repair a table for it.
func TestWhatIsDamage(t *testing.T) {
	for text, want := range map[string]bool{
		`Got error 24 "Too many open files" from storage engine Aria`:                    false,
		`Got error 24 - 'Too many open files' from storage engine`:                       false,
		`Got error 28 "No space left on device" from storage engine MyISAM`:              false,
		`Got error 122 "Disk quota exceeded" from storage engine Aria`:                   false,
		`Got error 12 "Cannot allocate memory" from storage engine MyISAM`:               false,
		`Got error 13 "Permission denied" from storage engine Aria`:                      false,
		`Got error 30 "Read-only file system" from storage engine Aria`:                  false,
		`Got error 5 "Input/output error" from storage engine MyISAM`:                    true,
		`Got error 126 "Index is corrupted" from storage engine MyISAM`:                  true,
		`Got error 240 "Something of an engine" from storage engine Aria`:                true,
		`Index for table './nfacct/imports.MAI' is corrupt; try to repair it`:            true,
		`Got error 127 "Record on wrong place (corrupted record)" from storage engine X`: true,
	} {
		err := wrap("read ledger", &mysql.MySQLError{Number: 1030, Message: text})
		if errors.Is(err, ErrDamaged) != want {
			t.Errorf("%s: damage %v, want %v", text, !want, want)
		}
	}
}
