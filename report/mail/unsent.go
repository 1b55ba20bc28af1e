package mail

import (
	"errors"
	"fmt"
)

// Unsent says which mails were not sent, and what becomes of them; nil when all were.
// Busy are those that another process is sending: how that ends is not known.
func (result *Result) Unsent(busy int, period string) error {
	if result.Waiting+result.GivenUp+busy == 0 {
		return nil
	}
	var problems []error
	for _, problem := range result.Problems {
		if problem.GivenUp {
			problems = append(problems, fmt.Errorf("%w; it is given up", problem))
			continue
		}
		problems = append(problems, problem)
	}
	if busy > 0 {
		mails := "1 mail"
		if busy > 1 {
			mails = fmt.Sprintf("%d mails", busy)
		}
		problems = append(problems, fmt.Errorf("another process is sending %s of %s", mails, period))
	}
	failed := result.Waiting + result.GivenUp + busy
	summary := fmt.Sprintf("%d of %d mails were not sent", failed, failed+result.Sent)
	if result.Waiting > 0 {
		summary += fmt.Sprintf("; nfacct run tries %d again, and so does the next nfacct report --send", result.Waiting)
	}
	if result.GivenUp > 0 {
		summary += fmt.Sprintf("; %d given up: nfacct report --to ADDRESS sends one anew", result.GivenUp)
	}
	return errors.Join(append(problems, errors.New(summary))...)
}
