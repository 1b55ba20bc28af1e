package stages

import (
	"fmt"

	"nfacct/archive"
)

// ImportAgain are the commands that load days again, one for days in a row.
func ImportAgain(days []archive.Day) (commands []string) {
	for i := 0; i < len(days); {
		j := i
		for j+1 < len(days) && days[j+1] == days[j].Add(1) {
			j++
		}
		if i == j {
			commands = append(commands, fmt.Sprintf("nfacct import --day %s", days[i]))
		} else {
			commands = append(commands, fmt.Sprintf("nfacct import --from %s --to %s", days[i], days[j]))
		}
		i = j + 1
	}
	return commands
}
