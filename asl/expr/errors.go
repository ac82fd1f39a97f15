package expr

import "errors"

// The ASL error names that evaluation can end with.
const (
	nameParameterPath = "States.ParameterPathFailure"
	nameIntrinsic     = "States.IntrinsicFailure"
	nameDataLimit     = "States.DataLimitExceeded"
)

// ErrNoMatch is wrapped by the error of [Path.Get] when a definite path selects nothing. Which ASL error that is depends on the
// field that holds the path.
var ErrNoMatch = errors.New("the path selects nothing")

// Error is a failed evaluation, as a state machine sees it.
type Error struct {
	Name    string // the ASL error name, States.IntrinsicFailure for example
	Message string // the Cause
}

func (e *Error) Error() string { return e.Name + ": " + e.Message }

// SyntaxError refuses a payload template or a choice rule.
type SyntaxError struct {
	Path    string // where in the value, without the leading "$": ".And[1].Variable"; "" is the value itself
	Message string
}

func (e *SyntaxError) Error() string { return "$" + e.Path + ": " + e.Message }

// noMatch is the error of one path; it is made when the path is parsed, so that a miss costs no allocation.
type noMatch struct{ path *Path }

func (e *noMatch) Error() string { return e.path.text + ": " + ErrNoMatch.Error() }

func (e *noMatch) Unwrap() error { return ErrNoMatch }
