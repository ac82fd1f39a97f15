package engine

import (
	"errors"
	"fmt"
	"testing"
)

// caused is an error of a task that brings its own cause.
type caused struct{ error }

func (caused) ErrorName() string  { return "Refused" }
func (caused) ErrorCause() string { return `{"errorType":"Refused","stackTrace":[]}` }

func TestCauses(t *testing.T) {
	for want, err := range map[string]error{
		`{"errorType":"Refused","stackTrace":[]}`:            fmt.Errorf("wrapped: %w", caused{errors.New("no")}),
		`{"errorMessage":"no","errorType":"Broken"}`:         &TaskError{Name: "Broken", Message: "no"},
		`{"errorMessage":"plain","errorType":"errorString"}`: errors.New("plain"),
	} {
		if got := failure(1, err).Failed.Cause; got != want {
			t.Errorf("%v: cause %s, want %s", err, got, want)
		}
	}
}
