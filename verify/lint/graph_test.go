package lint

import (
	"slices"
	"testing"

	"tripsaga/asl"
)

func TestWhatACatcherLeavesToTheNext(t *testing.T) {
	for _, c := range []struct {
		earlier, errors, left []string
	}{
		{nil, []string{"Odd"}, []string{"Odd"}},
		{[]string{"Odd"}, []string{"Odd", "Even"}, []string{"Even"}},
		{nil, []string{asl.ErrRuntime}, nil},
		{[]string{asl.ErrTaskFailed}, []string{"Odd", asl.ErrHeartbeatTimeout, asl.ErrPermissions}, nil},
		{[]string{asl.ErrTaskFailed}, []string{asl.ErrTimeout}, []string{asl.ErrTimeout}},
		{[]string{asl.ErrTaskFailed}, []string{asl.ErrDataLimitExceeded}, []string{asl.ErrDataLimitExceeded}},
		{[]string{asl.ErrTaskFailed}, []string{asl.ErrBranchFailed}, []string{asl.ErrBranchFailed}},
		{[]string{asl.ErrTaskFailed}, []string{asl.ErrAll}, []string{asl.ErrAll}},
		{[]string{asl.ErrTimeout}, []string{asl.ErrHeartbeatTimeout}, nil},
		{[]string{asl.ErrHeartbeatTimeout}, []string{asl.ErrTimeout}, []string{asl.ErrTimeout}},
	} {
		if got := left([]asl.CatchInfo{{Errors: c.earlier}}, c.errors); !slices.Equal(got, c.left) {
			t.Errorf("behind %v: %v leaves %v, want %v", c.earlier, c.errors, got, c.left)
		}
	}
}
