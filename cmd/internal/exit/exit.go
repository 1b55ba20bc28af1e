// Package exit gives errors the exit codes of nfacct, which are a contract with cron
// jobs and monitoring.
package exit

import (
	"errors"

	"nfacct/archive"
)

// Exit codes.
const (
	CodeOK        = 0
	CodeFailed    = 1
	CodeUsage     = 2  // a wrong command line or configuration
	CodePartial   = 3  // some routers, files or recipients failed
	CodeTemporary = 75 // EX_TEMPFAIL of sysexits.h: locked, database down
)

// Exit codes of Nagios plugins (Monitoring Plugins Development Guidelines).
const (
	NagiosWarning  = 1
	NagiosCritical = 2
	NagiosUnknown  = 3
)

// coded is an error with its exit code.
type coded struct {
	code int
	err  error
}

func (e *coded) Error() string { return e.err.Error() }
func (e *coded) Unwrap() error { return e.err }

// With gives an error an exit code; Usage, Partial and Temporary give the usual ones.
func With(code int, err error) error { return &coded{code, err} }

// Usage is an error of the command line or the configuration.
func Usage(err error) error { return With(CodeUsage, err) }

// Partial is an error of some, while others went well.
func Partial(err error) error { return With(CodePartial, err) }

// Temporary is an error that trying later may heal.
func Temporary(err error) error { return With(CodeTemporary, err) }

// Database makes an error of the archive temporary if it can heal by itself.
func Database(err error) error {
	if errors.Is(err, archive.ErrLocked) || errors.Is(err, archive.ErrUnavailable) {
		return Temporary(err)
	}
	return err
}

// Code is the exit code of an error; the first one that it wraps counts.
func Code(err error) int {
	if e := (*coded)(nil); errors.As(err, &e) {
		return e.code
	}
	return CodeFailed
}

// Join joins errors of things that failed side by side. The result is temporary
// only if trying later may help all of them.
func Join(errs ...error) error {
	err := errors.Join(errs...)
	for _, e := range errs {
		if e != nil && Code(e) != CodeTemporary {
			return With(Code(e), err)
		}
	}
	return err
}
